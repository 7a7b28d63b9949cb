"""What followed when this was heard before: against looking through the whole past, note by note."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.modules.recall import NOTHING, NUM_CANDIDATES, ORDERS, RecallHead, nothing_heard, recall

SPECIALS, OTHER = 3, 3 + 300
pieces = st.lists(st.one_of(st.integers(60, 62), st.integers(0, 127), st.just(-1)), min_size=1, max_size=60)


def ids_of(pitches: list[int]) -> torch.Tensor:
    return torch.tensor([[OTHER if pitch < 0 else SPECIALS + pitch for pitch in pitches]])


def looked_for(notes: list[int]) -> list[int]:
    """The candidates after these notes, by looking at every earlier place."""
    found: list[int] = []
    for symbols in (notes, [b - a for a, b in itertools.pairwise(notes)]):
        for order in ORDERS:
            pitch = NOTHING
            for place in range(order, len(symbols)):
                if symbols[place - order : place] == symbols[len(symbols) - order :]:
                    pitch = symbols[place] + (0 if symbols is notes else notes[-1])
            found.append(pitch if 0 <= pitch < 128 else NOTHING)
    return found


@given(pitches=pieces)
@settings(deadline=None)
def test_equals_looking_everywhere(pitches: list[int]) -> None:
    known, state = recall(ids_of(pitches), nothing_heard(1, torch.device("cpu")), SPECIALS)
    assert state.pitch_BS.tolist() == [[pitch + 1 for pitch in pitches]]
    for token in range(len(pitches)):
        notes = [pitch for pitch in pitches[: token + 1] if pitch >= 0]
        assert known.last_BT[0, token] == (notes[-1] if notes else 0)
        assert known.candidate_BTC[0, token].tolist() == looked_for(notes)


@given(pitches=pieces, sizes=st.lists(st.integers(1, 9), max_size=20))
@settings(deadline=None)
def test_any_chunks_equal_the_whole(pitches: list[int], sizes: list[int]) -> None:
    ids, state = ids_of(pitches), nothing_heard(1, torch.device("cpu"))
    whole, after = recall(ids, state, SPECIALS)
    parts, start = [], 0
    for size in [*sizes, len(pitches)]:
        if start < len(pitches):
            part, state = recall(ids[:, start : start + size], state, SPECIALS)
            parts.append(part.candidate_BTC)
            start += size
    assert torch.equal(torch.cat(parts, dim=1), whole.candidate_BTC)
    assert torch.equal(state.pitch_BS, after.pitch_BS)


def test_a_passage_returns_a_fourth_higher() -> None:
    theme = [60, 67, 63, 70, 62]
    known, _ = recall(
        ids_of([*theme, 72, *(pitch + 5 for pitch in theme)]), nothing_heard(1, torch.device("cpu")), SPECIALS
    )
    exact, transposed = known.candidate_BTC[0, -1].split(len(ORDERS))
    assert exact.tolist() == [NOTHING] * 6
    assert transposed.tolist() == [77, 77, NOTHING, NOTHING, NOTHING, NOTHING]  # four intervals were the same


def test_a_match_adds_to_the_pitch_that_it_names_alone() -> None:
    head = RecallHead(4)
    torch.nn.init.constant_(head.worth_head.bias, 1.0)
    known, _ = recall(ids_of([60, 61, 62, 63, 60, 61, 62]), nothing_heard(1, torch.device("cpu")), SPECIALS)
    added = head(torch.zeros(1, 7, 4), known)[0, -1]
    assert known.candidate_BTC[0, -1, 0] == 63
    assert added.nonzero().flatten().tolist() == [63]
    assert added[63] == (known.candidate_BTC[0, -1] == 63).sum()
    assert known.candidate_BTC.shape[-1] == NUM_CANDIDATES
