"""Small multiples of densities: each curve where it belongs, the overlap between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ritornello.plotting.distributions import Panel, draw_distributions, figure_of_distributions, overlap_of
from ritornello.plotting.palette import INK

PLACES = np.linspace(0.0, 4.0, 401)


def triangle(peak: float) -> tuple[np.ndarray, np.ndarray]:
    """Rises from 0 at ``peak`` - 1 to 1 and falls to 0 at ``peak`` + 1: its area is 1."""
    return PLACES, np.maximum(0.0, 1 - np.abs(PLACES - peak))


def panels(count: int) -> list[Panel]:
    curves = {"within": triangle(1.0), "between": triangle(2.0), "real": triangle(1.5)}
    return [Panel(f"feature {n}", "semitones", curves, f"OA 0.{n:02d}") for n in range(count)]


def grid(figure: Any) -> tuple[int, int]:
    """Rows and columns of the panels."""
    boxes = [axes.get_position() for axes in figure.axes]
    return len({round(box.y0, 3) for box in boxes}), len({round(box.x0, 3) for box in boxes})


@pytest.mark.parametrize(
    ("count", "width", "expected"),
    [(13, 11.0, (4, 4)), (13, 7.0, (5, 3)), (4, 11.0, (1, 4)), (5, 11.0, (2, 4)), (2, 11.0, (1, 2)), (3, 2.0, (3, 1))],
)
def test_panels_stand_in_rows(count: int, width: float, expected: tuple[int, int]) -> None:
    assert grid(figure_of_distributions(panels(count), width_inches=width)) == expected


def test_each_panel_is_named_and_the_legend_stands_once() -> None:
    figure = figure_of_distributions(panels(13))
    texts = [text.get_text() for text in figure.texts]
    for number in range(13):
        assert texts.count(f"feature {number}") == 1
        assert texts.count(f"OA 0.{number:02d}") == 1
    for name in ("within", "between", "real", "overlap of the first two"):
        assert texts.count(name) == 1
    assert {axes.get_xlabel() for axes in figure.axes} == {"semitones"}


def test_curves_are_drawn_as_they_are_and_the_third_without_a_ground() -> None:
    axes = figure_of_distributions(panels(1)).axes[0]
    assert [line.get_xydata()[:, 1].argmax() for line in axes.lines] == [100, 200, 150]
    assert [line.is_dashed() for line in axes.lines] == [False, False, True]
    assert axes.lines[2].get_color() == INK
    assert len(axes.collections) == 3  # the grounds of both, and of their overlap
    assert axes.get_xlim() == (0, 4)


def test_the_overlap_is_the_area_under_both() -> None:
    """Two triangles of area 1, peaks 1 apart: they cross half-way at half the height, so 1/4 lies under both."""
    places, lower = overlap_of(triangle(1.0), triangle(2.0))
    assert np.trapezoid(lower, places) == pytest.approx(0.25, abs=1e-12)
    assert (np.diff(places) >= 0).all()


def test_the_overlap_of_curves_with_other_places() -> None:
    """Coarse places cross between two of them; outside of its places a density is 0."""
    one = (np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    other = (np.array([0.0, 1.0]), np.array([2.0, 0.0]))
    places, lower = overlap_of(one, other)
    assert np.trapezoid(lower, places) == pytest.approx(0.5)  # a triangle of height 1 over 0 to 1
    apart = (np.array([3.0, 4.0]), np.array([1.0, 1.0]))
    assert overlap_of(one, apart)[1].max() == 0


def test_a_legend_that_is_too_long_takes_more_lines() -> None:
    names = [f"a set with quite a long name, number {number}" for number in range(4)]
    long = [Panel("feature", "", dict.fromkeys(names, triangle(1.0)))]
    figure = figure_of_distributions(long, width_inches=6)
    for text in figure.texts:
        assert text.get_window_extent().x1 <= figure.bbox.width
    lines = {round(text.get_window_extent().y0) // 20 for text in figure.texts if text.get_text() in names}
    assert len(lines) > 1


ONE_PLACE = (np.array([3.0]), np.array([np.inf]))
NOTHING = (np.zeros(0), np.zeros(0))


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"one": NOTHING},
        {"one": ONE_PLACE, "other": triangle(2.0)},
        {"one": ONE_PLACE, "other": ONE_PLACE},
        {"one": (PLACES, np.full(401, np.nan)), "other": triangle(1.0)},
        {"one": (PLACES, np.zeros(401))},
        {"one": (np.full(5, 2.0), np.ones(5))},
        {"one": (PLACES * 1e9, np.ones(401)), "other": (PLACES * 1e-9, np.ones(401))},
    ],
)
def test_any_density_has_a_picture(curves: dict[str, tuple[np.ndarray, np.ndarray]], tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_distributions([Panel("feature", "", curves), *panels(2)], tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_all_at_one_place_is_a_line_there() -> None:
    axes = figure_of_distributions([Panel("", "", {"one": ONE_PLACE, "other": triangle(2.0)})]).axes[0]
    assert list(axes.lines[0].get_xdata()) == [3.0, 3.0]
    assert not any(text.get_text() for text in axes.texts)
    empty = figure_of_distributions([Panel("", "", {"one": NOTHING})]).axes[0]
    assert [text.get_text() for text in empty.texts] == ["no distribution"]
    assert figure_of_distributions([]).axes == []
