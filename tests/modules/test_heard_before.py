"""Where the last symbols were heard before, against looking everywhere; all at once and one by one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.modules.heard_before import NOTHING, ORDERS, HeardBefore, heard_before

few_symbols = st.lists(st.integers(-1, 2), min_size=50, max_size=50)
rows = st.lists(few_symbols, min_size=1, max_size=3)
THREADS = (False, True)


def threads_of(length: int, seed: int) -> list[int]:
    """For each token the one before it among those of one of three threads."""
    owner = torch.randint(3, (length,), generator=torch.Generator().manual_seed(seed)).tolist()
    before, last = list[int](), dict[int, int]()
    for place, own in enumerate(owner):
        before.append(last.get(own, NOTHING))
        last[own] = place
    return before


def by_looking(symbols: list[int], before: list[int]) -> tuple[int, int]:
    """The latest place behind the longest stretch of a known length, all symbols of which are there."""

    def up_to(place: int, length: int) -> list[int] | None:
        found = list[int]()
        while place >= 0 and len(found) < length and symbols[place] != NOTHING:
            found.append(symbols[place])
            place = before[place]
        return found if len(found) == length else None

    now = len(symbols) - 1
    for number, order in reversed(list(enumerate(ORDERS))):
        own = up_to(now, order)
        places = [place for place in range(now) if own is not None and up_to(place, order) == own]
        if places:
            return places[-1], number
    return NOTHING, NOTHING


def both_views(symbols: list[list[int]], seed: int) -> tuple[Tensor, Tensor, list[list[int]]]:
    """The same symbols as one thread and in three, each row with threads of its own."""
    before = [threads_of(len(row), seed + number) for number, row in enumerate(symbols)]
    return torch.tensor(symbols)[:, None].expand(-1, 2, -1), torch.tensor(before, dtype=torch.int32), before


@given(symbols=rows, again=st.integers(0, 50), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_latest_place_behind_the_longest_stretch(symbols: list[list[int]], again: int, seed: int) -> None:
    symbols = [row + row[:again] for row in symbols]
    symbol_BVS, before_BS, before = both_views(symbols, seed)
    found = heard_before(symbol_BVS, before_BS, THREADS, symbol_BVS.shape[2])
    for b, row in enumerate(symbols):
        for view, chain in enumerate((list(range(-1, len(row) - 1)), before[b])):
            expected = [by_looking(row[: t + 1], chain) for t in range(len(row))]
            assert list(zip(*(column[b, view].tolist() for column in found), strict=True)) == expected


@given(symbols=rows, start=st.integers(0, 99), stop=st.integers(1, 100), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_is_the_same_in_any_chunks(symbols: list[list[int]], start: int, stop: int, seed: int) -> None:
    """One token alone is looked for in another way."""
    symbol_BVS, before_BS, _ = both_views([row + row for row in symbols], seed)
    start, stop = sorted((min(start, stop - 1), stop))
    whole = heard_before(symbol_BVS, before_BS, THREADS, 100)
    for begin in (start, stop - 1):
        part = heard_before(symbol_BVS[..., :stop], before_BS[:, :stop], THREADS, stop - begin)
        for column, expected in zip(part, whole, strict=True):
            assert torch.equal(column, expected[..., begin:stop])


@pytest.mark.parametrize("num_tokens", [1, 120])
def test_as_many_as_are_sought_and_no_more(num_tokens: int) -> None:
    """After 60 symbols that never came before, the same 60: each order as soon as it is reached."""
    symbols = torch.arange(60).repeat(2)[None, None]
    before = torch.arange(-1, 119, dtype=torch.int32)[None]
    last_length = 60 if num_tokens == 1 else None
    found = heard_before(symbols, before, [False], num_tokens)
    for place, order, length in zip(
        found.match_end_BVT.flatten().tolist(),
        found.order_index_BVT.flatten().tolist(),
        [last_length] if last_length else [*[0] * 60, *range(1, 61)],
        strict=True,
    ):
        assert order == sum(length >= known for known in ORDERS) - 1
        assert place == (length - 1 if order >= 0 else NOTHING)


@pytest.mark.parametrize("length", range(1, min(ORDERS) + 1))
@pytest.mark.parametrize("threaded", [False, True])
def test_nothing_is_found_in_short_pieces(length: int, *, threaded: bool) -> None:
    ones, before = torch.ones(2, 1, length, dtype=torch.int32), torch.arange(-1, length - 1).expand(2, -1)
    for num_tokens in (1, length):
        found = heard_before(ones, before, [threaded], num_tokens)
        assert isinstance(found, HeardBefore)
        assert all((column == NOTHING).all() for column in found)
