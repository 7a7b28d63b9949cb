"""The course of a jagged curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]


def smoothed(values: FloatArray, reach: int) -> FloatArray:
    """Mean of each value (N,) and the ``reach`` values on both sides of it, fewer at the ends; nan is left out."""
    known = np.isfinite(values)
    sums = np.concatenate([np.zeros(1), np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([np.zeros(1), np.cumsum(known)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    after = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    count = counts[after] - counts[first]
    return np.where(count > 0, (sums[after] - sums[first]) / np.maximum(count, 1), np.nan)
