"""How many notes a bar of each section has, where a plan leaves it open: drawn as songs have it.

Of a section that states something new, how dense it is (log2 of notes per quarter note) is the usual of its kind, plus
what its piece, its letter and itself add: three normal numbers. So sections of one piece are alike, those of one
letter more so; what is stated already (by a person, or by another piece's plan) leads what is drawn. Sections of one
label have one density. ``densities.json`` holds means and deviations; ``benchmarks/fit_densities.py`` finds them.

Shapes: N sections of labels that are new.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.form.letters import CAPITALS, INTRODUCTION, OUTRO
from ritornello.form.plan import MAX_NOTES_PER_BAR, Plan
from ritornello.form.style import Style

KINDS = ("introduction", "first with melody", "with melody", "without", "end")
MOST_DEVIATIONS = 2.0
"""Nothing is drawn that lies farther than so many deviations from what is usual there."""
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Densities:
    """What is usual in one style."""

    means: Mapping[str, float]
    """By ``KINDS``, of log2 of notes per quarter note."""
    piece: float
    """Standard deviation of what a piece adds; in octaves, as the others."""
    letter: float
    section: float

    def covariance(self, letters: Sequence[str]) -> _Array:
        """Of sections of these letters (N, N)."""
        same = np.array([[one == other for other in letters] for one in letters], dtype=np.float64)
        return self.piece**2 + self.letter**2 * same + self.section**2 * np.eye(len(letters))


@cache
def densities_of(style: Style) -> Densities | None:
    """What is usual in a style; None where nothing is drawn."""
    path = files("ritornello.generation") / "section_densities.json"
    facts: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return Densities(**facts[style]) if style in facts else None


def kinds_of(letters: Sequence[str]) -> list[str]:
    """Which of ``KINDS`` each section is of, all sections of a piece before it given too."""
    kinds: list[str] = []
    for letter in letters:
        if letter in (INTRODUCTION, OUTRO):
            kinds.append("introduction" if letter == INTRODUCTION else "end")
        elif letter in CAPITALS:
            kinds.append("with melody" if "first with melody" in kinds else "first with melody")
        else:
            kinds.append("without")
    return kinds


def with_densities(plan: Plan, random: np.random.Generator) -> Plan:
    """The plan with the notes per bar of every section, those of the plan kept; metre and sections must be set.

    Nothing is drawn where the plan states them of the whole piece: then they are steered over its last bars, whatever
    the section, which holds them better than a number for each short section would.
    """
    usual = densities_of(plan.style)
    sections = plan.sections or ()
    if usual is None or plan.notes_per_bar is not None:
        return plan
    if all(section.notes_per_bar is not None for section in sections):
        return plan
    first = {section.label: number for number, section in reversed(list(enumerate(sections)))}
    numbers = sorted(first.values())
    stated = {
        place: math.log2(max(1.0, notes) / plan.bar_beats)
        for place, number in enumerate(numbers)
        if (notes := sections[number].notes_per_bar) is not None
    }
    letters = [section.letter for section in sections]
    kinds = kinds_of(letters)
    means = np.array([usual.means[kinds[number]] for number in numbers])
    drawn = _drawn(means, usual.covariance([letters[number] for number in numbers]), stated, random)
    densities = dict(zip((sections[number].label for number in numbers), plan.bar_beats * 2.0**drawn, strict=True))
    return _with_notes_per_bar(
        plan,
        (densities[section.label] if section.notes_per_bar is None else section.notes_per_bar for section in sections),
    )


def as_dense_as(plan: Plan, notes_per_bar: float) -> Plan:
    """The plan with so many notes in a bar on average; where its sections state theirs, all in the same proportion."""
    plan, sections = plan.model_copy(update={"notes_per_bar": notes_per_bar}), plan.sections or ()
    stated = [section.notes_per_bar for section in sections if section.notes_per_bar is not None]
    if not stated or len(stated) < len(sections):
        return plan
    before = sum(section.bars * notes for section, notes in zip(sections, stated, strict=True))
    share = notes_per_bar * sum(section.bars for section in sections) / before if before else 0.0
    return _with_notes_per_bar(plan, (share * notes for notes in stated))


def without_densities(plan: Plan) -> Plan:
    """The plan with all that is left to the note level."""
    sections = tuple(section.model_copy(update={"notes_per_bar": None}) for section in plan.sections or ())
    return plan.model_copy(update={"notes_per_bar": None, "sections": sections or None})


def _with_notes_per_bar(plan: Plan, notes_per_bar: Iterable[float]) -> Plan:
    """The plan with those of every section in tenths, as near as they can be."""
    sections = tuple(
        section.model_copy(update={"notes_per_bar": round(float(np.clip(notes, 0.1, MAX_NOTES_PER_BAR)), 1)})
        for section, notes in zip(plan.sections or (), notes_per_bar, strict=True)
    )
    return plan.model_copy(update={"sections": sections})


def _drawn(means: _Array, covariance: _Array, stated: Mapping[int, float], random: np.random.Generator) -> _Array:
    """Normal numbers (N,) of which some are stated."""
    normal = random.standard_normal(len(means))
    known, rest = sorted(stated), [place for place in range(len(means)) if place not in stated]
    values = np.array([stated.get(place, 0.0) for place in range(len(means))])
    if rest:
        gain = np.linalg.solve(covariance[np.ix_(known, known)], covariance[np.ix_(known, rest)]).T
        expected = means[rest] + gain @ (values[known] - means[known])
        within = covariance[np.ix_(rest, rest)] - gain @ covariance[np.ix_(known, rest)]
        most = MOST_DEVIATIONS * np.sqrt(np.diag(within))
        values[rest] = expected + np.clip(np.linalg.cholesky(within) @ normal[rest], -most, most)
    return values
