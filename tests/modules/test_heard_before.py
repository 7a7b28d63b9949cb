"""Where the last symbols were heard before, against looking everywhere; all at once and one by one."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.modules.heard_before import (
    NOTHING,
    ORDERS,
    HeardBefore,
    heard_before,
    heard_before_one_by_one,
    num_rows,
)

few_symbols = st.lists(st.integers(-1, 2), min_size=50, max_size=50)
rows = st.lists(few_symbols, min_size=1, max_size=3)
P = 4
"""Threads, the last of which has no token."""


def threads_of(length: int, seed: int) -> list[int]:
    """Which thread each token is in."""
    return torch.randint(P - 1, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


def before_of(threads: list[int]) -> list[int]:
    """For each token the one before it in its thread."""
    before, last = list[int](), dict[int, int]()
    for place, own in enumerate(threads):
        before.append(last.get(own, NOTHING))
        last[own] = place
    return before


def found_in(
    symbol_BVS: Tensor, threads: list[list[int]], num_plain: int, sizes: list[int]
) -> tuple[HeardBefore, Tensor]:
    """What is known after each token if they are read in pieces of these sizes, and how much is the same at the end."""
    (B, V, S), thread_BS = symbol_BVS.shape, torch.tensor(threads)
    before_BS = torch.tensor([before_of(own) for own in threads], dtype=torch.int32)
    num_same_BRS = torch.empty(B, num_rows(V, num_plain, P), 0, dtype=torch.int8)
    found, start = list[HeardBefore](), 0
    for stop in [*(stop for stop in accumulate(sizes) if stop < S), S]:
        lasts = [[max((t for t in range(stop) if own[t] == p), default=NOTHING) for p in range(P)] for own in threads]
        arguments = (
            symbol_BVS[..., :stop],
            before_BS[:, :stop],
            torch.tensor(lasts),
            thread_BS[:, start:stop],
            num_same_BRS,
        )
        if start and 0 < stop - start < 32:
            ends, indices, rows = zip(
                *(heard_before_one_by_one(*(c[row].numpy() for c in arguments), num_plain) for row in range(B)),
                strict=True,
            )
            some = HeardBefore(*(torch.from_numpy(np.stack(column)) for column in (ends, indices)))
            num_same_BRS = torch.from_numpy(np.stack(rows))
        else:
            some, num_same_BRS = heard_before(*arguments, num_plain)
        found.append(some)
        start = stop
    return HeardBefore(*(torch.cat(columns, dim=2) for columns in zip(*found, strict=True))), num_same_BRS


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


def both_views(symbols: list[list[int]]) -> Tensor:
    """The same symbols twice: as one thread, and each in its own."""
    return torch.tensor(symbols)[:, None].expand(-1, 2, -1)


@given(symbols=rows, again=st.integers(0, 50), seed=st.integers(0, 99), sizes=st.lists(st.integers(0, 30), max_size=9))
@settings(max_examples=25, deadline=None)
def test_the_latest_place_behind_the_longest_stretch(
    symbols: list[list[int]], again: int, seed: int, sizes: list[int]
) -> None:
    symbols = [row + row[:again] for row in symbols]
    threads = [threads_of(len(row), seed + number) for number, row in enumerate(symbols)]
    found, _ = found_in(both_views(symbols), threads, 1, sizes)
    for b, row in enumerate(symbols):
        for view, chain in enumerate((list(range(-1, len(row) - 1)), before_of(threads[b]))):
            expected = [by_looking(row[: t + 1], chain) for t in range(len(row))]
            assert list(zip(*(column[b, view].tolist() for column in found), strict=True)) == expected


@given(symbols=rows, seed=st.integers(0, 99), sizes=st.lists(st.integers(1, 60), max_size=50))
@settings(max_examples=30, deadline=None)
def test_is_the_same_in_any_chunks(symbols: list[list[int]], seed: int, sizes: list[int]) -> None:
    """One token alone is looked for in another way."""
    symbols = [row + row for row in symbols]
    threads = [threads_of(100, seed + number) for number in range(len(symbols))]
    whole, num_same = found_in(both_views(symbols), threads, 1, [])
    for own_sizes in (sizes, [*sizes, *[1] * 100]):
        found, own = found_in(both_views(symbols), threads, 1, own_sizes)
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, whole, strict=True))
        assert torch.equal(own, num_same)


@pytest.mark.parametrize("sizes", [[], [1] * 120])
def test_as_many_as_are_sought_and_no_more(sizes: list[int]) -> None:
    """After 60 symbols that never came before, the same 60: each order as soon as it is reached."""
    symbols = torch.arange(60).repeat(2)[None, None]
    found, num_same = found_in(symbols, [[0] * 120], 1, sizes)
    lengths = [*[0] * 60, *range(1, 61)]
    for place, order, length in zip(*(column.flatten().tolist() for column in found), lengths, strict=True):
        assert order == sum(length >= known for known in ORDERS) - 1
        assert place == (length - 1 if order >= 0 else NOTHING)
    assert num_same.flatten().tolist() == [*[0] * 59, max(ORDERS), *[0] * 60]


@pytest.mark.parametrize("length", range(1, min(ORDERS) + 1))
@pytest.mark.parametrize("num_plain", [0, 1])
@pytest.mark.parametrize("sizes", [[], [1, 1, 1]])
def test_nothing_is_found_in_short_pieces(length: int, num_plain: int, sizes: list[int]) -> None:
    found, _ = found_in(torch.ones(2, 1, length, dtype=torch.int32), [[0] * length] * 2, num_plain, sizes)
    assert all((column == NOTHING).all() for column in found)
