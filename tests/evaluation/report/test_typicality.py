"""How like the reference a piece is: worked by hand."""

from __future__ import annotations

import math

import pytest

from ritornello.evaluation.report.typicality import MOST, column, typicalities

REFERENCE = [{"a": float(n), "b": 5.0, "c": math.nan} for n in (0, 1, 2, 3, 4)]
"""a: median 2, quartiles 1 and 3, so one deviation is 0.7413 * 2 = 1.4826; b does not vary; c is unknown."""


def test_deviations_from_the_median() -> None:
    (piece,) = typicalities([{"a": 5.0, "b": 7.0, "c": 1.0}], REFERENCE)
    assert piece.z == {"a": pytest.approx(3 / 1.4826)}  # nothing can be said in b and c
    assert piece.distance == pytest.approx(3 / 1.4826)


def test_the_mean_is_over_what_a_piece_has() -> None:
    reference = [{"a": float(n), "d": 10.0 * n} for n in (0, 1, 2, 3, 4)]
    above, below, without = typicalities([{"a": 2.0, "d": 50.0}, {"a": -1.0, "d": 20.0}, {"d": math.nan}], reference)
    assert above.distance == pytest.approx((0 + 30 / 14.826) / 2)
    assert below.z["a"] == pytest.approx(-3 / 1.4826)
    assert below.furthest(1) == [("a", pytest.approx(-3 / 1.4826))]
    assert math.isnan(without.distance)
    assert without.z == {}


def test_one_metric_counts_no_more_than_its_most() -> None:
    (piece,) = typicalities([{"a": 1e9}], REFERENCE)
    assert piece.distance == MOST


def test_a_reference_of_two_says_nothing() -> None:
    (piece,) = typicalities([{"a": 1.0}], REFERENCE[:2])
    assert math.isnan(piece.distance)


def test_a_column_has_nan_where_a_piece_has_no_value() -> None:
    assert column([{"a": 1.0}, {}], "a").tolist() == [1.0, pytest.approx(math.nan, nan_ok=True)]
