"""From a complete plan to the notes of a long piece, section by section.

A section whose label was stated before is the same music: its notes are written again, and the model reads them. Every
other section is composed under the plan, hearing the passage that it derives from finely and all finished sections
through their summaries. The piece has exactly the plan's bars.

The metre of all bars, the length of a pickup and the key signature are the plan's; the instruments are drawn by the
model. Songs get the plan's harmony as chord symbols, and a plain balance of parts; Bach is evenly loud, and parts of a
few notes are folded into their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ritornello.form.grid import section_ranges, to_frames
from ritornello.form.letters import CAPITALS
from ritornello.form.plan import Plan
from ritornello.generation.bar_pen import Drawing, Pen, Stretch, Writing, Written, write_together
from ritornello.generation.density import density_from
from ritornello.generation.folding import folded
from ritornello.generation.places import chord_symbols
from ritornello.models.base import LanguageModel
from ritornello.scores.score import Notes, Score
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

SONG_VELOCITIES = (96, 80, 68)
"""Of melody, second melody and piano."""
SONG_PARTS = ("Melody", "Bridge", "Piano")
"""The parts of the songs that the models learned from, in their order."""
BARLINE_ACCENT = 6
_USUAL = Drawing()


def realise_bars(plan: Plan, model: LanguageModel, seed: int, drawing: Drawing = _USUAL) -> Score:
    """The notes of a complete plan, in the parts and programs that the model draws.

    Args:
        plan: its metre, pickup, key and sections are set.
        model: of notes under a plan (scheme ``bars_plan``).
        seed: 0 or more; the same seed gives the same notes.
        drawing: how tokens are drawn.
    """
    pen = pen_of(plan, model, Guide(plan))
    pen.drive(compose_bars(pen, plan, np.random.default_rng([seed, 3]), drawing))
    return score_of(pen, plan)


def realise_many(
    plans: Sequence[Plan],
    model: LanguageModel,
    seeds: Sequence[int],
    drawing: Drawing = _USUAL,
    guide_of: Callable[[Plan], Guide] = Guide,
) -> list[Score]:
    """The notes of several plans, composed together, which takes a fraction of the time.

    Args:
        plans: complete ones.
        model: of notes under a plan.
        seeds: one for each plan.
        drawing: how tokens are drawn.
        guide_of: what a plan tells the model; ``bars_conditions.silent_guide`` tells it nothing.
    """
    pens = [pen_of(plan, model, guide_of(plan)) for plan in plans]
    writings = [
        compose_bars(pen, plan, np.random.default_rng([seed, 3]), drawing)
        for pen, plan, seed in zip(pens, plans, seeds, strict=True)
    ]
    write_together(pens, writings)
    return [score_of(pen, plan) for pen, plan in zip(pens, plans, strict=True)]


def pen_of(plan: Plan, model: LanguageModel, guide: Guide) -> Pen:
    """A pen for a piece of a plan, which has written nothing."""
    assert plan.metre is not None, "the plan is complete"
    return Pen.new(model, guide, BAR + METRES.index(plan.metre))


def score_of(pen: Pen, plan: Plan) -> Score:
    """What a pen has written, as a Score."""
    tokenizer = EvenBarsTokenizer()
    score = tokenizer.decode(Tokens(np.array(pen.ids), tokenizer.vocabulary.hash))
    if plan.style == "song":
        score = replace(_balanced(score), chords=chord_symbols(plan, score.ticks_per_beat))
    else:
        score = folded(score)
    return replace(score, title=plan.title)


def _balanced(score: Score) -> Score:
    """The parts named, the melody above the rest, barlines a little louder: the scheme writes no names and dynamics."""
    barlines = [start for start, _ in score.bars()]
    names = SONG_PARTS if len(score.parts) == len(SONG_PARTS) else [part.name for part in score.parts]
    parts = [
        replace(
            part,
            name=name,
            notes=_louder(part.notes, SONG_VELOCITIES[min(number, len(SONG_VELOCITIES) - 1)], barlines),
        )
        for number, (part, name) in enumerate(zip(score.parts, names, strict=True))
    ]
    return replace(score, parts=tuple(parts))


def _louder(notes: Notes, velocity: int, barlines: Sequence[int]) -> Notes:
    velocities = velocity + BARLINE_ACCENT * np.isin(notes.onset_ticks, barlines)
    return Notes.columns(notes.onset_ticks, notes.duration_ticks, notes.pitch, velocities)


def compose_bars(pen: Pen, plan: Plan, random: np.random.Generator, drawing: Drawing) -> Writing[None]:
    """Writes the piece, from BOS to END; what returns unvaried is written again."""
    assert plan.sections is not None, "the plan is complete"
    yield from _write_header(pen, plan, random, drawing)
    spans = [(start * STEPS_PER_FRAME, end * STEPS_PER_FRAME) for start, end in section_ranges(plan)]
    sources = [_same_before(plan, number) for number in range(len(spans))]
    for number, (start, end) in enumerate(spans):
        source = sources[number]
        if source is None:
            copied = (spans[later][0] for later in range(number + 1, len(spans)) if sources[later] is not None)
            stretch = Stretch(start, end, next(copied, None), _sung_from(plan, number, end))
            if plan.sections[number].label == plan.sections[-1].label:
                # as it ends the piece will, whose file would be too short if its last bar were silent
                stretch = stretch._replace(sounds_from=end - to_frames(plan.bar_beats) * STEPS_PER_FRAME)
            stretch = stretch._replace(density=density_from(plan, start))
            yield from pen.composing(stretch, random, drawing)
        else:
            _write_again(pen, spans[source], (start, end))
    while pen.next_barline_steps < spans[-1][1]:
        pen.write([pen.metre])
    pen.write([END])


def _sung_from(plan: Plan, number: int, end: int) -> int | None:
    """The step up to which the melody rests in a section of a song that is only played: None in one that is sung.

    An upbeat in the second half of its last bar belongs to what is sung next (as ``form.bars.Bars.melodic`` has it).
    The model knows which sections have no melody, but each place is another chance to begin one, and what has begun
    goes on.
    """
    assert plan.sections is not None, "the plan is complete"
    if plan.style != "song" or plan.sections[number].letter in CAPITALS:
        return None
    is_sung_next = number + 1 < len(plan.sections) and plan.sections[number + 1].letter in CAPITALS
    return end - to_frames(plan.bar_beats) // 2 * STEPS_PER_FRAME if is_sung_next else end


def _same_before(plan: Plan, number: int) -> int | None:
    """The first section with this one's label; None where it is the first itself."""
    sections = plan.sections or ()
    first = next(i for i, section in enumerate(sections) if section.label == sections[number].label)
    return first if first < number else None


def _write_header(pen: Pen, plan: Plan, random: np.random.Generator, drawing: Drawing) -> Writing[None]:
    """Programs as the model draws them; the first barline, the length of a pickup, the key signature."""
    assert plan.pickup_beats is not None, "the plan is complete"
    pen.write([BOS])
    while True:
        token = yield from pen.choosing(pen.mask(), random, drawing)
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
    """The notes of an earlier section at the place of this one; none lasts beyond its end."""
    shift, length = own[0] - source[0], source[1] - source[0]
    notes: list[Written] = []
    for note in pen.notes:
        if source[0] <= note.step < source[0] + min(length, own[1] - own[0]):
            room = own[1] - note.step - shift
            duration = note.duration
            while DURATIONS[duration] > room and duration:
                duration -= 1
            notes.append(note._replace(step=note.step + shift, duration=duration))
    pen.write_notes(notes, own[1])
