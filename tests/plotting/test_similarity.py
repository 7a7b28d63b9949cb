"""The picture of a self-similarity: its pixels are the matrix, its axes the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from ritornello.plotting.lanes import Span
from ritornello.plotting.shades import LIGHT_TO_DARK, even_shades
from ritornello.plotting.similarity import (
    BORDER,
    UNKNOWN,
    along_diagonals,
    draw_similarity,
    figure_of_similarity,
    resampled,
)

Array = NDArray[np.float64]


def square(figure: Any) -> Any:
    """The axes of the matrix: the largest."""
    return max(figure.axes, key=lambda axes: axes.get_window_extent().width * axes.get_window_extent().height)


def colour_at(figure: Any, row_seconds: float, column_seconds: float) -> Array:
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255
    x, y = square(figure).transData.transform((column_seconds, row_seconds))
    return picture[len(picture) - 1 - int(y), int(x)]


def names(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_the_shade_of_a_cell_is_its_similarity() -> None:
    matrix = np.array(
        [[1.0, 0.25, 0.0], [0.5, 1.0, 0.75], [np.nan, 0.1, 1.0]]
    )  # not symmetric, to tell rows from columns
    figure = figure_of_similarity(matrix, 2.0)
    shades = even_shades()
    for row in range(3):
        for column in range(3):
            value = matrix[row, column]
            expected = to_rgb(UNKNOWN) if np.isnan(value) else shades[min(255, int(value * 256))]
            np.testing.assert_allclose(colour_at(figure, 2 * row + 1, 2 * column + 1), expected, atol=0.01)


def test_time_is_in_seconds_or_minutes() -> None:
    short, long = figure_of_similarity(np.eye(20), 2.0), figure_of_similarity(np.eye(300), 2.0)
    assert square(short).get_xlim() == (0, 40)
    assert square(short).get_ylim() == (40, 0)  # downwards
    assert names(square(short))[:3] == ["0 s", "5 s", "10 s"]
    assert names(square(long))[:3] == ["0:00", "2:00", "4:00"]
    assert [label.get_text() for label in square(long).get_yticklabels()] == names(square(long))


@pytest.mark.parametrize("pixels", [1, 3, 7, 10, 64])
def test_a_pixel_is_the_mean_of_what_it_covers(pixels: int) -> None:
    """Against every frame cut into as many pieces as there are pixels, whose means are then exact."""
    matrix = np.random.default_rng(1).random((10, 10))
    fine = np.repeat(np.repeat(matrix, pixels, axis=0), pixels, axis=1)
    expected = fine.reshape(pixels, 10, pixels, 10).mean(axis=(1, 3))
    np.testing.assert_allclose(resampled(matrix, pixels), expected, atol=1e-12)


def test_passages_are_compared_along_the_diagonals() -> None:
    """Rows (1 2 3), (4 5 6), (7 8 nan): the main diagonal 1, 5, nan; above it 2, 6; below it 4, 8; corners alone."""
    matrix = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, np.nan]])
    expected = [[3.0, 4, 3], [6, 3, 4], [7, 6, 5]]
    np.testing.assert_allclose(along_diagonals(matrix, 1), expected)
    np.testing.assert_allclose(along_diagonals(matrix, 99), [[3.0, 4, 3], [6, 3, 4], [7, 6, 3]])
    np.testing.assert_array_equal(along_diagonals(matrix, 0), matrix)
    assert np.isnan(along_diagonals(np.full((1, 1), np.nan), 4)).all()


def test_what_returns_stands_out_from_what_is_alike_by_chance() -> None:
    """Of 0 and 1 at random half is 1; the passage 0 to 20 s that returns at 60 s is 1 all along."""
    matrix = (np.random.default_rng(1).random((100, 100)) < 0.5).astype(float)
    returns = np.arange(20)
    matrix[returns, returns + 60] = 1.0
    figure = figure_of_similarity(matrix, 1.0, along_seconds=8.0)
    darkness = [1 - colour_at(figure, 10.5, column + 0.5).mean() for column in range(100)]
    assert int(np.argmax(darkness)) == 70


def test_silence_leaves_what_is_known_beside_it() -> None:
    """Two frames in one pixel: of (0.2, nan) the mean is 0.2, of (nan, nan) nan."""
    matrix = np.full((4, 4), np.nan)
    matrix[:2, 0] = 0.2
    found = resampled(matrix, 2)
    assert found[0, 0] == pytest.approx(0.2)
    assert np.isnan([found[0, 1], found[1, 0], found[1, 1]]).all()


def test_sections_stand_above_and_their_borders_in_the_square() -> None:
    sections = (Span(0.0, 30.0, ("A",), "A"), Span(30.0, 60.0, ("B varied, with more words than fit", "B"), "B"))
    figure = figure_of_similarity(np.zeros((60, 60)), 1.0, sections=sections, width_inches=3.2)
    texts = [text.get_text().strip() for axes in figure.axes for text in axes.texts]
    assert texts == ["A", "B"]
    for seconds in ((15.0, 30.0), (30.0, 15.0)):
        found = [colour_at(figure, seconds[0] + d, seconds[1] + e) for d in (-0.2, 0, 0.2) for e in (-0.2, 0, 0.2)]
        assert min(np.abs(colour - to_rgb(BORDER)).sum() for colour in found) < 0.35
    np.testing.assert_allclose(colour_at(figure, 15, 45), 1.0)


@pytest.mark.parametrize("width", [3.2, 5.2])
def test_titles_are_cut_to_the_picture(width: float) -> None:
    figure = figure_of_similarity(np.eye(9), 1.0, "A name longer than any picture " * 5, width_inches=width)
    assert figure.get_size_inches()[0] == width
    assert figure.texts[0].get_window_extent().x1 <= figure.bbox.width
    assert figure.texts[0].get_text().endswith("…")
    kept = figure_of_similarity(np.eye(9), 1.0, "A name", width_inches=width)
    assert kept.texts[0].get_text() == "A name"


@pytest.mark.parametrize("matrix", [np.zeros((0, 0)), np.ones((1, 1)), np.full((5, 5), np.nan), np.full((2, 2), 7.0)])
def test_any_matrix_has_a_picture(matrix: Array, tmp_path: Path) -> None:
    draw_similarity(matrix, 0.5, tmp_path / "picture.png", "title", sections=[Span(0.0, 0.5, ("A",), "A")])
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_the_bar_says_what_is_light_and_dark() -> None:
    bar = figure_of_similarity(np.eye(9), 1.0).axes[-1]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "1"]
    shades = np.asarray(bar.images[0].get_array())[:, 0] / 255
    assert bar.images[0].origin == "lower"
    np.testing.assert_allclose(shades[[0, -1]], [to_rgb(LIGHT_TO_DARK[0]), to_rgb(LIGHT_TO_DARK[-1])], atol=1e-9)


def test_shades_are_even_to_the_eye() -> None:
    """In CIELAB, which the shades are not made in: lightness falls all the way, and no step is twice the mean."""
    shades = even_shades()
    linear = np.where(shades <= 0.04045, shades / 12.92, ((shades + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    relative = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    root = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    lab = np.stack([116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], axis=1)
    assert (np.diff(lab[:, 0]) < 0).all()
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() < 2 * steps.mean()
    assert steps.min() > steps.mean() / 2
    assert np.abs(shades - np.array(to_rgb(LIGHT_TO_DARK[1]))).sum(axis=1).min() < 0.02  # the palette's blue is one
