"""The picture of who hears what: every pixel of a panel is what the mask says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.plotting.hearing import FUTURE, HEARD, OWN, UNHEARD, draw_hearing, figure_of_hearing, panels_of

LENGTH = 48
BoolArray = NDArray[np.bool_]


def window(size: int, length: int = LENGTH) -> BoolArray:
    distance = np.arange(length)[:, None] - np.arange(length)
    return (distance >= 0) & (distance < size)


def layers(*sizes: int) -> dict[str, BoolArray]:
    return {f"layer {number}": window(size) for number, size in enumerate(sizes, start=1)}


def pixels(figure: Any, number: int, length: int = LENGTH) -> NDArray[np.float64]:
    """The colour in the middle of every cell of a panel (T, T, 3)."""
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255
    box = figure.axes[number].get_window_extent()
    side = round(box.width) / length
    middles = np.floor(side * (np.arange(length) + 0.5)).astype(int)
    rows, columns = picture.shape[0] - round(box.y1) + middles, round(box.x0) + middles
    return picture[rows[:, None], columns]


@pytest.mark.parametrize("sizes", [(7,), (3, 9), (1, 2, 4, 8), (2, 3, 4, 5, 6, 7, 8)])
def test_the_pixels_are_the_mask(sizes: tuple[int, ...]) -> None:
    figure = figure_of_hearing(layers(*sizes))
    for number, panel in enumerate(panels_of(layers(*sizes))):
        found = pixels(figure, number)
        for query in range(1, LENGTH - 1):  # the frame of the panel lies on the outermost cells
            for heard in range(1, LENGTH - 1):
                past = HEARD if panel.heard[query, heard] else UNHEARD
                expected = OWN if query == heard else past if heard < query else FUTURE
                np.testing.assert_allclose(found[query, heard], to_rgb(expected), atol=0.01)


def test_equal_neighbours_share_a_panel() -> None:
    titles = [panel.title for panel in panels_of(layers(16, 4, 4, 4, 16))]
    assert titles == ["layer 1", "layers 2-4", "layer 5", "all together"]
    named = {"layers 1-3": window(4), "layers 4-6": window(4), "summaries": window(4), "bars": window(9)}
    assert [panel.title for panel in panels_of(named)] == ["layers 1-3 … summaries", "bars", "all together"]
    assert [panel.title for panel in panels_of({"one vector": window(48)})] == ["one vector"]


def test_all_together_is_what_can_be_reached_step_by_step() -> None:
    random = np.random.default_rng(1)
    stages = {f"layer {n}": np.tril(random.random((12, 12)) < 0.2) | np.eye(12, dtype=bool) for n in range(4)}
    together = panels_of(stages)[-1].heard
    for query in range(12):
        reached = {query}
        for stage in reversed(list(stages.values())):  # the last stage hears first of all what the one before gave
            reached = {int(heard) for place in reached for heard in np.flatnonzero(stage[place])}
        assert set(np.flatnonzero(together[query]).tolist()) == reached


@pytest.mark.parametrize(("num_stages", "length"), [(1, 8), (1, 96), (4, 96), (5, 96), (12, 96), (3, 512)])
def test_pictures_are_of_a_legible_size(num_stages: int, length: int) -> None:
    stages = {f"layer {size}": window(size, length) for size in range(1, num_stages + 1)}
    figure = figure_of_hearing(stages, "title")
    sides = [axes.get_window_extent().width for axes in figure.axes]
    assert min(sides) >= 180
    assert figure.bbox.width <= max(1200, 4 * length + 200)
    assert all(round(side) % length == 0 for side in sides)


def test_the_same_masks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_hearing(layers(4, 16), tmp_path / name, "transformer")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with pytest.raises(UserError):
        draw_hearing(layers(4), tmp_path / "nowhere" / "one.png")
