"""Who hears what, drawn: one panel for every stage of a model, and one for all stages together.

Rows are positions, downwards; columns are what each of them hears, to the right. Equal stages that follow each other
share a panel. The last panel is the boolean product of all stages: what the logits of a position depend on. The same
masks give the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.page import empty_figure, write_png

BoolArray: TypeAlias = NDArray[np.bool_]
"""(T, T): row = position, column = heard position."""
DOTS_PER_INCH = 100
PANEL_PIXELS, PANELS_PIXELS = 288, 960
"""Largest side of one panel, and of all in a row together, as long as every position has a pixel."""
MOST_ACROSS = 5
LEFT_PIXELS, TOP_PIXELS, TITLE_PIXELS, BOTTOM_PIXELS, GAP_PIXELS = 46, 44, 22, 40, 24
HEARD, OWN, UNHEARD, FUTURE = palette.VOICES[1], palette.VOICES[0], "#E9E9E9", "#FFFFFF"
LEGEND = (("heard", HEARD), ("own position", OWN), ("past, not heard", UNHEARD))
TOGETHER = "all together"
_LAYERS = re.compile(r"layers? (\d+)(?:-(\d+))?")


class Panel(NamedTuple):
    """One mask (T, T) and what stands above it."""

    title: str
    heard: BoolArray


def draw_hearing(stages: Mapping[str, BoolArray], path: Path, title: str = "") -> None:
    """Writes the picture as PNG.

    Args:
        stages: masks (T, T) by name, in the order in which they are applied.
        path: the file.
        title: what stands above all panels.

    Raises:
        UserError: the file cannot be written.
    """
    write_png(figure_of_hearing(stages, title), path)


def figure_of_hearing(stages: Mapping[str, BoolArray], title: str = "") -> Any:
    """The picture as a matplotlib figure with an Agg canvas."""
    panels = panels_of(stages)
    length = len(panels[0].heard)
    rows = math.ceil(len(panels) / MOST_ACROSS)
    across = math.ceil(len(panels) / rows)
    side = length * max(1, min(PANEL_PIXELS, PANELS_PIXELS // across) // length)
    step_down = TITLE_PIXELS + side + BOTTOM_PIXELS
    width, height = LEFT_PIXELS + across * (side + GAP_PIXELS), TOP_PIXELS + rows * step_down
    figure = empty_figure(width / DOTS_PER_INCH, height / DOTS_PER_INCH, DOTS_PER_INCH)
    _head(figure, title)
    for number, panel in enumerate(panels):
        row, column = divmod(number, across)
        left, top = LEFT_PIXELS + column * (side + GAP_PIXELS), TOP_PIXELS + row * step_down + TITLE_PIXELS
        axes = figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))
        _draw_panel(axes, panel, is_first=column == 0)
    return figure


def panels_of(stages: Mapping[str, BoolArray]) -> list[Panel]:
    """The panels from left to right: equal neighbours together, then the product of all."""
    panels: list[Panel] = []
    names: list[list[str]] = []
    for name, heard in stages.items():
        if panels and np.array_equal(panels[-1].heard, heard):
            names[-1].append(name)
        else:
            panels.append(Panel("", heard))
            names.append([name])
    titled = [Panel(_joined(group), panel.heard) for group, panel in zip(names, panels, strict=True)]
    return [*titled, Panel(TOGETHER, product_of(stages))] if len(stages) > 1 else titled


def product_of(stages: Mapping[str, BoolArray]) -> BoolArray:
    """Which positions a position hears through all stages, one after the other (T, T)."""
    heard: BoolArray | None = None
    for stage in stages.values():
        later = stage.astype(np.float32)  # float products are fast, and exact up to 2^24
        heard = stage if heard is None else later @ heard.astype(np.float32) > 0
    assert heard is not None, "a model has at least one stage"
    return heard


def _joined(names: list[str]) -> str:
    """``layers 2-4`` for the names of neighbouring layers; for others the first and the last."""
    if len(names) == 1:
        return names[0]
    first, last = _LAYERS.fullmatch(names[0]), _LAYERS.fullmatch(names[-1])
    if first and last:
        return f"layers {first[1]}-{last[2] or last[1]}"
    return f"{names[0]} … {names[-1]}"


def _draw_panel(axes: Any, panel: Panel, *, is_first: bool) -> None:
    from matplotlib.colors import ListedColormap

    length = len(panel.heard)
    kinds = np.where(panel.heard, 2, np.tri(length, dtype=np.int64))
    np.fill_diagonal(kinds, 3)
    colours = ListedColormap([FUTURE, UNHEARD, HEARD, OWN])
    axes.imshow(kinds, cmap=colours, vmin=0, vmax=3, interpolation="nearest", aspect="auto")
    ticks = range(0, length, 2 ** max(0, round(math.log2(length / 4))))
    axes.set_xticks(ticks)
    axes.set_yticks(ticks if is_first else [])
    axes.tick_params(length=2, color=palette.FAINT, labelsize=8, labelcolor=palette.GREY, labelfontfamily=palette.FONT)
    for spine in axes.spines.values():
        spine.set(color=palette.FAINT, linewidth=0.8)
    words = {"size": 8.5, "color": palette.GREY, "family": palette.FONT}
    axes.set_xlabel("heard position", labelpad=2, **words)
    if is_first:
        axes.set_ylabel("position", labelpad=2, **words)
    weight = "bold" if panel.title == TOGETHER else "normal"
    axes.set_title(panel.title, size=9.5, color=palette.INK, family=palette.FONT, weight=weight, pad=4)


def _head(figure: Any, title: str) -> None:
    """What is drawn, and below it what the colours mean."""
    width, height = figure.bbox.size
    line = TOP_PIXELS / 2
    figure.text(LEFT_PIXELS / width, 1 - 0.6 * line / height, title, size=10, color=palette.INK, family=palette.FONT,
                weight="bold", va="center")  # fmt: skip
    x, y = LEFT_PIXELS, 1 - 1.5 * line / height
    for text, colour in LEGEND:
        figure.text(x / width, y, "■", size=11, color=colour, family=palette.FONT, va="center")
        said = figure.text((x + 16) / width, y, text, size=8.5, color=palette.GREY, family=palette.FONT, va="center")
        x = said.get_window_extent().x1 + 14
