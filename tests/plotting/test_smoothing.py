"""The course of a jagged curve."""

from __future__ import annotations

import numpy as np

from ritornello.plotting.smoothing import smoothed


def test_smoothing_is_the_mean_of_neighbours() -> None:
    """(1, 2, 6, 7): the ends with one neighbour, (1+2)/2 and (6+7)/2, the others with two, 3 and 5."""
    np.testing.assert_allclose(smoothed(np.array([1.0, 2.0, 6.0, 7.0]), 1), [1.5, 3.0, 5.0, 6.5])
    np.testing.assert_allclose(smoothed(np.array([1.0, np.nan, 6.0]), 1), [1.0, 3.5, 6.0])
    np.testing.assert_array_equal(smoothed(np.array([1.0, 2.0]), 0), [1.0, 2.0])
    assert np.isnan(smoothed(np.full(3, np.nan), 1)).all()
