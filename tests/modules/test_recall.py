"""What followed when this was heard before: against looking through the whole past, note by note."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.modules.recall import (
    FARTHEST_VELOCITY,
    FARTHEST_WAIT,
    NOTHING,
    NUM_CANDIDATES,
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
    st.integers(256, 355),
    st.integers(356, 387),
    st.just(-1),
)
pieces = st.lists(events, min_size=1, max_size=60)


def known_after(pieces: list[list[int]]) -> tuple[Recalled, RecallState]:
    ids = torch.tensor([[SPECIALS + event for event in piece] for piece in pieces])
    return recall(ids, nothing_heard(len(pieces), torch.device("cpu")), SPECIALS)


def looked_for(piece: list[int]) -> tuple[list[int], tuple[int, int, int]]:
    """Candidates, wait and velocities after a piece, by looking at every earlier place."""
    notes, clocks, velocities, clock, velocity = [], [], [], 0, 16
    for event in piece:
        clock += event - 255 if 256 <= event < 356 else 0
        velocity = event - 356 if event >= 356 else velocity
        if 0 <= event < 128:
            notes, clocks, velocities = [*notes, event], [*clocks, clock], [*velocities, velocity]
    found: dict[tuple[int, str], int] = {}
    for kind, symbols in (("moved", [b - a for a, b in pairwise(notes)]), ("same", notes)):
        for order in ORDERS:
            for place in range(order, len(symbols)):
                if symbols[place - order : place] == symbols[len(symbols) - order :]:
                    found[order, kind] = place + (kind == "moved")
    pitches = [notes[found[n, "same"]] if (n, "same") in found else NOTHING for n in ORDERS]
    for n in ORDERS:
        place = found.get((n, "moved"), 0)
        pitch = notes[-1] + notes[place] - notes[place - 1] if place else NOTHING
        pitches.append(pitch if 0 <= pitch < 128 else NOTHING)
    if not found:
        return pitches, (NOTHING, NOTHING, NOTHING)
    place = found[max(found)]  # the longest; "same" comes after "moved"
    wait = clocks[place] - clocks[place - 1] - (clock - clocks[-1])
    return pitches, (max(0, wait), velocities[place], velocities[-1] + velocities[place] - velocities[place - 1])


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
            notes = [event for event in piece[: token + 1] if 0 <= event < 128]
            assert known.last_BT[row, token] == (notes[-1] if notes else 0)
            candidates, others = looked_for(piece[: token + 1])
            assert known.candidate_BTC[row, token].tolist() == candidates
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
    exact, transposed = known.candidate_BTC[0, -1].split(len(ORDERS))
    assert exact.tolist() == [NOTHING] * 6
    assert transposed.tolist() == [77, 77, NOTHING, NOTHING, NOTHING, NOTHING]  # four intervals were the same
    assert (known.wait_BT[0, -1], known.velocity_BT[0, -1], known.louder_BT[0, -1]) == (20 - 5, 20, 11 + 20 - 18)


def test_a_match_adds_to_what_it_names() -> None:
    head = RecallHead(4)
    torch.nn.init.zeros_(head.worth_head.bias)
    head.worth_head.bias.data[:NUM_CANDIDATES] = 1.0
    head.worth_head.bias.data[NUM_CANDIDATES + FARTHEST_WAIT] = 2.0  # exactly when it was
    head.worth_head.bias.data[NUM_CANDIDATES + 2 * FARTHEST_WAIT + 1 + FARTHEST_VELOCITY] = 3.0  # exactly as loud
    piece = [event for pitch in (60, 61, 62, 63, 60, 61, 62) for event in (260, 370, pitch)]
    known, _ = known_after([piece])
    added = head(torch.zeros(1, len(piece), 4), known)[0, -1].detach()
    assert added.shape == (388,)
    assert {int(event): float(added[event]) for event in added.nonzero()} == {
        63: float((known.candidate_BTC[0, -1] == 63).sum()),
        256 + 5 - 1: 2.0,
        370: 3.0,
    }
    assert not head(torch.zeros(1, 1, 4), known_after([[60]])[0]).any()
