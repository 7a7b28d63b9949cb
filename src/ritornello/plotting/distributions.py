"""Small multiples of densities: for each feature how two sets are distributed, and how much of them overlaps.

The first two curves of a panel are the ones that are compared: each stands over its own ground, and where both do, the
overlap is dark. Further curves are lines to judge them by. A panel has its own scale, and no numbers for density, which
means nothing by itself; its area is 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.legend import LINE_INCHES, Entry, draw_legend, legend_lines
from ritornello.plotting.page import LINE, empty_figure, plain_axes, words, write_at, write_png
from ritornello.plotting.scales import round_ticks

FloatArray = NDArray[np.floating[Any]]
WIDTH_INCHES = 11.0
MOST_ACROSS = 4
MARGIN_INCHES, BOTTOM_INCHES = 0.25, 0.08
PANEL_INCHES, TITLE_INCHES, UNDER_INCHES, GAP_INCHES = 1.15, 0.38, 0.42, 0.35
LEAST_PANEL_INCHES = 2.2
COLOURS = (palette.VOICES[1], palette.VOICES[0], palette.INK, palette.VOICES[3])
DASHES: tuple[Any, ...] = ("-", "-", (0, (3, 2)), (0, (1, 1.5)))
SIGNS = ("■", "■", "╌", "┈")
OVERLAP, OVERLAP_SEEN = "#5B5B5B", "#B1AFAB"
"""The ground of the overlap, and what it looks like over the grounds of both curves."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One feature."""

    title: str
    unit: str
    curves: Mapping[str, tuple[FloatArray, FloatArray]]
    """By name: places x, rising, and the density there."""
    note: str = ""
    """A line below the title, such as the overlap."""


def draw_distributions(panels: Sequence[Panel], path: Path, *, width_inches: float = WIDTH_INCHES) -> None:
    """Writes the picture as PNG.

    Raises:
        UserError: the file cannot be written.
    """
    write_png(figure_of_distributions(panels, width_inches=width_inches), path)


def figure_of_distributions(panels: Sequence[Panel], *, width_inches: float = WIDTH_INCHES) -> Any:
    """The picture as a matplotlib figure with an Agg canvas; ``panels`` from left to right, then down."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    legend = legend_lines(_entries(names), width_inches - 2 * MARGIN_INCHES)
    most_across = max(1, min(MOST_ACROSS, int((width_inches - MARGIN_INCHES) / LEAST_PANEL_INCHES)))
    rows = max(1, math.ceil(len(panels) / most_across))
    across = most_across if rows > 1 else max(1, len(panels))
    row_inches = TITLE_INCHES + PANEL_INCHES + UNDER_INCHES
    head = len(legend) * LINE_INCHES + 2 * BOTTOM_INCHES
    height = head + rows * row_inches + BOTTOM_INCHES
    panel_width = (width_inches - 2 * MARGIN_INCHES - (across - 1) * GAP_INCHES) / across
    figure = empty_figure(width_inches, height)
    draw_legend(figure, legend, MARGIN_INCHES, height - BOTTOM_INCHES)
    for number, panel in enumerate(panels):
        row, column = divmod(number, across)
        left = MARGIN_INCHES + column * (panel_width + GAP_INCHES)
        bottom = height - head - row * row_inches - TITLE_INCHES - PANEL_INCHES
        axes = plain_axes(figure, (left, bottom, panel_width, PANEL_INCHES), yticks=())
        write_at(figure, left, bottom + PANEL_INCHES + 0.26, panel.title, **words(8, weight="bold"))
        write_at(figure, left, bottom + PANEL_INCHES + 0.11, panel.note, **words(6.5, palette.GREY))
        _draw_panel(axes, panel, names)
    return figure


def overlap_of(
    one: tuple[FloatArray, FloatArray], other: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """The lower of two densities at all their places, and where they cross; 0 outside of a curve's places."""
    places = np.union1d(one[0], other[0])
    first, second = (np.interp(places, x, density, left=np.nan, right=np.nan) for x, density in (one, other))
    apart = first - second
    turns = np.flatnonzero(apart[:-1] * apart[1:] < 0)  # never beside a nan
    share = apart[turns] / (apart[turns] - apart[turns + 1])
    crossings = places[turns] + share * (places[turns + 1] - places[turns])
    heights = first[turns] + share * (first[turns + 1] - first[turns])
    order = np.argsort(np.concatenate([places, crossings]), kind="stable")
    lower = np.concatenate([np.nan_to_num(np.minimum(first, second)), heights])
    return np.concatenate([places, crossings])[order], lower[order]


def _draw_panel(axes: Any, panel: Panel, names: Sequence[str]) -> None:
    axes.spines["bottom"].set_visible(True)
    curves = {name: _known(curve) for name, curve in panel.curves.items()}
    curves = {name: curve for name, curve in curves.items() if len(curve[0])}
    if not curves:
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=())
        axes.text(0.5, 0.5, "no distribution", ha="center", va="center", **words(7, palette.GREY))
        return
    _set_scale(axes, list(curves.values()), panel.unit)
    for name, (places, density) in curves.items():
        number = names.index(name)
        colour, line = COLOURS[number % len(COLOURS)], {**LINE, "linestyle": DASHES[number % len(DASHES)]}
        if len(places) == 1:
            axes.axvline(places[0], color=colour, linewidth=1.6, zorder=4, **line)
            continue
        if number < 2:
            axes.fill_between(places, density, color=colour, alpha=0.14, linewidth=0, zorder=2)
        axes.plot(places, density, color=colour, linewidth=1.1 if number < 2 else 0.8, zorder=4, **line)
    compared = [curves[name] for name in names[:2] if name in curves and len(curves[name][0]) > 1]
    if len(compared) == 2:
        axes.fill_between(*overlap_of(*compared), color=OVERLAP, alpha=0.3, linewidth=0, zorder=3)


def _set_scale(axes: Any, curves: Sequence[tuple[FloatArray, FloatArray]], unit: str) -> None:
    """From the first place to the last; numbers at both ends and in the middle."""
    low = min(float(places.min()) for places, _ in curves)
    high = max(float(places.max()) for places, _ in curves)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    top = max((float(density.max()) for places, density in curves if len(places) > 1), default=1.0)
    axes.set(xlim=(low, high), ylim=(0, 1.06 * top or 1.0))
    ticks = round_ticks(low, high, 4)
    axes.set_xticks(ticks, [f"{tick:.6g}" for tick in ticks])
    axes.tick_params(length=2.5, left=False)
    axes.set_xlabel(unit, labelpad=2, **words(6.5, palette.GREY))


def _known(curve: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Without what is nan or infinite; where all is at one place the density is, and the place is kept."""
    places, density = (np.asarray(values, dtype=np.float64) for values in curve)
    finite = np.isfinite(places) & (np.isfinite(density) | (len(places) == 1))
    return places[finite], density[finite]


def _entries(names: Sequence[str]) -> list[Entry]:
    """The names in their colours, and what the dark ground is."""
    entries = [
        Entry(name, COLOURS[number % len(COLOURS)], SIGNS[number % len(SIGNS)]) for number, name in enumerate(names)
    ]
    return [*entries, Entry("overlap of the first two", OVERLAP_SEEN)] if len(names) > 1 else entries
