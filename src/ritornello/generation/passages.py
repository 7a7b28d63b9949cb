"""From a complete plan to the notes of a long piece, section by section.

A section whose label was stated before is the same music: its notes are written again, and the model reads them. Every
other section is composed under the plan, hearing the passage that it derives from finely and all finished sections
through their summaries. The piece has exactly the plan's bars.

The metre of all bars, the length of a pickup and the key signature are the plan's; the instruments are drawn by the
model. Chord symbols, where the model writes them, are kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ritornello.form.grid import section_ranges, to_frames
from ritornello.form.plan import Plan
from ritornello.generation.bar_pen import Drawing, Pen, Written
from ritornello.models.base import LanguageModel
from ritornello.scores.score import Score
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.bars_conditions import STEPS_PER_FRAME, Guide
from ritornello.tokenizers.bars_words import (
    BAR,
    BOS,
    DURATIONS,
    END,
    KEY,
    LENGTH,
    MODES,
    STEPS_PER_LENGTH,
)
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.metres import METRES

_USUAL = Drawing()


def realise_bars(plan: Plan, model: LanguageModel, seed: int, drawing: Drawing = _USUAL) -> Score:
    """The notes of a complete plan, in the parts and programs that the model draws.

    Args:
        plan: its metre, pickup, key and sections are set.
        model: of notes under a plan (scheme ``bars_plan``).
        seed: 0 or more; the same seed gives the same notes.
        drawing: how tokens are drawn.
    """
    tokenizer = EvenBarsTokenizer()
    ids = compose_bars(plan, model, np.random.default_rng([seed, 3]), drawing)
    score = tokenizer.decode(Tokens(np.array(ids), tokenizer.vocabulary.hash))
    return replace(score, title=plan.title)


def compose_bars(plan: Plan, model: LanguageModel, random: np.random.Generator, drawing: Drawing) -> list[int]:
    """The tokens of the piece, from BOS to END."""
    assert plan.sections is not None, "the plan is complete"
    assert plan.metre is not None, "the plan is complete"
    pen = Pen.new(model, Guide(plan), BAR + METRES.index(plan.metre))
    _write_header(pen, plan, random, drawing)
    spans = [(start * STEPS_PER_FRAME, end * STEPS_PER_FRAME) for start, end in section_ranges(plan)]
    for number, (start, end) in enumerate(spans):
        source = _same_before(plan, number)
        if source is None:
            pen.compose(
                end, random, drawing, closed=number + 1 < len(spans) and _same_before(plan, number + 1) is not None
            )
        else:
            _write_again(pen, spans[source], (start, end))
    while pen.next_barline_steps < spans[-1][1]:
        pen.write([pen.metre])
    return [*pen.ids, END]


def _same_before(plan: Plan, number: int) -> int | None:
    """The first section with this one's label; None where it is the first itself."""
    sections = plan.sections or ()
    first = next(i for i, section in enumerate(sections) if section.label == sections[number].label)
    return first if first < number else None


def _write_header(pen: Pen, plan: Plan, random: np.random.Generator, drawing: Drawing) -> None:
    """Programs as the model draws them; the first barline, the length of a pickup, the key signature."""
    assert plan.pickup_beats is not None, "the plan is complete"
    pen.write([BOS])
    while True:
        token = pen.choose(pen.mask(), random, drawing)
        if token == pen.metre:
            break
        pen.write([token])
    pen.write([pen.metre])
    pickup_steps = to_frames(plan.pickup_beats) * STEPS_PER_FRAME
    if pickup_steps:
        pen.write([LENGTH + pickup_steps // STEPS_PER_LENGTH - 1])
    if plan.key is not None:
        pen.write([KEY + 15 * MODES.index(plan.key.mode) + 7 + plan.key.fifths])


def _write_again(pen: Pen, source: tuple[int, int], own: tuple[int, int]) -> None:
    """The notes and chord symbols of an earlier section at the place of this one; none lasts beyond its end."""
    shift, length = own[0] - source[0], source[1] - source[0]
    notes: list[Written] = []
    for note in pen.notes:
        if source[0] <= note.step < source[0] + min(length, own[1] - own[0]):
            room = own[1] - note.step - shift
            duration = note.duration
            while DURATIONS[duration] > room and duration:
                duration -= 1
            notes.append(note._replace(step=note.step + shift, duration=duration))
    chords = [(step + shift, token) for step, token in pen.chords if source[0] <= step < source[1]]
    pen.write_notes(notes, [chord for chord in chords if chord[0] < own[1]], own[1])
