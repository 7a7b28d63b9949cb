"""Compose: a plan, or a part of one, becomes a complete plan and its notes.

Level by level: the structure model fills in the form, the phrase model phrases and harmony, the note model the voices.
What the plan states is kept. A section whose label was stated before is the same music by construction, a section with
a prime hears its source. Same plan, models and seed: same piece.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ritornello.errors import UserError
from ritornello.form.grid import FRAMES_PER_BEAT, phrase_slots, section_ranges, to_frames
from ritornello.form.plan import Plan
from ritornello.form.usual import tempo_of
from ritornello.generation.completion import complete_phrases, complete_structure
from ritornello.generation.engine import one_thread
from ritornello.generation.levels import Levels
from ritornello.generation.realisation import Sampling, realise
from ritornello.scores.score import Marker, Score, Tempo
from ritornello.tokenizers.metres import METRES, bar_frames

MAX_TOTAL_BARS = 512


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
    asked = Plan() if plan is None else plan
    check(asked)
    with one_thread():
        return _composed(asked, levels, seed, sampling)


def _composed(asked: Plan, levels: Levels, seed: int, sampling: Sampling | None) -> Composition:
    structure = complete_structure(asked, levels.structure, np.random.default_rng([seed, 1]))
    check(structure)
    complete = complete_phrases(structure, levels.phrases, np.random.default_rng([seed, 2]))
    complete = complete.model_copy(update={"tempo_bpm": tempo_of(asked)})
    return Composition(complete, _labelled(_realised(complete, levels, seed, sampling), complete))


def _realised(plan: Plan, levels: Levels, seed: int, sampling: Sampling | None) -> Score:
    if plan.style == "chorale":
        return realise(plan, levels.notes, seed, Sampling() if sampling is None else sampling)
    from ritornello.generation.passages import realise_bars

    return realise_bars(plan, levels.notes, seed)


def check(plan: Plan) -> None:
    """Raises UserError where what the plan states contradicts itself; what is open is not looked at.

    Only lengths can contradict a label that returns: what else is said of the return gives way to the first statement.
    """
    if plan.metre is not None and plan.metre not in METRES:
        raise UserError(f"metre {plan.metre}", where="plan", limit="one of " + " ".join(METRES))
    if plan.sections is None:
        return
    if sum(section.bars for section in plan.sections) > MAX_TOTAL_BARS:
        raise UserError("the piece is too long", where="plan", limit=f"{MAX_TOTAL_BARS} bars")
    for number, section in enumerate(plan.sections):
        first = next(other for other in plan.sections if other.label == section.label)
        if first.bars != section.bars:
            what = f"{section.label} has {section.bars} bars, but had {first.bars} before"
            raise UserError(what, where=f"section {number + 1}", mend=f"write {section.label}' for a variation")
    if plan.metre is not None and plan.pickup_beats is not None:
        _check_phrases(plan, bar_frames(plan.metre))


def _check_phrases(plan: Plan, bar: int) -> None:
    assert plan.sections is not None
    assert plan.pickup_beats is not None
    if to_frames(plan.pickup_beats) >= bar:
        raise UserError(
            f"a pickup of {plan.pickup_beats:g} beats", where="plan", limit=f"less than a bar of {plan.metre}"
        )
    for number, section in enumerate(plan.sections):
        if section.phrases is None:
            continue
        frames, wanted = sum(to_frames(phrase.beats) for phrase in section.phrases), section.bars * bar
        extra = to_frames(plan.pickup_beats) if number + 1 == len(plan.sections) else 0
        if frames not in (wanted, wanted + extra):
            limit = f"{wanted / 4:g}, the beats of {section.bars} bars"
            raise UserError(f"its phrases last {frames / 4:g} beats", where=f"section {number + 1}", limit=limit)
    for number, (phrase, slots) in enumerate(zip(plan.phrases, phrase_slots(plan), strict=True)):
        chords = len(slots) if phrase.harmony is None else len(phrase.harmony)
        shorter_end = number + 1 == len(plan.phrases) and chords < len(slots)
        if chords != len(slots) and not shorter_end:
            limit = f"{len(slots)}, one per beat slot"
            raise UserError(f"{chords} chords", where=f"harmony of phrase {number + 1}", limit=limit)
        if phrase.motif is not None and phrase.motif.source is not None and phrase.motif.source >= number:
            raise UserError("its motif must come from an earlier phrase", where=f"phrase {number + 1}")


def _labelled(score: Score, plan: Plan) -> Score:
    """The score with tempo, title and the names of its sections."""
    assert plan.tempo_bpm is not None
    markers = tuple(
        Marker(start * score.ticks_per_beat // FRAMES_PER_BEAT, section.label)
        for section, (start, _) in zip(plan.sections or (), section_ranges(plan), strict=True)
    )
    return replace(score, tempos=(Tempo(0, plan.tempo_bpm),), markers=markers, title=plan.title)
