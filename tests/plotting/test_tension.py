"""Curves along a piece: what stands where, and any curve has a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ritornello.plotting.landmarks import CadenceMark
from ritornello.plotting.lanes import Span
from ritornello.plotting.tension import Curve, draw_tension, figure_of_tension

SECONDS = np.arange(0.0, 100.0, 2.0)
STRAIN = Curve("tensile strain", SECONDS, np.sin(SECONDS / 10) + 2)
MOMENTUM = Curve("cloud momentum", SECONDS, np.cos(SECONDS / 10) * 1e-17)


def line(axes: Any) -> Any:
    """The curve of a row: the longest line."""
    return max(axes.lines, key=lambda line: len(line.get_xdata()))


def test_a_row_for_each_curve_over_one_axis_of_time() -> None:
    figure = figure_of_tension([STRAIN, MOMENTUM], "A piece")
    assert [text.get_text() for text in figure.texts] == ["A piece", "tensile strain", "cloud momentum"]
    upper, lower = figure.axes
    assert upper.get_xlim() == lower.get_xlim() == (0, 98)
    np.testing.assert_array_equal(line(upper).get_ydata(), STRAIN.values)
    assert [label.get_text() for label in lower.get_xticklabels()][:3] == ["0:00", "0:10", "0:20"]
    assert not any(label.get_text() for label in upper.get_xticklabels())


def test_numbers_are_those_of_the_extremes() -> None:
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure_of_tension([STRAIN]).axes]
    assert labels == [["1", "3"]]
    far = Curve("", SECONDS, 1000 + SECONDS)
    assert [label.get_text() for label in figure_of_tension([far]).axes[0].get_yticklabels()] == ["1000", "1098"]
    near_zero = Curve("", SECONDS, np.where(SECONDS > 50, 0.834, 1e-17))
    assert [label.get_text() for label in figure_of_tension([near_zero]).axes[0].get_yticklabels()] == ["0", "0.834"]


def test_sections_and_cadences_are_marked() -> None:
    sections = [Span(0.0, 40.0, ("A",), "A"), Span(40.0, 120.0, ("B",), "B")]
    cadences = [CadenceMark(20.0, "HC"), CadenceMark(20.5, "PAC"), CadenceMark(40.0, "PAC")]
    figure = figure_of_tension([STRAIN, MOMENTUM], sections=sections, cadences=cadences)
    lane, *rows = figure.axes
    assert [text.get_text().strip() for text in lane.texts] == ["A", "B"]
    for row in rows:
        assert row.get_xlim() == (0, 120)
        dotted = [line.get_xdata()[0] for line in row.lines if line.is_dashed()]
        assert dotted == [20.0, 20.5, 40.0]
    assert [text.get_text() for text in rows[0].texts] == ["HC", "PAC"]  # the second would stand on the first
    assert not rows[1].texts


def test_what_is_unknown_is_a_gap() -> None:
    values = np.array([1.0, np.nan, 2.0, np.inf, 3.0])
    drawn = line(figure_of_tension([Curve("", np.arange(5.0), values)]).axes[0]).get_ydata()
    np.testing.assert_array_equal(np.isnan(drawn), [False, True, False, True, False])


def test_a_dense_curve_has_its_course_over_it() -> None:
    """Of 120 windows two on each side of one count; the course of a straight line is the line, and keeps its gap."""
    values = np.where(np.arange(120) == 60, np.nan, np.arange(120.0))
    dense = figure_of_tension([Curve("", np.arange(120.0), values)]).axes[0]
    jagged, course = [line for line in dense.lines if len(line.get_xdata()) == 120]
    assert jagged.get_linewidth() < course.get_linewidth()
    np.testing.assert_allclose(course.get_ydata()[2:58], values[2:58])
    assert np.flatnonzero(np.isnan(course.get_ydata())).tolist() == [60]
    sparse = figure_of_tension([Curve("", np.arange(119.0), values[:119])]).axes[0]
    assert len([line for line in sparse.lines if len(line.get_xdata()) == 119]) == 1


@pytest.mark.parametrize(
    "curves",
    [
        [],
        [Curve("nothing", np.zeros(0), np.zeros(0))],
        [Curve("one point", np.zeros(1), np.ones(1))],
        [Curve("level", SECONDS, np.full(50, 2.5))],
        [Curve("level at zero", SECONDS, np.zeros(50))],
        [Curve("unknown", SECONDS, np.full(50, np.nan))],
        [Curve("tiny", SECONDS, 1e-300 * SECONDS), Curve("huge", SECONDS, 1e300 * SECONDS)],
        [STRAIN] * 7,
    ],
)
def test_any_curve_has_a_picture(curves: list[Curve], tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_tension(curves, tmp_path / name, width_inches=5)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
