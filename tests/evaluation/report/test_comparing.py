"""Lines of the report: means, difference, ratio and deviations worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ritornello.evaluation.metric import Metric
from ritornello.evaluation.report.comparing import line, lines, plan_lines
from ritornello.evaluation.report.gathering import Piece
from ritornello.evaluation.report.measuring import Measured

LENGTH, LEVEL = Metric("length", "seconds", "how long"), Metric("level", "units", "may be below 0", low=-np.inf)


def test_a_line() -> None:
    found = line("rhythm", LENGTH, np.array([4.0, 6.0, math.nan]), np.array([1.0, 2.0, 3.0]), 0)
    assert (found.generated.value, found.reference.value) == (5.0, 2.0)
    assert (found.generated.num_pieces, found.reference.num_pieces) == (2, 3)
    assert found.difference.value == pytest.approx(3.0)
    assert found.ratio.value == pytest.approx(2.5)
    assert found.deviations.value == pytest.approx(3.0)  # the reference's standard deviation is 1
    assert found.deviations.low == pytest.approx(found.difference.low)


def test_no_ratio_where_values_may_be_below_zero() -> None:
    found = line("harmony", LEVEL, np.array([1.0, 3.0]), np.array([-1.0, 1.0]), 0)
    assert math.isnan(found.ratio.value)
    assert found.difference.value == pytest.approx(2.0)


def test_one_piece_has_no_interval() -> None:
    found = line("rhythm", LENGTH, np.array([4.0]), np.array([1.0, 2.0, 3.0]), 0)
    for estimate in (found.generated, found.difference, found.ratio, found.deviations):
        assert not math.isnan(estimate.value)
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    assert not found.differs


def test_a_metric_that_nobody_has_is_nan_and_no_error() -> None:
    found = line("rhythm", LENGTH, np.array([math.nan]), np.zeros(0), 0)
    assert all(math.isnan(estimate.value) for estimate in found[2:])


def test_equal_values_have_no_deviation() -> None:
    found = line("rhythm", LENGTH, np.array([2.0, 2.0]), np.array([1.0, 1.0]), 0)
    assert found.difference.value == 1.0
    assert math.isnan(found.deviations.value)
    assert found.differs


def test_lines_leave_out_what_needs_bars() -> None:
    written, performed = (lines([{}], [{}], written=is_written, seed=0) for is_written in (True, False))
    assert {found.aspect for found in performed} < {found.aspect for found in written}
    assert all(found.metric.shape == () for found in written)


def test_a_metric_that_does_not_move_when_music_is_looped_is_blind() -> None:
    told = Metric("told", "share", "", moves={"looped": "up"})
    same = Metric("same", "share", "", moves={"looped": "same"})
    blind = [line("x", metric, np.ones(2), np.ones(2), 0).is_blind for metric in (told, same, LENGTH)]
    assert blind == [False, True, True]


def test_adherence_is_compared_where_pieces_have_plans() -> None:
    bare = Measured(Piece("a", Path("a.mid")))
    assert plan_lines([bare], [bare], 0) == ()
    planned = replace(bare, adherence={"num_phrases": 4.0, "key_given": 0.5, "tension_falls": 1.0})
    found = plan_lines([planned], [bare], 0)
    assert [each.metric.name for each in found] == ["key_given", "tension_falls"]
    assert [each.generated.value for each in found] == [0.5, 1.0]
