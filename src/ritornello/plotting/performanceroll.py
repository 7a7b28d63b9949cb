"""The picture of a performance: pitch over seconds, louder notes darker, what only the pedal holds faint.

There are no bars and no plan: a recording has neither. The piece is wrapped into systems of equal length in seconds.
The same score gives the same bytes.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.page import DOTS_PER_INCH, axes_at, empty_figure, words, write_at, write_png
from ritornello.plotting.scales import time_name
from ritornello.scores.clock import Clock
from ritornello.scores.score import Notes, Score
from ritornello.scores.sustain import sustained

SYSTEM_SECONDS = (10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
"""Lengths that a system may have; the first that needs at most MOST_SYSTEMS is taken."""
MOST_SYSTEMS = 12
LEAST_FILLED = 0.15
"""Share of a last system that is worth one; what is shorter lengthens the others."""
WIDTH_INCHES, LEFT_INCHES, RIGHT_INCHES = 11.0, 0.5, 0.15
TITLE_INCHES, GAP_INCHES = 0.45, 0.3
ROLL_INCHES = (1.35, 2.6)
"""Height of a system: the lower for a piece of many, the higher for a piece of one."""
NOTE_HEIGHT = 0.9
SOFT, LOUD = 24, 104
"""Velocities from which on a note has the lightest and the darkest shade."""
PEDAL_OPACITY = 0.22
LEAST_PIXELS = 2.0
"""Shortest note that is still to be seen."""
_Colours = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Bars:
    """Notes (N,) as they are drawn; ``colours`` is (N, 4)."""

    start: NDArray[np.float64]
    key_end: NDArray[np.float64]
    sound_end: NDArray[np.float64]
    pitch: NDArray[np.int64]
    colours: _Colours


def draw_performance(score: Score, path: Path) -> None:
    """Writes the picture as PNG.

    Raises:
        UserError: the file cannot be written.
    """
    write_png(figure_of_performance(score), path)


def figure_of_performance(score: Score) -> Any:
    """The picture as a matplotlib figure with an Agg canvas."""
    bars = _bars_of(score)
    seconds = max(1.0, float(bars.sound_end.max(initial=0.0)))
    num_systems, each = systems_of(seconds)
    low, high = ROLL_INCHES
    roll_inches = high - (high - low) * min(1.0, (num_systems - 1) / 5)
    height = TITLE_INCHES + num_systems * (roll_inches + GAP_INCHES)
    figure = empty_figure(WIDTH_INCHES, height)
    _title(figure, score, seconds)
    _legend(figure)
    across = WIDTH_INCHES - LEFT_INCHES - RIGHT_INCHES
    for number in range(num_systems):
        bottom = height - TITLE_INCHES - number * (roll_inches + GAP_INCHES) - roll_inches
        box = (LEFT_INCHES, bottom, across, roll_inches)
        axes = axes_at(figure, box, xlim=(number * each, (number + 1) * each))
        _system(axes, bars, each, each / (across * DOTS_PER_INCH))
    return figure


def systems_of(seconds: float) -> tuple[int, float]:
    """How many systems a piece of so many seconds has, and the length of each in seconds; no last one nearly empty."""
    fitting = (each for each in SYSTEM_SECONDS if each * MOST_SYSTEMS >= seconds)
    each = next(fitting, math.ceil(seconds / MOST_SYSTEMS))
    count = max(1, math.ceil(seconds / each - LEAST_FILLED))
    return count, max(float(each), seconds / count)


def _bars_of(score: Score) -> _Bars:
    clock = Clock.of(score)
    nothing = np.zeros(0)
    columns: list[tuple[NDArray[Any], ...]] = [(nothing, nothing, nothing, nothing, np.zeros((0, 4)))]
    for number, part in enumerate(score.parts):
        sounding: Notes = sustained(part)
        colours = _shades(palette.VOICES[(number + 1) % len(palette.VOICES)], part.notes.velocity)
        ends = (clock.seconds(notes.offset_ticks) for notes in (part.notes, sounding))
        columns.append((clock.seconds(part.notes.onset_ticks), *ends, part.notes.pitch, colours))
    start, key_end, sound_end, pitch, colours = (np.concatenate(column) for column in zip(*columns, strict=True))
    return _Bars(start, key_end, sound_end, pitch.astype(np.int64), colours)


def _shades(colour: str, velocity: NDArray[np.int64]) -> _Colours:
    """Soft notes in a tint of the colour, loud ones near black, those in between in the colour itself."""
    from matplotlib.colors import to_rgba

    full = np.array(to_rgba(colour))
    tint, dark = 0.3 * full + 0.7, 0.3 * full
    tint[3] = dark[3] = 1.0
    loudness = np.clip((velocity - SOFT) / (LOUD - SOFT), 0, 1)
    places = np.array([0.0, 0.5, 1.0])
    channels = np.stack([tint, full, dark])
    return np.stack([np.interp(loudness, places, channels[:, channel]) for channel in range(4)], axis=1)


def _system(axes: Any, bars: _Bars, each: float, seconds_per_pixel: float) -> None:
    """One system: octaves, seconds, first what the pedal holds, then the notes."""
    lowest, highest = int(bars.pitch.min(initial=60)), int(bars.pitch.max(initial=60))
    axes.set(ylim=(lowest - 1.5, highest + 1.5))
    axes.spines[:].set_visible(False)
    _octaves(axes, lowest, highest)
    _seconds(axes, each)
    begin, end = axes.get_xlim()
    here = (bars.start < end) & (bars.sound_end > begin)
    held = here & (bars.sound_end > bars.key_end)
    faint = bars.colours[held] * np.array([1, 1, 1, PEDAL_OPACITY])
    _rectangles(axes, bars.key_end[held], bars.sound_end[held], bars.pitch[held], faint)
    ends = np.maximum(bars.key_end - seconds_per_pixel, bars.start + LEAST_PIXELS * seconds_per_pixel)
    _rectangles(axes, bars.start[here], ends[here], bars.pitch[here], bars.colours[here])


def _rectangles(
    axes: Any, start: NDArray[np.float64], end: NDArray[np.float64], pitch: NDArray[np.int64], colours: _Colours
) -> None:
    from matplotlib.collections import PolyCollection

    low, high = pitch - NOTE_HEIGHT / 2, pitch + NOTE_HEIGHT / 2
    corners = [(start, low), (start, high), (end, high), (end, low)]
    vertices: Any = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
    axes.add_collection(PolyCollection(vertices, facecolors=colours, linewidths=0, zorder=3), autolim=False)


def _octaves(axes: Any, lowest: int, highest: int) -> None:
    """A line and a name at every C; middle C a little darker."""
    names = range(-(-lowest // 12) * 12, highest + 1, 12)
    for pitch in names:
        colour = palette.GREY if pitch == 60 else palette.FAINT
        axes.axhline(pitch - 0.5, color=colour, linewidth=0.6, zorder=1)
    axes.set_yticks(list(names), [f"C{pitch // 12 - 1}" for pitch in names])
    axes.tick_params(length=0, labelsize=6.5, labelcolor=palette.GREY, labelfontfamily=palette.FONT)


def _seconds(axes: Any, each: float) -> None:
    """Lines at round times, every second one with its name."""
    begin, end = axes.get_xlim()
    step = next(step for step in (1, 5, 10, 15, 30, 60, 300) if each / step <= 20 or step == 300)
    times = range(math.ceil(begin / step) * step, math.floor(end) + 1, step)
    for time in times:
        axes.axvline(time, color=palette.FAINT, linewidth=0.5, zorder=1)
    named = [time for time in times if time % (5 if step == 1 else 2 * step) == 0]
    axes.set_xticks(named, [time_name(time) for time in named])


def _title(figure: Any, score: Score, seconds: float) -> None:
    facts = [
        textwrap.shorten(score.title, 80, placeholder=" …"),
        f"{score.num_notes:,} notes",
        time_name(seconds),
    ]
    middle = figure.get_size_inches()[1] - TITLE_INCHES / 2
    write_at(figure, LEFT_INCHES, middle, "   ·   ".join(fact for fact in facts if fact), **words(8.5))


def _legend(figure: Any) -> None:
    """The shades from soft to loud."""
    height = figure.get_size_inches()[1]
    inches = 1.1
    right, y = WIDTH_INCHES - RIGHT_INCHES - 0.35, height - TITLE_INCHES / 2
    box = ((right - inches) / WIDTH_INCHES, (y - 0.04) / height, inches / WIDTH_INCHES, 0.08 / height)
    axes = figure.add_axes(box, xticks=(), yticks=())
    axes.spines[:].set_visible(False)
    axes.imshow(_shades(palette.VOICES[1], np.arange(SOFT, LOUD + 1))[None], aspect="auto")
    style = {"size": 7, "color": palette.GREY, "family": palette.FONT, "va": "center_baseline"}
    figure.text(box[0] - 0.006, y / height, "soft", ha="right", **style)
    figure.text(box[0] + box[2] + 0.006, y / height, "loud", ha="left", **style)
