"""Who hears what: which earlier positions a query may hear, by absolute position alone.

Every horizon here is an interval that ends at the query: position p hears all of
[first_heard(p), p]. ``first_heard`` never falls, so whatever the next query does not hear, no later
one hears either, and a memory may forget it. Since nothing depends on where a chunk begins, a piece
can be read in any chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Tile(NamedTuple):
    """Consecutive queries that are computed together, and the first position that any of them hears.

    Query p of the tile hears exactly the positions in [first, p] that are at most ``reach`` away.
    """

    start: int
    stop: int
    first: int


class Interval(Protocol):
    """Where what is heard begins."""

    def first_heard(self, position: int) -> int:
        """The first position that ``position`` hears."""
        ...


class Horizon(Interval, Protocol):
    """Which positions are heard."""

    @property
    def reach(self) -> int:
        """The largest distance (query minus key) that anything is heard over."""
        ...

    def tiles(self, start: int, stop: int, size: int) -> Iterator[Tile]:
        """The queries in [start, stop) in tiles of at most ``size``."""
        ...


def heard_by(horizon: Interval, num_positions: int) -> Tensor:
    """A mask (T, T) of bool: row = position of what hears, column = of what is heard."""
    return heard_at(horizon, torch.arange(num_positions), num_positions, num_positions)


def heard_at(horizon: Interval, positions_N: Tensor, stop: int, num_keys: int) -> Tensor:
    """Which of the last ``num_keys`` positions before ``stop`` each of some positions hears (N, S)."""
    keys_S = torch.arange(stop - num_keys, stop, device=positions_N.device)
    firsts = [horizon.first_heard(int(position)) for position in positions_N]
    first_N = torch.tensor(firsts, dtype=torch.int64, device=positions_N.device)
    return (keys_S <= positions_N[:, None]) & (keys_S >= first_N[:, None])


@dataclass(frozen=True, slots=True)
class Window:
    """Each position hears itself and the ``size - 1`` before it."""

    size: int

    @property
    def reach(self) -> int:
        """The distance to the first position of the window."""
        return self.size - 1

    def first_heard(self, position: int) -> int:
        """The first position of the window that ends at ``position``."""
        return max(0, position - self.size + 1)

    def tiles(self, start: int, stop: int, size: int) -> Iterator[Tile]:
        """Tiles of ``size`` from ``start`` on."""
        for first in range(start, stop, size):
            yield Tile(first, min(first + size, stop), self.first_heard(first))


@dataclass(frozen=True, slots=True)
class Segments:
    """Each position hears its own segment up to itself, and the ``memory`` positions before that segment.

    Segments begin at absolute positions 0, ``size``, 2 ``size`` ... **Source**: Transformer-XL (arXiv 1901.02860,
    section 3.2); with ``memory`` = ``size`` also the local attention of Music Transformer (arXiv 1809.04281, section
    3.5), whose blocks hear the whole block before.
    """

    size: int
    memory: int

    @property
    def reach(self) -> int:
        """From the end of a segment to the beginning of its memory."""
        return self.size - 1 + self.memory

    def first_heard(self, position: int) -> int:
        """The beginning of the memory of the segment of ``position``."""
        return max(0, position // self.size * self.size - self.memory)

    def tiles(self, start: int, stop: int, size: int) -> Iterator[Tile]:
        """Tiles of at most ``size`` that lie in one segment each."""
        first = start
        while first < stop:
            border = (first // self.size + 1) * self.size
            end = min(first + size, border, stop)
            yield Tile(first, end, self.first_heard(first))
            first = end
