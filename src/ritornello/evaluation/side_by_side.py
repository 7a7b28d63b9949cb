"""The table that sets two groups of pieces side by side: value, interval, ratio, goal.

Every piece is a dictionary of figures, as the ``evaluate`` of each aspect gives it. A row of the table names
a figure and what it is a share or a rate of, so that pieces count by their phrases, beats or bars and not
each the same; the 95 % intervals are drawn over pieces (``statistics.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ritornello.evaluation.statistics import Estimate, Tally, quotient, rate

Figures: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the value itself or, with ``ratio``, on the value over the reference's."""

    bound: float
    ratio: bool = False
    at_most: bool = False

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.bound:g} of the reference" if self.ratio else f"{sign} {100 * self.bound:g} %"

    def met(self, value: float, reference: float) -> bool | None:
        """Whether a value meets the goal; None where it or the reference it needs is nan.

        A ratio to a reference of 0 is met by 0 alone when it is an upper bound.
        """
        bound = self.bound * reference if self.ratio else self.bound
        if math.isnan(value) or math.isnan(bound):
            return None
        return value <= bound if self.at_most else value >= bound


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    ``figure`` is a share (0 to 1) of the items counted by ``per`` (``num_phrases``), or, with
    ``per="beats"``, a rate per 100 beats; without ``per`` pieces are averaged.
    """

    title: str
    figure: str
    per: str = ""
    percent: bool = True
    goal: Goal | None = None

    def tally(self, pieces: Sequence[Figures]) -> Tally:
        """The figure of every piece, weighted by what it is counted over."""
        sizes = [piece[self.per] if self.per else 1.0 for piece in pieces]
        return Tally([piece[self.figure] * size for piece, size in zip(pieces, sizes, strict=True)], sizes)


def table(rows: Sequence[Row], pieces: Sequence[Figures], reference: Sequence[Figures], names: tuple[str, str]) -> str:
    """Markdown: one line per row, with the pieces, the reference, their ratio and the goal."""
    lines = [f"| | {names[0]} | {names[1]} | ratio | goal | |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(_line(row, pieces, reference) for row in rows)])


def _line(row: Row, pieces: Sequence[Figures], reference: Sequence[Figures]) -> str:
    ours, theirs = row.tally(pieces), row.tally(reference)
    value, beside = rate(ours), rate(theirs)
    met = row.goal.met(value.value, beside.value) if row.goal else None
    verdict = {True: "met", False: "**not met**", None: ""}[met]
    goal = str(row.goal or "")
    cells = (
        row.title,
        _cell(value, percent=row.percent),
        _cell(beside, percent=row.percent),
        _ratio(ours, theirs),
        goal,
        verdict,
    )
    return "| " + " | ".join(cells) + " |"


def _cell(estimate: Estimate, *, percent: bool) -> str:
    """``83.1 % [80.2, 85.9]``; a dash where there is nothing to count."""
    if math.isnan(estimate.value):
        return "—"
    value, low, high = (100 * x if percent else x for x in estimate[:3])
    digits, unit = (1, " %") if percent else (2, "")
    return f"{value:.{digits}f}{unit} [{low:.{digits}f}, {high:.{digits}f}]"


def _ratio(ours: Tally, theirs: Tally) -> str:
    estimate = quotient(ours, theirs)
    return "—" if math.isnan(estimate.value) else f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
