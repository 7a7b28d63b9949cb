"""Learning curves: what a run thinks of its own pieces and of those it does not learn from, step by step.

Every run has one colour: thin for training, thick with dots for validation, a ring where validation is best. A dense
training curve is smoothed, with the figures themselves faint behind it. The scale is that of what comes after the first
tenth of the steps, since the fall at the beginning would leave no room for the rest; it leaves the picture at the top.
Below stands the learning rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.legend import LINE_INCHES, Entry, draw_legend, legend_lines
from ritornello.plotting.page import LINE, Box, empty_figure, plain_axes, words, write_at, write_png
from ritornello.plotting.scales import round_ticks
from ritornello.plotting.smoothing import smoothed

FloatArray = NDArray[np.floating[Any]]
WIDTH_INCHES = 8.0
LEFT_INCHES, RIGHT_INCHES, BOTTOM_INCHES, TOP_INCHES = 0.55, 0.25, 0.42, 0.1
CURVES_INCHES, RATE_INCHES, NAME_INCHES = 3.4, 0.5, 0.26
COLOURS = (palette.VOICES[1], palette.VOICES[0], palette.VOICES[3], palette.VOICES[2], "#CC79A7", "#56B4E9")
"""Those of Okabe and Ito."""
MOST_RUNS = len(COLOURS)
"""More could not be told apart."""
SIGNS = (
    Entry("validation", palette.GREY, "●"),
    Entry("training", palette.GREY, "—"),
    Entry("best", palette.GREY, "○"),
)
BEGINNING = 0.1
"""Share of the steps whose losses do not count for the scale."""
SMOOTHED_SHARE = 1 / 40
"""Share of the figures, on each side of one, that it is smoothed with."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """One run; steps rise, nan stands where nothing is known."""

    name: str
    steps: FloatArray
    """Of ``train_nats``."""
    train_nats: FloatArray
    """Nats per token on the pieces that are learned from."""
    validation_steps: FloatArray
    validation_nats: FloatArray
    learning_rate: FloatArray
    """At ``validation_steps``."""
    validated: str = ""
    """What validation counts, where that is not what training counts."""

    @property
    def best(self) -> int | None:
        """Index of the lowest validation, the first of several; None without any."""
        known = np.isfinite(self.validation_nats)
        return int(np.argmin(np.where(known, self.validation_nats, np.inf))) if known.any() else None


def draw_learning(runs: Sequence[LearningCurve], path: Path) -> None:
    """Writes the picture as PNG.

    Raises:
        UserError: the file cannot be written.
    """
    write_png(figure_of_learning(runs), path)


def figure_of_learning(runs: Sequence[LearningCurve]) -> Any:
    """The picture of at most ``MOST_RUNS`` runs as a matplotlib figure with an Agg canvas."""
    assert len(runs) <= MOST_RUNS, "more runs than colours"
    across = WIDTH_INCHES - LEFT_INCHES - RIGHT_INCHES
    legend = legend_lines(_names(runs), across) + legend_lines(SIGNS, across)
    with_rate = any(np.isfinite(run.learning_rate).any() for run in runs)
    below = BOTTOM_INCHES + (RATE_INCHES + NAME_INCHES if with_rate else 0.0)
    height = below + CURVES_INCHES + NAME_INCHES + len(legend) * LINE_INCHES + TOP_INCHES
    figure = empty_figure(WIDTH_INCHES, height)
    draw_legend(figure, legend, LEFT_INCHES, height - TOP_INCHES)
    end = max((float(np.max(steps, initial=0.0)) for run in runs for steps in (run.steps, run.validation_steps)),
              default=0.0)  # fmt: skip
    end = end or 1.0
    axes = _axes(figure, (LEFT_INCHES, below, across, CURVES_INCHES), "nats per token", end, named=not with_rate)
    _draw_curves(axes, runs)
    _set_scale(axes, runs, end)
    if with_rate:
        box = (LEFT_INCHES, BOTTOM_INCHES, across, RATE_INCHES)
        _draw_rates(_axes(figure, box, "learning rate", end, named=True), runs)
    return figure


def _names(runs: Sequence[LearningCurve]) -> list[Entry]:
    """Each run in its colour, with its best."""
    entries: list[Entry] = []
    for run, colour in zip(runs, COLOURS, strict=False):
        text = run.name
        if run.best is not None:
            text += f": best {run.validation_nats[run.best]:.4g} at step {int(run.validation_steps[run.best]):,}"
        entries.append(Entry(text + (f" ({run.validated})" if run.validated else ""), colour))
    return entries


def _axes(figure: Any, box: Box, name: str, end: float, *, named: bool) -> Any:
    """Axes with steps along x, and what is drawn above them."""
    axes = plain_axes(figure, box, xlim=(0, 1.01 * end))  # room for half a dot
    left, bottom, _, height = box
    write_at(figure, left, bottom + height + 0.11, name, **words(7, palette.GREY))
    ticks = round_ticks(0, end, 8)
    ticks = [tick for tick in ticks if tick == round(tick)] or [0.0]
    axes.set_xticks(ticks, [f"{tick:,.0f}" if named else "" for tick in ticks])
    for tick in ticks:
        axes.axvline(tick, color=palette.FAINT, linewidth=0.4, zorder=0, **LINE)
    axes.spines["bottom"].set_visible(True)
    if named:
        axes.set_xlabel("step", labelpad=2, **words(7, palette.GREY))
    return axes


def _draw_curves(axes: Any, runs: Sequence[LearningCurve]) -> None:
    for run, colour in zip(runs, COLOURS, strict=False):
        reach = int(len(run.train_nats) * SMOOTHED_SHARE)
        if reach:
            axes.plot(run.steps, run.train_nats, color=colour, linewidth=0.6, alpha=0.25, marker="", zorder=2, **LINE)
        marker = "." if len(run.steps) == 1 else ""
        training = smoothed(run.train_nats, reach)
        axes.plot(run.steps, training, color=colour, linewidth=0.9, alpha=0.75, marker=marker, zorder=3, **LINE)
        size = 3.5 if len(run.validation_steps) <= 60 else 0.0
        axes.plot(run.validation_steps, run.validation_nats, color=colour, linewidth=1.7, marker="o", markersize=size,
                  markeredgewidth=0, zorder=4, **LINE)  # fmt: skip
        if run.best is not None:
            place = ([run.validation_steps[run.best]], [run.validation_nats[run.best]])
            axes.plot(*place, marker="o", markersize=8, markerfacecolor="none", markeredgecolor=colour,
                      markeredgewidth=1.2, linestyle="", zorder=5, clip_on=False)  # fmt: skip


def _set_scale(axes: Any, runs: Sequence[LearningCurve], end: float) -> None:
    """From the lowest to the highest loss after the beginning, with a little room."""
    pairs = [
        pair for run in runs for pair in ((run.steps, run.train_nats), (run.validation_steps, run.validation_nats))
    ]
    steps, nats = (
        (np.concatenate([np.zeros(0), *column]) for column in zip(*pairs, strict=True)) if pairs else (np.zeros(0),) * 2
    )
    known = np.isfinite(nats)
    late = known & (steps > BEGINNING * end)
    shown = nats[late] if late.any() else nats[known]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    axes.set_ylim(low - room, high + room)
    ticks = round_ticks(low - room, high + room, 6)
    axes.set_yticks(ticks, [f"{tick:.6g}" for tick in ticks])
    for tick in ticks:
        axes.axhline(tick, color=palette.FAINT, linewidth=0.4, zorder=0, **LINE)


def _draw_rates(axes: Any, runs: Sequence[LearningCurve]) -> None:
    top = max(float(np.max(run.learning_rate[np.isfinite(run.learning_rate)], initial=0.0)) for run in runs) or 1.0
    for run, colour in zip(runs, COLOURS, strict=False):
        if len(run.validation_steps):
            marker = "." if len(run.validation_steps) == 1 else ""
            axes.plot(run.validation_steps, run.learning_rate, color=colour, linewidth=1.0, marker=marker, **LINE)
    axes.set_ylim(0, 1.1 * top)
    axes.set_yticks([0, top], ["0", f"{top:.2g}"])
