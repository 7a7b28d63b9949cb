"""Intervals for rates over pieces: the percentile bootstrap, 95 %, seeded.

Whole pieces are drawn with replacement, since notes within a piece are not independent. Pieces without
a value (nan, or a size of 0) are left out before drawing; with none left every figure is nan.

**Source.** B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_RESAMPLES = 2000


class Estimate(NamedTuple):
    """A value, the two ends of its 95 % interval, and the number of pieces behind it."""

    value: float
    low: float
    high: float
    num_pieces: int


@dataclass(frozen=True)
class Tally:
    """Per piece a count and what it is counted over: events and beats, hits and phrases, a value and 1."""

    counts: Sequence[float]
    sizes: Sequence[float]

    @classmethod
    def of_values(cls, values: Sequence[float]) -> Tally:
        """A tally whose rate is the mean of the values."""
        return cls(values, [1.0] * len(values))


def rate(tally: Tally, *, seed: int = 0) -> Estimate:
    """Sum of counts over sum of sizes, with its interval."""
    kept = _complete(tally)
    return _estimate(_rates(kept), _resampled(kept, np.random.default_rng(seed)), kept.shape[1])


def quotient(numerator: Tally, denominator: Tally, *, seed: int = 0) -> Estimate:
    """Rate of one set of pieces over the rate of another, drawn independently of each other.

    A denominator whose rate is 0 gives nan; ``num_pieces`` is that of the numerator.
    """
    above, below = _complete(numerator), _complete(denominator)
    random = np.random.default_rng(seed)
    draws = _divide(_resampled(above, random), _resampled(below, random))
    return _estimate(_divide(_rates(above), _rates(below)), draws, above.shape[1])


def difference(ours: Tally, theirs: Tally, *, seed: int = 0) -> Estimate:
    """Rate of one set of pieces minus the rate of another, drawn independently of each other.

    ``num_pieces`` is that of the smaller set.
    """
    left, right = _complete(ours), _complete(theirs)
    random = np.random.default_rng(seed)
    draws = _resampled(left, random) - _resampled(right, random)
    return _estimate(_rates(left) - _rates(right), draws, min(left.shape[1], right.shape[1]))


def combined(
    tallies: Sequence[Tally], combine: Callable[[NDArray[np.float64]], NDArray[np.float64]], *, seed: int = 0
) -> Estimate:
    """A figure made of several rates of the same pieces, which are drawn together: their mean, their difference.

    Args:
        tallies: K of them, over the same pieces in the same order; a piece may have a value in some only.
        combine: the rates (K, ...) to the figure (...). Draws without a piece for some rate give nan and are left out.
        seed: of the draws.
    """
    table = np.array([[tally.counts, tally.sizes] for tally in tallies], dtype=float).reshape(len(tallies), 2, -1)
    table = np.where((np.isfinite(table).all(axis=1) & (table[:, 1] != 0))[:, None], table, 0.0)
    table = table[:, :, (table[:, 1] != 0).any(axis=0)]
    num_pieces = table.shape[2]
    if not num_pieces:
        return Estimate(np.nan, np.nan, np.nan, 0)
    drawn = np.random.default_rng(seed).integers(num_pieces, size=(NUM_RESAMPLES, num_pieces))
    draws = np.stack([_rates(rows[:, drawn]) for rows in table])
    return _estimate(combine(np.stack([_rates(rows) for rows in table])), combine(draws), num_pieces)


def _complete(tally: Tally) -> NDArray[np.float64]:
    """Counts and sizes (2, P) of the pieces that have both."""
    table = np.array([tally.counts, tally.sizes], dtype=float).reshape(2, -1)
    return table[:, np.isfinite(table).all(axis=0) & (table[1] != 0)]


def _rates(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts over sizes, summed over the last axis."""
    return _divide(table[0].sum(axis=-1), table[1].sum(axis=-1))


def _resampled(table: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    num_pieces = table.shape[1]
    if num_pieces == 0:
        return np.full(NUM_RESAMPLES, np.nan)
    return _rates(table[:, random.integers(num_pieces, size=(NUM_RESAMPLES, num_pieces))])


def _divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) != 0)


def _estimate(value: NDArray[np.float64], draws: NDArray[np.float64], num_pieces: int) -> Estimate:
    finite = draws[np.isfinite(draws)]
    low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high), num_pieces)
