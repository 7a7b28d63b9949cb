"""The piano roll: four voices on a pitch axis, with the plan above them in three lanes.

Long pieces are wrapped into systems of about 24 quarter notes, all on one time scale. The same score and
plan give the same bytes: no date, no program version, and nothing of matplotlib's global state.
"""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

from ritornello.form.grid import FRAMES_PER_BEAT, Grid, Range, grid_of_score
from ritornello.form.plan import Plan
from ritornello.plotting import palette
from ritornello.plotting.lanepanel import Ruler, draw_lanes
from ritornello.plotting.lanes import Lanes
from ritornello.plotting.page import DOTS_PER_INCH, Box, axes_at, empty_figure, words, write_at, write_png
from ritornello.plotting.rollpanel import bars_of, draw_roll
from ritornello.scores.score import Score

BEATS_PER_SYSTEM = 24
MAX_SYSTEMS = 40  # longer pieces get longer systems; Agg draws no picture above 65,535 pixels
WIDTH_INCHES, LEFT_INCHES, RIGHT_INCHES = 11.0, 0.62, 0.12
TITLE_INCHES, LANES_INCHES, ROLL_INCHES, GAP_INCHES = 0.45, 0.68, 2.3, 0.3


def draw(score: Score, plan: Plan | None, path: Path) -> None:
    """Writes the picture as PNG; without a plan the roll stands alone.

    Raises:
        UserError: the file cannot be written.
    """
    write_png(figure_of(score, plan), path)


def figure_of(score: Score, plan: Plan | None) -> Any:
    """The picture as a matplotlib figure with an Agg canvas."""
    grid = grid_of_score(score)
    systems = systems_of(grid)
    lanes_inches = LANES_INCHES if plan else 0.0
    system_inches = lanes_inches + ROLL_INCHES + GAP_INCHES
    height = TITLE_INCHES + system_inches * len(systems)
    figure = empty_figure(WIDTH_INCHES, height)
    _title(figure, score, plan)
    inches_per_frame = (WIDTH_INCHES - LEFT_INCHES - RIGHT_INCHES) / max(end - start for start, end in systems)
    ruler = Ruler(figure.canvas.get_renderer(), inches_per_frame * DOTS_PER_INCH)
    lanes = Lanes.of(plan) if plan else None
    bars = bars_of(score)
    for number, system in enumerate(systems):
        top = height - TITLE_INCHES - number * system_inches
        width = (system[1] - system[0]) * inches_per_frame
        if lanes:
            axes = _axes(figure, (LEFT_INCHES, top - lanes_inches, width, lanes_inches), system)
            draw_lanes(axes, lanes, system, ruler)
        axes = _axes(figure, (LEFT_INCHES, top - lanes_inches - ROLL_INCHES, width, ROLL_INCHES), system)
        draw_roll(axes, score, bars, grid, system)
    return figure


def systems_of(grid: Grid) -> list[Range]:
    """Frame ranges of the systems: whole bars, evenly shared out, each beginning with its pickup."""
    bars = list(grid.bars[1:] if grid.pickup_frames else grid.bars) or [(0, 4 * FRAMES_PER_BEAT)]
    most = max(1, BEATS_PER_SYSTEM * FRAMES_PER_BEAT // grid.bar_frames, math.ceil(len(bars) / MAX_SYSTEMS))
    each = math.ceil(len(bars) / math.ceil(len(bars) / most))
    starts = [start - grid.pickup_frames for start, _ in bars[::each]]
    return list(zip(starts, [*starts[1:], bars[-1][1]], strict=True))


def _axes(figure: Any, box: Box, system: Range) -> Any:
    """Empty axes, the system's frames along x."""
    axes = axes_at(figure, box, xlim=system)
    axes.tick_params(length=0, labelsize=6.5, labelcolor=palette.GREY, labelfontfamily=palette.FONT)
    return axes


def _title(figure: Any, score: Score, plan: Plan | None) -> None:
    """Title, key and metre on the left; the parts in their colours on the right."""
    height = figure.get_size_inches()[1]
    y = 1 - TITLE_INCHES / 2 / height
    tempo = f"{score.tempos[0].beats_per_minute:g} beats a minute" if score.tempos else ""
    facts = [
        textwrap.shorten((plan.title if plan else "") or score.title, 60, placeholder=" …"),
        str(plan.key or "") if plan else "",
        str(score.metres[0]),
        tempo,
    ]
    write_at(
        figure, LEFT_INCHES, height - TITLE_INCHES / 2, "   ·   ".join(fact for fact in facts if fact), **words(8.5)
    )
    x = 1 - RIGHT_INCHES / WIDTH_INCHES
    for index, part in reversed(list(enumerate(score.parts[:8]))):
        colour = palette.VOICES[index % len(palette.VOICES)]
        name = figure.text(x, y, part.name[:16], ha="right", va="center", **words(7.5, colour, weight="bold"))
        x = name.get_window_extent().x0 / figure.bbox.width - 0.012
