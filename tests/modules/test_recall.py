"""What followed when this was heard before: against looking through the whole past, note by note."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.modules.recall import (
    CHORD_STEPS,
    FARTHEST_VELOCITY,
    FARTHEST_WAIT,
    NOTHING,
    NUM_MATCHES,
    NUM_NAMED,
    NUM_STRUCK,
    ORDERS,
    Recalled,
    RecallHead,
    RecallState,
    nothing_heard,
    recall,
)

SPECIALS = 3
events = st.one_of(
    st.integers(60, 62),  # NOTE_ON of few pitches, so that much returns
    st.integers(0, 127),
    st.integers(128, 255),
    st.integers(256, 260),  # within a chord or just not
    st.integers(256, 355),
    st.integers(356, 387),
    st.just(-1),
)
pieces = st.lists(events, min_size=1, max_size=60)


def known_after(pieces: list[list[int]]) -> tuple[Recalled, RecallState]:
    ids = torch.tensor([[SPECIALS + event for event in piece] for piece in pieces])
    return recall(ids, nothing_heard(len(pieces), torch.device("cpu")), SPECIALS)


def chords_of(piece: list[int]) -> tuple[list[list[tuple[int, int, int]]], int, int]:
    """Chords of (clock, pitch, velocity) in the order of sounding; the clock, and the velocity, at the end."""
    chords, clock, velocity = list[list[tuple[int, int, int]]](), 0, 16
    for event in piece:
        clock += event - 255 if 256 <= event < 356 else 0
        velocity = event - 356 if event >= 356 else velocity
        if 0 <= event < 128:
            if not chords or clock - chords[-1][-1][0] > CHORD_STEPS:
                chords.append([])
            chords[-1].append((clock, event, velocity))
    return chords, clock, velocity


def looked_for(piece: list[int]) -> tuple[int, list[list[int]], tuple[int, int, int]]:
    """The columns of ``Recalled`` after a piece, by looking at every earlier place."""
    chords, clock, _ = chords_of(piece)
    newest = chords[-1][-1] if chords else (0, 0, 0)
    in_progress = chords.pop() if chords and clock - newest[0] <= CHORD_STEPS else []
    notes = [(pitch, loud, number) for number, chord in enumerate(chords) for _, pitch, loud in by_pitch(chord)]
    pitches = [pitch for pitch, _, _ in notes]
    struck = [pitch for _, pitch, _ in in_progress][-NUM_STRUCK:]
    places = found_places(pitches)
    named = list[list[int]]()
    for kind in ("same", "moved"):
        for order in ORDERS:
            place, mine = places.get((order, kind), 0), list[int]()
            for index in range(place, place + NUM_NAMED) if place else ():
                if index < len(notes) and notes[index][2] == notes[place][2]:
                    pitch = pitches[index] + (pitches[-1] - pitches[place - 1] if kind == "moved" else 0)
                    mine.append(pitch if 0 <= pitch < 128 and pitch not in struck else NOTHING)
            named.append(mine + [NOTHING] * (NUM_NAMED - len(mine)))
    last = pitches[-1] if pitches else 0
    if not places:
        return last, named, (NOTHING, NOTHING, NOTHING)
    place = places[max(places)]  # the longest; "same" comes after "moved"
    end = next((index for index in range(place, len(notes)) if notes[index][2] != notes[place][2]), len(notes))
    following = place + len(struck) if not struck or place + len(struck) < end else end
    if following >= len(notes):
        return last, named, (NOTHING, NOTHING, NOTHING)
    number = notes[following][2]
    wait = chords[number][0][0] - (chords[number - 1][-1][0] if number else 0) - (clock - newest[0])
    wait = 0 if struck and following < end else max(0, wait)
    return last, named, (wait, notes[following][1], newest[2] + notes[following][1] - notes[following - 1][1])


def found_places(pitches: list[int]) -> dict[tuple[int, str], int]:
    places: dict[tuple[int, str], int] = {}
    for kind, symbols in (("moved", [b - a for a, b in pairwise(pitches)]), ("same", pitches)):
        for order in ORDERS:
            for place in range(order, len(symbols)):
                if symbols[place - order : place] == symbols[len(symbols) - order :]:
                    places[order, kind] = place + (kind == "moved")
    return places


def by_pitch(chord: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return sorted(chord, key=lambda note: note[1])


@given(
    rows=st.integers(1, 60).flatmap(
        lambda n: st.lists(st.lists(events, min_size=n, max_size=n), min_size=2, max_size=2)
    )
)
@settings(deadline=None)
def test_equals_looking_everywhere(rows: list[list[int]]) -> None:
    known, state = known_after(rows)
    assert state.event_BS.tolist() == rows
    for row, piece in enumerate(rows):
        for token in range(len(piece)):
            last, named, others = looked_for(piece[: token + 1])
            assert known.last_BT[row, token] == last
            assert known.named_BTCK[row, token].tolist() == named
            assert tuple(int(column[row, token]) for column in known[2:]) == others


@given(piece=pieces, sizes=st.lists(st.integers(1, 9), max_size=20))
@settings(deadline=None)
def test_any_chunks_equal_the_whole(piece: list[int], sizes: list[int]) -> None:
    whole, after = known_after([piece])
    ids, state = torch.tensor([piece]) + SPECIALS, nothing_heard(1, torch.device("cpu"))
    parts, start = list[Recalled](), 0
    for size in [*sizes, len(piece)]:
        if start < len(piece):
            part, state = recall(ids[:, start : start + size], state, SPECIALS)
            parts.append(part)
            start += size
    for ours, theirs in zip(zip(*parts, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(ours, dim=1), theirs)
    assert torch.equal(state.event_BS, after.event_BS)


def test_a_passage_returns_a_fourth_higher_later_and_softer() -> None:
    """Five notes 20 steps apart, each 2 bins louder; then all a fourth higher, from bin 3 on."""
    theme = [event for note, pitch in enumerate([60, 67, 63, 70, 62]) for event in (275, 356 + 10 + 2 * note, pitch)]
    moved = [event for note, pitch in enumerate([65, 72, 68, 75, 67]) for event in (275, 356 + 3 + 2 * note, pitch)]
    known, _ = known_after([[*theme, 275, 356 + 20, 72, *moved, 260]])
    same, transposed = known.named_BTCK[0, -1].split(len(ORDERS))
    assert (same == NOTHING).all()
    assert transposed[:, 0].tolist() == [77, 77, NOTHING, NOTHING, NOTHING, NOTHING]  # four intervals were the same
    assert (transposed[:, 1:] == NOTHING).all()
    assert (known.wait_BT[0, -1], known.velocity_BT[0, -1], known.louder_BT[0, -1]) == (20 - 5, 20, 11 + 20 - 18)


def test_a_chord_is_known_however_it_was_rolled() -> None:
    wait, rolled = 265, 256  # 10 steps; 1 step
    steps = [event for pitch in (60, 62, 64) for event in (wait, pitch)]
    known, _ = known_after([[*steps, wait, 67, 71, rolled, 74, *steps, wait, 74]])
    before, after = known.named_BTCK[0, -2, 0], known.named_BTCK[0, -1, 0]
    assert before.tolist() == [67, 71, 74, NOTHING]  # what follows, from the lowest on
    assert after.tolist() == [67, 71, NOTHING, NOTHING]  # what is still missing


def test_a_match_adds_to_what_it_names() -> None:
    head = RecallHead(4)
    torch.nn.init.zeros_(head.worth_head.bias)
    head.worth_head.bias.data[:NUM_MATCHES] = 1.0
    head.worth_head.bias.data[NUM_MATCHES + FARTHEST_WAIT] = 2.0  # exactly when it was
    head.worth_head.bias.data[NUM_MATCHES + 2 * FARTHEST_WAIT + 1 + FARTHEST_VELOCITY] = 3.0  # exactly as loud
    piece = [event for pitch in (60, 61, 62, 63, 60, 61, 62) for event in (265, 370, pitch)]
    known, _ = known_after([[*piece, 260]])
    added = head(torch.zeros(1, len(piece) + 1, 4), known)[0, -1].detach()
    assert added.shape == (388,)
    assert {int(event): float(added[event]) for event in added.nonzero()} == {
        63: float((known.named_BTCK[0, -1] == 63).sum()),
        256 + 10 - 5 - 1: 2.0,
        370: 3.0,
    }
    assert not head(torch.zeros(1, 1, 4), known_after([[60]])[0]).any()
