"""What a layer remembers of finished segments, and the schedules of Depth-Structured Music Recurrence.

A piece is heard in segments. When one is finished, each layer keeps the keys and values of some of the positions so
far, and lets go of the others for good: what is kept at a border is a part of what was kept at the border before and of
the segment between. All is decided by absolute position, so a piece can be read in any chunks.

A schedule makes one retention for each layer from one budget: the number of positions that all layers together may
remember.

**Source**: DSMR, arXiv 2602.19816. Its sizes are unpublished; the shares of the budget are ours and stand with each
schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

EVERYTHING = 2**40
"""More positions than any piece has."""


class Retention(Protocol):
    """Which positions before a border are remembered."""

    @property
    def size(self) -> int:
        """The largest number of positions kept."""
        ...

    @property
    def reach(self) -> int | None:
        """The largest distance at which anything is heard, the own segment included; None = any."""
        ...

    def kept(self, border: int) -> Tensor:
        """The positions below ``border`` that are remembered from there on, ascending (int64)."""
        ...


@dataclass(frozen=True, slots=True)
class Recent:
    """The last ``size`` positions before the border."""

    size: int
    reach: int | None = None

    def kept(self, border: int) -> Tensor:
        """A stretch that ends at the border."""
        return torch.arange(max(0, border - self.size), border)


@dataclass(frozen=True, slots=True)
class Strided:
    """Positions spread evenly over the whole past: the multiples of the smallest power of two that are few enough.

    Between half of ``size`` and ``size`` of them, once the past is longer. A power of two, so that what a later
    border wants was never let go.
    """

    size: int
    reach: int | None = None

    def kept(self, border: int) -> Tensor:
        """Multiples of the stride."""
        if not self.size:
            return torch.arange(0)
        stride = 1
        while -(-border // stride) > self.size:
            stride *= 2
        return torch.arange(0, border, stride)


@dataclass(frozen=True, slots=True)
class Sampled:
    """``size`` positions drawn evenly from the whole past.

    Every position has a random number of its own; those with the smallest are kept. That is a uniform sample at every
    border, and a position once let go is never wanted again.
    """

    size: int
    seed: int
    reach: int | None = None

    def kept(self, border: int) -> Tensor:
        """Drawn, in ascending order."""
        return _sampled(self.size, self.seed, border)


@lru_cache(maxsize=64)
def _sampled(size: int, seed: int, border: int) -> Tensor:
    positions = torch.arange(border)
    if border <= size:
        return positions
    return _mixed(positions + (seed << 40)).topk(size, largest=False).indices.sort().values


def _mixed(numbers: Tensor) -> Tensor:
    """Pseudo-random int64, one for each number: the finaliser of splitmix64, with signed shifts."""
    for shift, factor in ((30, -4658895280553007687), (27, -7723592293110705685)):
        numbers = (numbers ^ (numbers >> shift)) * factor
    return numbers ^ (numbers >> 31)


def full(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """Everything in every layer, whatever the budget: the reference, and with few key/value heads FHCR."""
    del budget
    return (Recent(EVERYTHING),) * num_layers


def uniform(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """The same number of recent positions in every layer."""
    return (Recent(budget // num_layers),) * num_layers


def two_scale(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """Long memories in the lowest quarter of the layers; the others have a quarter of the uniform share each."""
    num_long, short = max(1, num_layers // 4), budget // (4 * num_layers)
    long = (budget - (num_layers - num_long) * short) // num_long
    return (Recent(long),) * num_long + (Recent(short),) * (num_layers - num_long)


def reverse_two_scale(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """The same with the long memories in the highest quarter."""
    return two_scale(num_layers, budget)[::-1]


def ascending(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """Shares that grow with depth as 1, 2, 3 ..."""
    total = num_layers * (num_layers + 1) // 2
    return tuple(Recent(budget * (1 + layer) // total) for layer in range(num_layers))


def descending(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """Shares that fall with depth."""
    return ascending(num_layers, budget)[::-1]


def sliding(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """A window of the uniform share that moves token by token, not by segments: it bounds the own segment too."""
    share = budget // num_layers
    return (Recent(share, reach=share),) * num_layers


def strided(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """The uniform share, spread evenly over the whole past (the study's "uniform subset")."""
    return (Strided(budget // num_layers),) * num_layers


def random(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """The uniform share, drawn at random from the whole past, for each layer anew."""
    return tuple(Sampled(budget // num_layers, layer) for layer in range(num_layers))


def temporal_pruning(num_layers: int, budget: int) -> tuple[Retention, ...]:
    """The whole budget in the first layer; the others hear their own segment only, as Perceiver AR's latents do."""
    return (Recent(budget),) + (Recent(0),) * (num_layers - 1)


SCHEDULES: dict[str, Callable[[int, int], tuple[Retention, ...]]] = {
    schedule.__name__: schedule
    for schedule in (full, uniform, two_scale, reverse_two_scale, ascending, descending, sliding, strided, random,
                     temporal_pruning)
}  # fmt: skip
"""(number of layers, budget in positions over all layers) to one retention for each layer, lowest first."""
