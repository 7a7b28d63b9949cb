"""What memory is worth: KRCU and the horizon table, from nats with and without it.

All figures are *extra nats per token*: the cost with less memory minus the cost with all of it, on the same tokens.

* **KRCU**: all memory is dropped before token 8,192 is read, and the piece goes on (``forget``: positions, and what
  the keyboard does, go on too). The extra nats in bins of 1,024 tokens from there on say how long the loss is felt;
  their mean over the bins from 8k to 29k, the first included, is the KRCU-AUC. Token 8,192 itself is predicted before
  the memory goes, so bins are counted from token 8,193, the first that can be dearer; only pieces that have it count.
  A bin is the mean over the tokens of all pieces that reach it (the mean over pieces stands beside it); the AUC is the
  mean over the bins that some piece reaches, each the same. AUCs over different numbers of bins cannot be compared,
  since later bins cost less.
* **Horizon table**: the extra nats when only the last ``keep`` tokens are heard, for tokens at some depth of the
  piece. A model that can be limited (the same weights, every layer remembering its last ``keep`` positions) reads the
  piece once more so; through L layers it hears up to L times as far. Any other model forgets everything, reads
  the ``keep`` tokens before a stretch of ``keep // 4`` targets again, and is scored on these, which hear between
  ``keep`` and 1.25 ``keep`` tokens; each token is so read about five times. The result says which.

Positions count all tokens of a piece, BOS included; 1k is 1,024 tokens. Intervals are drawn over pieces.

**Source**: DSMR and FHCR (arXiv 2602.19816), which name KRCU and plot it, and the horizon curve. **Departures**: the
paper states neither the bins of its area nor how pieces are averaged; bins 8 to 28 reproduce the printed areas from
the plotted curves within 5 %.

Shapes: T tokens of a piece.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.statistics import Estimate, Tally, combined, rate

NatsArray: TypeAlias = NDArray[np.float32]
Stretches: TypeAlias = dict[int, int]
"""Start and stop of what is read by a model that has forgotten all before, as ``token_nats`` takes it."""

K = 1024
RESET_AT, UNTIL, BIN_TOKENS = 8 * K, 29 * K, K
KEEPS = (K, 4 * K, 8 * K, 16 * K)
DEPTHS = ((K, 4 * K), (4 * K, 8 * K), (8 * K, 16 * K), (16 * K, 24 * K), (24 * K, 32 * K))
STRETCHES_PER_KEEP = 4
"""Re-reading costs 1 + this many times the tokens of a piece for each ``keep``, about."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Extra nats per token of tokens ``start`` to ``stop``."""

    start: int
    stop: int
    extra: Estimate
    """Over the tokens of all pieces that have some here."""
    mean_over_pieces: Estimate


@dataclass(frozen=True, slots=True)
class Krcu:
    """What all memory at one place is worth from there on."""

    reset_at: int
    bins: tuple[Bin, ...]
    auc: Estimate
    """Mean over the bins that have tokens; its pieces are those that go on behind ``reset_at``."""

    @property
    def num_bins(self) -> int:
        """Behind the AUC."""
        return sum(bin_.extra.num_pieces > 0 for bin_ in self.bins)


@dataclass(frozen=True, slots=True)
class HorizonTable:
    """Extra nats per token, by depth in the piece and tokens kept."""

    protocol: str
    keeps: tuple[int, ...]
    depths: tuple[tuple[int, int], ...]
    extra: tuple[tuple[Estimate, ...], ...]
    """By depth, then by keep."""


def krcu(
    extra: Sequence[NDArray[Any]], *, reset_at: int = RESET_AT, until: int = UNTIL, bin_tokens: int = BIN_TOKENS
) -> Krcu:
    """KRCU from the extra nats of each piece's tokens from ``reset_at + 1`` on.

    Args:
        extra: for each piece (T - reset_at - 1,); empty for shorter pieces.
        reset_at: the first token that is read without memory.
        until: where the last bin ends; it may be shorter than the others.
        bin_tokens: length of a bin.
    """
    bins: list[Bin] = []
    tallies: list[Tally] = []
    for start in range(0, until - reset_at, bin_tokens):
        stop = min(start + bin_tokens, until - reset_at)
        tally = _tally([mine[start:stop] for mine in extra])
        means = [total / size if size else math.nan for total, size in zip(tally.counts, tally.sizes, strict=True)]
        bins.append(Bin(reset_at + 1 + start, reset_at + 1 + stop, rate(tally), rate(Tally.of_values(means))))
        if any(tally.sizes):
            tallies.append(tally)
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    auc = combined(tallies, lambda rates: rates.mean(axis=0)) if tallies else nothing
    return Krcu(reset_at, tuple(bins), auc)


def horizon_table(
    extra: Mapping[int, Sequence[NDArray[Any]]], protocol: str, depths: Sequence[tuple[int, int]] = DEPTHS
) -> HorizonTable:
    """The table from the extra nats of every token of each piece (T,), by number of tokens kept."""
    cells = (
        tuple(rate(_tally([mine[start:stop] for mine in pieces])) for pieces in extra.values())
        for start, stop in depths
    )
    return HorizonTable(protocol, tuple(extra), tuple(depths), tuple(cells))


def reset_stretches(length: int, reset_at: int) -> Stretches:
    """What KRCU reads of a piece of ``length`` tokens; nothing where no token would be dearer."""
    return {reset_at: length} if length > reset_at + 1 else {}


def extra_behind_reset(whole: NatsArray, forgetting: Mapping[int, NatsArray], reset_at: int) -> NatsArray:
    """Extra nats of the tokens from ``reset_at + 1`` on, as far as they were read, as ``krcu`` takes them."""
    if reset_at not in forgetting:
        return whole[:0]
    dearer = forgetting[reset_at][1:]
    return dearer - whole[reset_at + 1 : reset_at + 1 + len(dearer)]


def horizon_stretches(length: int, keep: int, until: int) -> Stretches:
    """What is read again of a piece for the targets before ``until``, only ``keep`` tokens heard."""
    return {first - keep: stop for first, stop in _targets(min(length, until), keep)}


def extra_beyond_horizon(whole: NatsArray, forgetting: Mapping[int, NatsArray], keep: int, until: int) -> NatsArray:
    """Extra nats of every token before ``until`` (T,) when only ``keep`` tokens are heard before its stretch."""
    extra = np.zeros_like(whole[:until])
    for first, stop in _targets(len(extra), keep):
        extra[first:stop] = forgetting[first - keep][keep : keep + stop - first] - whole[first:stop]
    return extra


def merged(*groups: Mapping[int, int]) -> Stretches:
    """Stretches that begin together become one, as long as the longest."""
    together: Stretches = {}
    for group in groups:
        for start, stop in group.items():
            together[start] = max(stop, together.get(start, 0))
    return together


def _targets(length: int, keep: int) -> list[tuple[int, int]]:
    """Stretches of targets; the first ``keep`` tokens and the stretch behind them hear everything and are not in it."""
    step = max(1, keep // STRETCHES_PER_KEEP)
    return [(first, min(first + step, length)) for first in range(keep + step, length, step)]


def _tally(parts: Sequence[NDArray[Any]]) -> Tally:
    return Tally([float(part.sum(dtype=np.float64)) for part in parts], [len(part) for part in parts])
