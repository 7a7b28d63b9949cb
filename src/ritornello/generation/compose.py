"""Compose: a plan, or a part of one, becomes a complete plan and its notes.

Level by level: the structure model fills in the form, the phrase model phrases and harmony, the note model the voices.
What the plan states is kept. A section whose label was stated before is the same music by construction, a section with
a prime hears its source. Same plan, models and seed: same piece.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ritornello.errors import UserError
from ritornello.form.grid import FRAMES_PER_BEAT, section_ranges
from ritornello.form.plan import Plan
from ritornello.form.usual import tempo_of
from ritornello.generation.completion import complete_phrases, complete_structure
from ritornello.generation.engine import small_steps
from ritornello.generation.faults import faults_of, place_in_words
from ritornello.generation.levels import Levels
from ritornello.generation.passages import realise_bars
from ritornello.generation.realisation import Sampling, realise
from ritornello.generation.section_densities import with_densities
from ritornello.scores.score import Marker, Score, Tempo


@dataclass(frozen=True, slots=True)
class Composition:
    """A complete plan and the piece that follows it."""

    plan: Plan
    score: Score


def compose(plan: Plan | None, levels: Levels, seed: int, sampling: Sampling | None = None) -> Composition:
    """Composes a piece.

    Args:
        plan: what is asked for; None asks for nothing in particular.
        levels: the three models.
        seed: 0 or more; the same seed gives the same piece.
        sampling: how the notes of a chorale are drawn; None = as usual, and for every other style.

    Raises:
        UserError: the plan contradicts itself or is longer than 512 bars.
    """
    with small_steps():
        made = complete(Plan() if plan is None else plan, levels, seed)
        return Composition(made, labelled(_realised(made, levels, seed, sampling), made))


def complete(asked: Plan, levels: Levels, seed: int) -> Plan:
    """The plan with everything set that it left open; the same seed gives the same. Raises UserError as ``compose``."""
    check(asked)
    structure = complete_structure(asked, levels.structure, np.random.default_rng([seed, 1]))
    check(structure)
    structure = with_densities(structure, np.random.default_rng([seed, 5]))
    plan = complete_phrases(structure, levels.phrases, np.random.default_rng([seed, 2]))
    return plan.model_copy(update={"tempo_bpm": tempo_of(asked)})


def _realised(plan: Plan, levels: Levels, seed: int, sampling: Sampling | None) -> Score:
    if plan.style == "chorale":
        return realise(plan, levels.notes, seed, Sampling() if sampling is None else sampling)
    return realise_bars(plan, levels.notes, seed)


def check(plan: Plan) -> None:
    """Raises UserError for the first of the plan's contradictions (``faults.py``)."""
    for fault in faults_of(plan):
        raise UserError(fault.what, where=place_in_words(fault.place), limit=fault.limit, mend=fault.mend)


def labelled(score: Score, plan: Plan) -> Score:
    """The score with tempo, title and the names of its sections."""
    assert plan.tempo_bpm is not None
    markers = tuple(
        Marker(start * score.ticks_per_beat // FRAMES_PER_BEAT, section.label)
        for section, (start, _) in zip(plan.sections or (), section_ranges(plan), strict=True)
    )
    return replace(score, tempos=(Tempo(0, plan.tempo_bpm),), markers=markers, title=plan.title)
