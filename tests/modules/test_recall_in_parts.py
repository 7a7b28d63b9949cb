"""What followed when this was heard before: in the piece, in a part, at another height, in rhythm alone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.modules.heard_before import NOTHING, ORDERS
from ritornello.modules.recall_in_parts import (
    VIEWS,
    Recalled,
    RecallState,
    nothing_recalled,
    recall_in_parts,
    recall_state_bytes,
)

PARTS, FIRST_PITCH = 4, 200


class Tokens(NamedTuple):
    """Each (B, T)."""

    ids: Tensor
    pitch: Tensor
    part: Tensor
    place: Tensor


def line(pitches: list[int], part: int = 1, first_place: int = 0) -> Tokens:
    """A note at each place of the bar, of two tokens: its pitch and its length, which tells eight places apart."""
    ids = torch.tensor([[token for i, pitch in enumerate(pitches) for token in (FIRST_PITCH + pitch, i % 8)]])
    place = first_place + torch.arange(len(pitches)).repeat_interleave(2)[None] % 8
    return Tokens(ids, _pitches(ids), torch.full_like(ids, part), place)


def in_turns(first: Tokens, second: Tokens) -> Tokens:
    """A note of the one, a note of the other."""
    columns = (
        torch.stack([a.view(-1, 2), b.view(-1, 2)], dim=1).view(1, -1) for a, b in zip(first, second, strict=True)
    )
    return Tokens(*columns)


def recalled(tokens: Tokens) -> Recalled:
    return recall_in_parts(*tokens, nothing_recalled(len(tokens.ids), PARTS, tokens.ids.device))[0]


def named(tokens: Tokens, found: Recalled, t: int) -> list[int | None]:
    """What each view says comes after token t."""
    place_V, up_V = found.place_BTV[0, t].tolist(), found.semitones_BTV[0, t].tolist()
    says = [None if place < 0 else int(tokens.ids[0, place]) for place in place_V]
    return [token if token is None or token < FIRST_PITCH else token + up for token, up in zip(says, up_V, strict=True)]


def _pitches(ids: Tensor) -> Tensor:
    return torch.where(ids >= FIRST_PITCH, ids - FIRST_PITCH, NOTHING)


TUNE = [60, 62, 64, 65, 67, 69, 71, 72]


def test_the_same_again_is_known_in_every_view() -> None:
    tokens = line(TUNE + TUNE[:4])
    last = tokens.ids.shape[1] - 1
    assert named(tokens, recalled(tokens), last) == [FIRST_PITCH + 67] * len(VIEWS)


def test_a_part_is_followed_whatever_others_do() -> None:
    """The second part never comes back to a pitch, nor to a length."""
    other = line(list(range(20, 32)), part=2)
    lengths = 20 + torch.arange(other.ids.shape[1])
    other = other._replace(ids=torch.where(other.pitch == NOTHING, lengths, other.ids))
    tokens = in_turns(line(TUNE + TUNE[:4]), other)
    found = recalled(tokens)
    before_last = tokens.ids.shape[1] - 3  # the last token of the first part
    says = dict(zip(VIEWS, named(tokens, found, before_last), strict=True))
    assert says["piece"] is None
    assert int(found.order_index_BTV[0, before_last, 1]) == ORDERS.index(8)
    # what followed there, in the order of the piece, was the second part's
    assert says["part"] == FIRST_PITCH + 23


def test_what_is_transposed_is_known_by_its_intervals() -> None:
    tokens = line(TUNE + [pitch + 5 for pitch in TUNE[:4]])
    last = tokens.ids.shape[1] - 1
    says = dict(zip(VIEWS, named(tokens, recalled(tokens), last), strict=True))
    up_again = FIRST_PITCH + 67 + 5
    assert says == {"piece": None, "part": None, "part, transposed": up_again, "rhythm": up_again}


def test_the_lowest_pitch_is_a_pitch() -> None:
    down = [3, 2, 1, 0]
    higher = [pitch + 5 for pitch in down]
    tokens = Tokens(*(torch.cat(pair, dim=1) for pair in zip(line(down), line(higher), strict=True)))
    assert recalled(tokens).semitones_BTV[0, -1].tolist() == [0, 0, 5, 5]


def test_nothing_new_is_nothing() -> None:
    tokens = line(TUNE)
    _, state = recall_in_parts(*tokens, nothing_recalled(1, PARTS, tokens.ids.device))
    found, again = recall_in_parts(*(column[:, :0] for column in tokens), state)
    assert found.place_BTV.shape == (1, 0, len(VIEWS))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(state, again, strict=True))


def test_in_a_part_a_place_in_the_bar_must_be_the_same() -> None:
    tokens = Tokens(*(torch.cat(pair, dim=1) for pair in zip(line(TUNE), line(TUNE[:4], first_place=3), strict=True)))
    last = tokens.ids.shape[1] - 1
    says = dict(zip(VIEWS, named(tokens, recalled(tokens), last), strict=True))
    assert says["piece"] == FIRST_PITCH + 67
    assert says["part"] is says["part, transposed"] is None


def test_outside_all_parts_there_is_no_part_to_look_in() -> None:
    tokens = line(TUNE + TUNE[:4], part=0)
    assert named(tokens, recalled(tokens), tokens.ids.shape[1] - 1)[1:3] == [None, None]


@given(seed=st.integers(0, 999), sizes=st.lists(st.integers(1, 60), max_size=40))
@settings(max_examples=30, deadline=None)
def test_any_chunks_are_the_whole(seed: int, sizes: list[int]) -> None:
    """All that is known, and the state, of its stated size."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.where(
        torch.rand(2, 90, generator=generator) < 0.5,
        FIRST_PITCH + torch.randint(60, 63, (2, 90), generator=generator),
        torch.randint(3, (2, 90), generator=generator),
    )
    part, place = (torch.randint(high, (2, 90), generator=generator) for high in (PARTS, 2))
    tokens = Tokens(ids, _pitches(ids), part, place)
    whole, end = recall_in_parts(*tokens, nothing_recalled(2, PARTS, ids.device))
    state, start, found = nothing_recalled(2, PARTS, ids.device), 0, list[Recalled]()
    for size in [*sizes, 90]:
        stop = min(start + size, 90)
        if start < stop:
            some, state = recall_in_parts(*(column[:, start:stop] for column in tokens), state)
            found.append(some)
            assert _bytes(state) == recall_state_bytes(2, PARTS, stop)
        start = stop
    for columns, expected in zip(zip(*found, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(columns, dim=1), expected)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(state, end, strict=True))


@given(seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_what_followed_stands_no_later_than_now(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(FIRST_PITCH + 60, FIRST_PITCH + 62, (1, 200), generator=generator)
    part = torch.randint(PARTS, (1, 200), generator=generator)
    found = recalled(Tokens(ids, _pitches(ids), part, torch.zeros_like(part)))
    assert (found.place_BTV <= torch.arange(200)[:, None]).all()
    assert (found.place_BTV != NOTHING).any()


def _bytes(state: RecallState) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in state)
