"""Curves along a piece, such as its tension: one row for each over a common axis of time.

The rows have scales of their own, since different kinds of tension have no common unit. A plan's sections stand as a
lane above, and run down as borders; its cadences are marked where they are planned, so that one sees whether the curve
falls there. A dense curve is thin, with its course over it. Where a curve says nothing (nan) it has a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.landmarks import CadenceMark
from ritornello.plotting.lanepanel import Extent, draw_lane_at
from ritornello.plotting.lanes import Span
from ritornello.plotting.page import LINE, empty_figure, plain_axes, words, write_at, write_png
from ritornello.plotting.scales import time_ticks
from ritornello.plotting.smoothing import smoothed

WIDTH_INCHES = 11.0
LEFT_INCHES, RIGHT_INCHES, BOTTOM_INCHES = 0.5, 0.15, 0.3
TITLE_INCHES, LANE_INCHES, NAME_INCHES, TOP_INCHES = 0.36, 0.2, 0.2, 0.08
ROW_INCHES, CADENCE_INCHES = 1.05, 0.13
INCHES_PER_TIME, INCHES_PER_CADENCE = 0.55, 0.3
DOTTED = (0, (1, 2))
SMOOTHED_SHARE, LEAST_REACH = 1 / 60, 2
"""Share of the values, on each side of one, that its course is the mean of; with fewer values than these there is none.
"""
COLOURS = (palette.VOICES[1], palette.VOICES[0], palette.VOICES[3], palette.VOICES[2])


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve: ``values`` at ``seconds``, (W,) each; nan where nothing can be said."""

    name: str
    seconds: NDArray[np.floating[Any]]
    values: NDArray[np.floating[Any]]


def draw_tension(
    curves: Sequence[Curve],
    path: Path,
    title: str = "",
    *,
    sections: Sequence[Span] = (),
    cadences: Sequence[CadenceMark] = (),
    width_inches: float = WIDTH_INCHES,
) -> None:
    """Writes the picture as PNG; arguments as of ``figure_of_tension``.

    Raises:
        UserError: the file cannot be written.
    """
    figure = figure_of_tension(curves, title, sections=sections, cadences=cadences, width_inches=width_inches)
    write_png(figure, path)


def figure_of_tension(
    curves: Sequence[Curve],
    title: str = "",
    *,
    sections: Sequence[Span] = (),
    cadences: Sequence[CadenceMark] = (),
    width_inches: float = WIDTH_INCHES,
) -> Any:
    """The picture as a matplotlib figure with an Agg canvas.

    Args:
        curves: from the top down; without any, one empty row.
        title: what stands above.
        sections: in seconds (``landmarks.py``).
        cadences: those that are planned.
        width_inches: of the whole picture.
    """
    rows = list(curves) or [Curve("", np.zeros(0), np.zeros(0))]
    lane, head = LANE_INCHES if sections else 0.0, TITLE_INCHES if title else TOP_INCHES
    above = CADENCE_INCHES if cadences else 0.0
    height = BOTTOM_INCHES + len(rows) * (ROW_INCHES + NAME_INCHES) + above + lane + head
    across = width_inches - LEFT_INCHES - RIGHT_INCHES
    figure = empty_figure(width_inches, height)
    extent = (0.0, _end_of(rows, sections, cadences))
    if title:
        write_at(figure, LEFT_INCHES, height - TITLE_INCHES / 2, title, **words(8.5))
    if sections:
        draw_lane_at(figure, (LEFT_INCHES, height - head - lane, across, lane), sections, extent)
    for number, curve in enumerate(rows):
        bottom = BOTTOM_INCHES + (len(rows) - 1 - number) * (ROW_INCHES + NAME_INCHES)
        axes = plain_axes(figure, (LEFT_INCHES, bottom, across, ROW_INCHES), xlim=extent)
        colour = COLOURS[number % len(COLOURS)]
        write_at(figure, LEFT_INCHES, bottom + ROW_INCHES + 0.08, curve.name, **words(7.5, colour, weight="bold"))
        _draw_landmarks(axes, sections, cadences)
        _draw_curve(axes, curve, colour)
        _name_times(axes, extent, across, named=number == len(rows) - 1)
        if number == 0:
            _name_cadences(axes, cadences, extent[1] / across * INCHES_PER_CADENCE)
    return figure


def _end_of(curves: Sequence[Curve], sections: Sequence[Span], cadences: Sequence[CadenceMark]) -> float:
    """Where the axis of time ends; 1 s where nothing has a time."""
    ends = [float(np.max(curve.seconds, initial=0.0)) for curve in curves]
    ends += [span.end for span in sections] + [mark.seconds for mark in cadences]
    return max(ends) or 1.0


def _draw_curve(axes: Any, curve: Curve, colour: str) -> None:
    values = np.asarray(curve.values, dtype=np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = 0.08 * (high - low) or max(0.5, 0.1 * abs(high))
    axes.set_ylim(low - room, high + room)
    axes.fill_between(curve.seconds, values, low - room, color=colour, alpha=0.1, linewidth=0, zorder=2)
    marker = "o" if len(known) == 1 else ""
    reach = int(len(values) * SMOOTHED_SHARE)
    is_dense = reach >= LEAST_REACH
    style = {"linewidth": 0.5, "alpha": 0.5} if is_dense else {"linewidth": 1.0}
    axes.plot(curve.seconds, values, color=colour, marker=marker, markersize=4, zorder=3, **style, **LINE)
    if is_dense:
        course = np.where(np.isnan(values), np.nan, smoothed(values, reach))
        axes.plot(curve.seconds, course, color=colour, linewidth=1.3, zorder=4, **LINE)
    axes.axhline(low - room, color=palette.FAINT, linewidth=0.8, zorder=1, **LINE)
    ends = sorted({low, high})
    axes.set_yticks(ends, [_number(value, room) for value in ends])


def _number(value: float, room: float) -> str:
    """A value with as many places as it takes to see how far apart the extremes are; 0 for what rounding left."""
    places = 1 - math.floor(math.log10(room))
    return f"{round(value, places) + 0.0:.{max(3, 1 + places + math.floor(math.log10(abs(value) or 1.0)))}g}"


def _draw_landmarks(axes: Any, sections: Sequence[Span], cadences: Sequence[CadenceMark]) -> None:
    for span in sections[1:]:
        axes.axvline(span.start, color=palette.GREY, linewidth=0.7, zorder=1, **LINE)
    for mark in cadences:
        axes.axvline(mark.seconds, 0, 1 + NAME_INCHES / ROW_INCHES, color=palette.GREY, linewidth=0.6,
                     zorder=1, clip_on=False, **{**LINE, "linestyle": DOTTED})  # fmt: skip


def _name_cadences(axes: Any, cadences: Sequence[CadenceMark], least_seconds: float) -> None:
    """Names above the row and above its own name, where two do not touch."""
    free_from = -math.inf
    for mark in cadences:
        if mark.seconds < free_from:
            continue
        free_from = mark.seconds + least_seconds
        axes.annotate(mark.name, (mark.seconds, 1 + NAME_INCHES / ROW_INCHES), (0, 1), ha="center", va="bottom",
                      xycoords=("data", "axes fraction"), textcoords="offset points",
                      **words(5.5, palette.GREY))  # fmt: skip


def _name_times(axes: Any, extent: Extent, across_inches: float, *, named: bool) -> None:
    times, names = time_ticks(extent[1], max(2, round(across_inches / INCHES_PER_TIME)))
    for time in times:
        axes.axvline(time, color=palette.FAINT, linewidth=0.4, zorder=0, **LINE)
    axes.set_xticks(times, names if named else [""] * len(times))
