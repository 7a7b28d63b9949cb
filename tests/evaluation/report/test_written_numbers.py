"""Numbers as a report writes them."""

import math

import pytest

from ritornello.evaluation.report.written_numbers import count, minutes, number


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (59.6, "1:00"), (187.0, "3:07"), (3599.7, "1:00:00"), (7234.2, "2:00:34"), (math.nan, "\u2014")],
)
def test_lengths(seconds: float, text: str) -> None:
    assert minutes(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.98765, "0.988"), (12.0, "12"), (-3.25, "\u22123.25"), (1234.5, "1,234"), (2e-5, "2.0e\u221205")],
)
def test_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_counts() -> None:
    assert [count(n, "piece") for n in (0, 1, 1200)] == ["0 pieces", "1 piece", "1,200 pieces"]
