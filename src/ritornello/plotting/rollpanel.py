"""Draws the notes of one system: a bar for every note, with a dark head where it is struck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ritornello.form.grid import FRAMES_PER_BEAT, Grid, Range
from ritornello.plotting import palette
from ritornello.scores.score import Score

HEAD_FRAMES, GAP_FRAMES = 0.4, 0.16
NOTE_HEIGHT = 0.86
BLACK_KEYS = (1, 3, 6, 8, 10)
NAMED_KEYS = {0: "C", 5: "F"}
FERMATA_ABOVE = 1.7


class Bar(NamedTuple):
    """A note on the picture: frames, MIDI pitch, index of its part, whether a lower part doubles it."""

    start: float
    end: float
    pitch: int
    part: int
    doubled: bool


def bars_of(score: Score) -> list[Bar]:
    """All notes, the lowest part first; where parts sing in unison both are to be seen."""
    frame_ticks = score.ticks_per_beat / FRAMES_PER_BEAT
    taken = np.zeros((math.ceil(score.end_ticks / frame_ticks), 128), dtype=np.bool_)
    bars: list[Bar] = []
    for part in reversed(range(len(score.parts))):
        rows = [(on / frame_ticks, (on + long) / frame_ticks, p) for on, long, p, _ in score.parts[part].notes.rows()]
        bars += [Bar(*row, part, bool(taken[_within(row), row[2]].any())) for row in rows]
        for row in rows:
            taken[_within(row), row[2]] = True
    return bars


def draw_roll(axes: Any, score: Score, bars: Sequence[Bar], grid: Grid, system: Range) -> None:
    """Pitch axis, barlines, notes and fermatas of one system."""
    lowest = min((bar.pitch for bar in bars), default=48)
    highest = max((bar.pitch for bar in bars), default=72)
    axes.set(ylim=(lowest - 1.5, highest + 3.5), xticks=())
    axes.spines[:].set_visible(False)
    _keyboard(axes, lowest, highest)
    _barlines(axes, grid, system)
    for bar in bars:
        if bar.start < system[1] and bar.end > system[0]:
            _note(axes, bar)
    _fermatas(axes, score, system)


def _within(row: tuple[float, float, int]) -> slice:
    """The frames that a note touches."""
    return slice(math.floor(row[0]), math.ceil(row[1]))


def _keyboard(axes: Any, lowest: int, highest: int) -> None:
    """Grey rows for black keys, names at every C and F."""
    for pitch in range(lowest - 1, highest + 4):
        if pitch % 12 in BLACK_KEYS:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color=palette.BLACK_KEY, linewidth=0, zorder=0)
        if pitch % 12 in NAMED_KEYS:
            axes.axhline(pitch - 0.5, color=palette.FAINT, linewidth=0.5, zorder=1)
    named = [pitch for pitch in range(lowest, highest + 1) if pitch % 12 in NAMED_KEYS]
    axes.set_yticks(named, [f"{NAMED_KEYS[pitch % 12]}{pitch // 12 - 1}" for pitch in named])


def _barlines(axes: Any, grid: Grid, system: Range) -> None:
    """Barlines with the number of the bar that follows (a pickup has none), and fainter lines for beats."""
    for start in grid.slot_starts[(grid.slot_starts >= system[0]) & (grid.slot_starts < system[1])].tolist():
        axes.axvline(start, color=palette.FAINT, linewidth=0.5, zorder=1)
    first = 0 if grid.pickup_frames else 1
    for number, (start, end) in enumerate(grid.bars, start=first):
        if not system[0] <= start < system[1]:
            continue
        axes.axvline(start, color=palette.GREY, linewidth=0.8, zorder=2)
        axes.axvline(end, color=palette.GREY, linewidth=0.8, zorder=2)
        if number:
            axes.annotate(str(number), (start, 0), (2, -2), xycoords=("data", "axes fraction"), va="top",
                          textcoords="offset points", size=6, color=palette.GREY, family=palette.FONT)  # fmt: skip


def _note(axes: Any, bar: Bar) -> None:
    """A bar with its head; the upper of two voices in unison takes the upper half."""
    from matplotlib.patches import Rectangle

    colour = palette.VOICES[bar.part % len(palette.VOICES)]
    height = NOTE_HEIGHT / 2 if bar.doubled else NOTE_HEIGHT
    bottom = bar.pitch + NOTE_HEIGHT / 2 - height
    width = max(bar.end - bar.start - GAP_FRAMES, HEAD_FRAMES)
    axes.add_patch(Rectangle((bar.start, bottom), width, height, color=colour, alpha=0.62, linewidth=0, zorder=3))
    axes.add_patch(Rectangle((bar.start, bottom), HEAD_FRAMES, height, color=colour, linewidth=0, zorder=4))


def _fermatas(axes: Any, score: Score, system: Range) -> None:
    """An arc and a dot above the highest part that has a fermata there."""
    from matplotlib.path import Path

    frame_ticks = score.ticks_per_beat / FRAMES_PER_BEAT
    places: dict[int, int] = {}
    for part in score.parts:
        for onset, _, pitch, _ in part.notes.rows():
            if onset in part.fermatas_ticks and system[0] <= onset / frame_ticks < system[1]:
                places.setdefault(onset, pitch)
    for onset, pitch in places.items():
        place = ([onset / frame_ticks + 1], [pitch + FERMATA_ABOVE])
        axes.plot(*place, marker=Path.arc(0, 180), markersize=7, color="none", markeredgecolor=palette.INK)
        axes.plot(*place, marker="o", markersize=1.6, color=palette.INK)
