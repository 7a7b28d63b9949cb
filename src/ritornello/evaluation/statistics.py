"""Intervals for rates over pieces: the studentised bootstrap (bootstrap-t), 95 %, seeded.

Whole pieces are drawn with replacement, since notes within a piece are not independent. Pieces without
a value (nan, or a size of 0) are left out before drawing; with none left every figure is nan, and one piece
gives a value without an interval.

**Conventions**

* Of each draw we take how many of its own standard errors it lies from the figure, and go as many standard
  errors of the figure to the other side; at least as many as Student's t distribution has. The percentiles of
  the draws themselves are too narrow for few pieces: of 20 skewed values they cover the truth 90 % of the time.
* No end lies beyond the most extreme draw, so that a share stays between 0 and 1.
* From ``ENOUGH_PIECES`` pieces on, intervals cover the truth 93-97 % of the time, also of values as skewed as an
  exponential distribution (``benchmarks/coverage.py``). Of fewer they are not to be relied on, nor where hardly any
  piece has a count other than 0: what no piece shows, no draw can.
* Standard errors are linear (the delta method): each piece's influence on the figure, squared and summed.

**Source.** B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6, 12 and 13; for sets
drawn apart from each other section 8.3. Differs: ends are held within the draws, and no nearer than Student's.

Shapes: K rates, P pieces, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

NUM_RESAMPLES = 2000
ENOUGH_PIECES = 20
"""From here on the interval holds what it says; a report marks those of fewer."""
_CHUNK = 1 << 21
_Array: TypeAlias = NDArray[np.float64]
_Combine: TypeAlias = Callable[[_Array], _Array]


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
    table = _complete([tally])
    return _estimate([table], lambda rates: rates[0], table.shape[2], seed)


def quotient(numerator: Tally, denominator: Tally, *, seed: int = 0) -> Estimate:
    """Rate of one set of pieces over the rate of another, drawn independently of each other.

    A denominator whose rate is 0 gives nan; ``num_pieces`` is that of the numerator.
    """
    above, below = _complete([numerator]), _complete([denominator])
    return _estimate(_apart(above, below), lambda rates: _divide(rates[0], rates[1]), above.shape[2], seed)


def difference(ours: Tally, theirs: Tally, *, seed: int = 0) -> Estimate:
    """Rate of one set of pieces minus the rate of another, drawn independently of each other.

    ``num_pieces`` is that of the smaller set.
    """
    left, right = _complete([ours]), _complete([theirs])
    fewest = min(left.shape[2], right.shape[2])
    return _estimate(_apart(left, right), lambda rates: rates[0] - rates[1], fewest, seed)


def combined(tallies: Sequence[Tally], combine: _Combine, *, seed: int = 0) -> Estimate:
    """A figure made of several rates of the same pieces, which are drawn together: their mean, their difference.

    Args:
        tallies: K of them, over the same pieces in the same order; a piece may have a value in some only.
        combine: the rates (K, ...) to the figure (...), smooth. Draws without a piece for some rate give nan and
            are left out.
        seed: of the draws.
    """
    table = _complete(tallies)
    return _estimate([table], combine, table.shape[2], seed)


def _complete(tallies: Sequence[Tally]) -> _Array:
    """Counts and sizes (K, 2, P) of the pieces that have both for some tally; zeros for the others."""
    table = np.array([[tally.counts, tally.sizes] for tally in tallies], dtype=float).reshape(len(tallies), 2, -1)
    table = np.where((np.isfinite(table).all(axis=1) & (table[:, 1] != 0))[:, None], table, 0.0)
    return table[:, :, (table[:, 1] != 0).any(axis=0)]


def _apart(first: _Array, second: _Array) -> list[_Array]:
    """Two tables of one rate each as two sets that share both rates (2, 2, P)."""
    return [np.concatenate([first, 0 * first]), np.concatenate([0 * second, second])]


def _estimate(sets: Sequence[_Array], combine: _Combine, num_pieces: int, seed: int) -> Estimate:
    """The figure and its interval.

    Args:
        sets: drawn from independently of each other, (K, 2, P) each.
        combine: the rates (K, ...) of all sets together to the figure (...).
        num_pieces: as it is to be told.
        seed: of the draws.
    """
    if not all(table.shape[2] for table in sets):
        return Estimate(np.nan, np.nan, np.nan, num_pieces)
    steps_K = _steps(sets)
    value, error = (float(x[0]) for x in _figures(sets, [np.ones((1, t.shape[2])) for t in sets], combine, steps_K))
    if any(table.shape[2] == 1 for table in sets):
        return Estimate(value, np.nan, np.nan, num_pieces)
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK // max(table.shape[2] for table in sets))
    parts = [
        _figures(sets, [_drawn(random, size, table.shape[2]) for table in sets], combine, steps_K)
        for size in np.diff([*range(0, NUM_RESAMPLES, rows), NUM_RESAMPLES]).tolist()
    ]
    draws, errors = np.concatenate(parts, axis=1)
    freedom = sum(table.shape[2] - 1 for table in sets)
    return Estimate(value, *_ends(value, error, draws, errors, freedom), num_pieces)


def _ends(value: float, error: float, draws: _Array, errors: _Array, freedom: int) -> tuple[float, float]:
    """Low and high end from the draws of a figure (R,) and the standard error within each."""
    from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    known = np.isfinite(draws) & np.isfinite(errors)
    draws, errors = draws[known], errors[known]
    if not len(draws) or not np.isfinite(value):
        return np.nan, np.nan
    if error == 0:
        return value, value
    away = draws - value
    without = np.where(away == 0, 0.0, np.copysign(np.inf, away))  # a draw of equal pieces has no error
    errors_apart = np.divide(away, errors, out=without, where=errors > 1e-9 * error)
    below, above = np.quantile(errors_apart, [0.025, 0.975], method="inverted_cdf")
    student = float(stdtrit(freedom, 0.975))
    low, high = value - max(above, student) * error, value - min(below, -student) * error
    return min(value, max(float(low), float(draws.min()))), max(value, min(float(high), float(draws.max())))


def _drawn(random: np.random.Generator, num_draws: int, num_pieces: int) -> _Array:
    """How often each piece stands in each draw of as many pieces (R, P)."""
    pieces = random.integers(num_pieces, size=(num_draws, num_pieces))
    places = pieces + num_pieces * np.arange(num_draws)[:, None]
    return np.bincount(places.ravel(), minlength=num_draws * num_pieces).reshape(num_draws, num_pieces).astype(float)


def _figures(sets: Sequence[_Array], times: Sequence[_Array], combine: _Combine, steps_K: _Array) -> _Array:
    """The figure and its standard error (2, R) for sets in which each piece stands so many times (R, P)."""
    counts_KR, sizes_KR = (_sum([t[:, i] @ n.T for t, n in zip(sets, times, strict=True)]) for i in (0, 1))
    rates_KR = _divide(counts_KR, sizes_KR)
    weights_KR = _divide(_slopes(combine, rates_KR, steps_K), sizes_KR)
    variance_R = np.zeros(rates_KR.shape[1])
    for table, n_RP in zip(sets, times, strict=True):
        influence_RP = weights_KR.T @ table[:, 0] - (weights_KR * rates_KR).T @ table[:, 1]
        num_pieces = table.shape[2]
        variance_R += num_pieces / max(num_pieces - 1, 1) * (n_RP * influence_RP**2).sum(axis=1)
    return np.stack([combine(rates_KR), np.sqrt(variance_R)])


def _slopes(combine: _Combine, rates_KR: _Array, steps_K: _Array) -> _Array:
    """How fast the figure changes with each rate (K, R), by central differences."""
    slopes = np.empty_like(rates_KR)
    for k, step in enumerate(steps_K):
        shift = np.zeros((len(steps_K), 1))
        shift[k] = step
        slopes[k] = (combine(rates_KR + shift) - combine(rates_KR - shift)) / (2 * step)
    return slopes


def _steps(sets: Sequence[_Array]) -> _Array:
    """By how much to move each rate (K,) to see the slope: a thousandth of its standard error."""
    counts_K, sizes_K = (_sum([table[:, i].sum(axis=1) for table in sets]) for i in (0, 1))
    rates_K1 = _divide(counts_K, sizes_K)[:, None]
    squares_K = _sum([((table[:, 0] - rates_K1 * table[:, 1]) ** 2).sum(axis=1) for table in sets])
    errors_K = _divide(np.sqrt(squares_K), np.abs(sizes_K))
    return np.where(errors_K > 0, 1e-3 * errors_K, 1e-6)


def _sum(parts: Sequence[_Array]) -> _Array:
    """Of arrays of one shape, element by element."""
    return np.sum(parts, axis=0)


def _divide(above: _Array, below: _Array) -> _Array:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) != 0)
