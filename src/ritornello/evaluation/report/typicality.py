"""How like the reference each piece is, over all single values at once, and in what it differs most.

Of each metric a piece gets its distance from the reference's median in robust standard deviations, |z| =
|x - median| / (0.7413 IQR), at most ``MOST``. Its **distance** is the mean of |z| over all metrics that it has and
that vary within the reference; over many pieces of a normal reference it is about 0.8. The piece with the least is
called *most like the reference*, the one with the largest *least like*: this says what is usual, not what is good.
Metrics are counted each the same although many of them go together.

**Source**: ours; the robust z-score as in proficiency testing (ISO 13528, normalised interquartile range): the median
absolute deviation is nearly 0 for shares that most pieces have none of, and would make every other piece an outlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ritornello.evaluation.timeline import FloatArray

MOST = 10.0
"""A piece that is entirely different in one metric does not decide by it alone."""
LEAST_PIECES = 3
"""Below so many values of the reference a metric's spread is not known."""
_QUARTILES_TO_DEVIATION = 0.7413
"""Of a normal distribution."""


class Typicality(NamedTuple):
    """One piece beside the reference."""

    distance: float
    """Mean |z|; nan if no metric can be compared."""
    z: dict[str, float]
    """Of each metric that can: positive above the reference's median."""

    def furthest(self, count: int) -> list[tuple[str, float]]:
        """The metrics in which the piece differs most, the furthest first."""
        return sorted(self.z.items(), key=lambda item: (-abs(item[1]), item[0]))[:count]


def typicalities(
    pieces: Sequence[Mapping[str, float]], reference: Sequence[Mapping[str, float]]
) -> tuple[Typicality, ...]:
    """Of every piece, by the single values of each and of every piece of the reference; nan is no value."""
    middle = {
        name: _middle(column(reference, name)) for name in sorted({name for piece in reference for name in piece})
    }
    return tuple(_typicality(piece, middle) for piece in pieces)


def column(pieces: Sequence[Mapping[str, float]], name: str) -> FloatArray:
    """One metric of all pieces (P,); nan where a piece has no value."""
    return np.array([piece.get(name, np.nan) for piece in pieces], dtype=np.float64)


def _middle(values: FloatArray) -> tuple[float, float]:
    """Median and robust standard deviation; (nan, 0) for too few values."""
    known = values[np.isfinite(values)]
    if len(known) < LEAST_PIECES:
        return np.nan, 0.0
    low, median, high = (float(x) for x in np.percentile(known, [25, 50, 75]))
    return median, _QUARTILES_TO_DEVIATION * (high - low)


def _typicality(piece: Mapping[str, float], middle: Mapping[str, tuple[float, float]]) -> Typicality:
    z: dict[str, float] = {}
    for name, (median, deviation) in middle.items():
        value = piece.get(name, np.nan)
        if deviation > 0 and np.isfinite(value):
            z[name] = float(np.clip((value - median) / deviation, -MOST, MOST))
    return Typicality(float(np.mean(np.abs(list(z.values())))) if z else np.nan, z)
