"""Round places on an axis."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.plotting.scales import round_ticks, time_name, time_ticks


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        (0.5, ["0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s"]),
        (42, ["0 s", "10 s", "20 s", "30 s", "40 s"]),
        (60, ["0:00", "0:15", "0:30", "0:45", "1:00"]),
        (2100, ["0:00", "10:00", "20:00", "30:00"]),
        (14_400, ["0:00", "60:00", "120:00", "180:00", "240:00"]),
        (0, ["0 s"]),
    ],
)
def test_times(seconds: float, names: list[str]) -> None:
    assert time_ticks(seconds, 5)[1] == names


def test_a_time_in_minutes() -> None:
    assert [time_name(seconds) for seconds in (0, 59.6, 125, 3600)] == ["0:00", "1:00", "2:05", "60:00"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (2.13, 2.87, [2.2, 2.4, 2.6, 2.8]), (-7, 3, [-6, -4, -2, 0, 2])],
)
def test_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert round_ticks(low, high) == pytest.approx(ticks)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.integers(2, 10))
def test_ticks_lie_inside_and_evenly(low: float, length: float, most: int) -> None:
    high = low + length
    ticks = round_ticks(low, high, most)
    assert 1 <= len(ticks) <= most + 1
    assert all(low - 1e-6 * length <= tick <= high + 1e-6 * length for tick in ticks)
    steps = [after - before for before, after in pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps)) if steps else True
