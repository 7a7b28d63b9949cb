"""Edit: a region of a piece is composed again in its context; every note outside it stays as it is.

The model hears the piece up to the region as tokens of the scheme ``bars_even``, under the plan; where the region
derives from an earlier passage, it hears that finely. (The notes that it hears are on the grid of the scheme, those of
songs set to the beat as the songs were that it learned from; those that stay are not touched.) Then it composes the
region several times over, around the notes of locked parts, and the draft is kept after which the bars behind the
region are likeliest; none without notes, nor the music that was there, if there is another. A model that writes from
left to right cannot hear them while it composes: so a passage whose return comes later is composed without that, and no
longer counts as its source (``form/recomposed.py``).

Barlines, metres, keys, tempos and chord symbols stay, in the region too. New notes get the ticks nearest to their
places on the grid, and are as loud as those of their part around them; none sounds beyond the region.

Shapes: T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from ritornello.errors import UserError
from ritornello.form.grid import FRAMES_PER_BEAT, section_ranges
from ritornello.form.plan import Plan
from ritornello.form.recomposed import recomposed
from ritornello.form.timing import is_performance
from ritornello.generation.bar_pen import Drawing, Pen, Written, write_together
from ritornello.generation.density import density_from
from ritornello.generation.engine import small_steps
from ritornello.generation.region_pen import Region, composing_region, fixed_in
from ritornello.models.base import Conditions, LanguageModel
from ritornello.scores.quantization import set_to_beats
from ritornello.scores.score import IntArray, Notes, Part, Score
from ritornello.tokenizers.bars import EvenBarsTokenizer, quantize
from ritornello.tokenizers.bars_conditions import STEPS_PER_FRAME, Guide
from ritornello.tokenizers.bars_words import BAR, DURATIONS, FAMILY_V, MAX_PARTS, PITCH, STEPS_PER_BEAT

BARS_BEHIND = 4
"""Bars behind the region by which drafts are judged."""
_BARS_AROUND = 4
"""Bars on each side of the region whose notes say how loud the new ones are."""
_SAME_BARLINE_STEPS = 2
"""A border nearer than this to a barline of the grid is that barline."""
_READ_AT_ONCE = 1024
"""Tokens of the piece that the model reads in one step."""
_USUAL = Drawing()


class Span(NamedTuple):
    """The region in ticks."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edited:
    """The piece with its region composed again, and its plan with what that changes."""

    score: Score
    plan: Plan
    span: Span


def bars_span(score: Score, first: int, last: int) -> Span:
    """The bars ``first`` to ``last``, counted from 1; a pickup is bar 0.

    Raises:
        UserError: the piece has not all of them.
    """
    bars = score.bars()
    lowest = 0 if 0 < score.pickup_ticks < score.end_ticks else 1
    if not lowest <= first <= last < lowest + len(bars):
        what = "no bar" if first > last else f"the piece has no bars {first}-{last}"
        raise UserError(what, where="--bars", limit=f"bars {lowest} to {lowest + len(bars) - 1}")
    return Span(bars[first - lowest][0], bars[last - lowest][1])


def section_span(score: Score, plan: Plan, name: str) -> Span:
    """A section of the plan: its number, counted from 1, or its label where but one has it.

    Raises:
        UserError: there is no such section, more than one, or it lies behind the piece's end.
    """
    sections = plan.sections or ()
    labels = [section.label for section in sections]
    if name.isdecimal() and 1 <= int(name) <= len(labels):
        number = int(name) - 1
    elif labels.count(name) == 1:
        number = labels.index(name)
    else:
        several = "several sections are" if name in labels else "no section is"
        mend = f"a number from 1 to {len(labels)}: {' '.join(labels)}"
        raise UserError(f"{several} called {name[:20]}", where="--section", mend=mend)
    start, end = (frame * score.ticks_per_beat // FRAMES_PER_BEAT for frame in section_ranges(plan)[number])
    if start >= score.end_ticks:
        raise UserError(f"section {name} lies behind the end of the piece", where="--section")
    return Span(start, min(end, max(end_of_bars(score), start + 1)))


def part_number(score: Score, name: str) -> int:
    """The index of a part, by its number from 1 or its name. Raises UserError where no or more than one part fits."""
    names = [part.name for part in score.parts]
    if name.isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    same = [number for number, other in enumerate(names) if other.strip().lower() == name.strip().lower()]
    if len(same) != 1:
        known = ", ".join(f"{number} {other}".strip() for number, other in enumerate(names, start=1))
        what = f"{'several parts are' if same else 'no part is'} called {name[:40]}"
        raise UserError(what, where="--lock", mend=f"one of {known[:300]}")
    return same[0]


def check_editable(score: Score) -> None:
    """Raises UserError where a piece has no bars to count in, or too many parts."""
    where = score.title or "the piece"
    if not score.num_notes:
        raise UserError("there are no notes", where=where)
    if is_performance(score):
        mend = "edit written music, whose notes keep to its bars"
        raise UserError("is the recording of a player, whose bars mean nothing", where=where, mend=mend)
    if len(score.parts) > MAX_PARTS:
        raise UserError(f"{len(score.parts)} parts", where=where, limit=f"{MAX_PARTS} parts")


def end_of_bars(score: Score) -> int:
    """The tick at which the last bar ends, filled up with rests."""
    on_grid = quantize(score)
    return -(-on_grid.end_ticks * score.ticks_per_beat // on_grid.ticks_per_beat)


def edit(
    score: Score,
    plan: Plan,
    model: LanguageModel,
    span: Span,
    seed: int,
    *,
    locked: frozenset[int] = frozenset(),
    num_drafts: int = 4,
    drawing: Drawing = _USUAL,
) -> Edited:
    """Composes a region again.

    Args:
        score: written music, see ``check_editable``.
        plan: its plan; metre, pickup and sections are set.
        model: of notes under a plan.
        span: the region.
        seed: 0 or more; the same seed gives the same notes.
        locked: indices of the parts whose notes stay.
        num_drafts: how often the region is composed; the best is kept.
        drawing: how tokens are drawn.

    Raises:
        UserError: the score cannot be edited, or nothing in the region can be composed again.
    """
    check_editable(score)
    open_parts = frozenset(range(len(score.parts))) - locked
    if not open_parts:
        raise UserError("all parts are locked", where="--lock", mend="leave one open")
    kept = _without(score, span, open_parts)
    heard = _heard(set_to_beats(kept) if plan.style == "song" else kept, end_of_bars(score))
    steps = _in_steps(score, heard, span)
    plan = recomposed(plan, (steps.start // STEPS_PER_FRAME, -(-steps.end // STEPS_PER_FRAME)))
    first, behind = heard.first_from(steps.start), heard.first_from(steps.end)
    fixed = fixed_in(heard.ids[first:behind], heard.places[first:behind])
    region = Region(*steps, fixed, open_parts, density_from(plan, steps.start))
    follows = _behind(heard, steps.end)
    with small_steps():
        pen = _pen_before(heard, plan, model, steps.start)
        drafts = _drafts(pen, region, seed, num_drafts, drawing)
        nats = [_nats(draft, follows) for draft in drafts]
    made = [_spliced(score, kept, _new_notes(draft, len(pen.notes), region), span) for draft in drafts]
    order = [(piece.num_notes == kept.num_notes, _same(piece, score)) for piece in made]
    best = min(range(num_drafts), key=lambda number: (*order[number], nats[number]))
    return Edited(made[best], plan, span)


def _same(one: Score, other: Score) -> bool:
    """Whether two pieces have the same notes, however loud."""
    pairs = zip(one.parts, other.parts, strict=True)
    return all(np.array_equal(_columns(a.notes)[:3], _columns(b.notes)[:3]) for a, b in pairs)


def _without(score: Score, span: Span, parts: frozenset[int]) -> Score:
    """The score without the notes of some parts that begin in the region."""
    made: list[Part] = []
    for number, part in enumerate(score.parts):
        outside = (part.notes.onset_ticks < span.start) | (part.notes.onset_ticks >= span.end)
        made.append(replace(part, notes=part.notes.chosen(outside)) if number in parts else part)
    return replace(score, parts=tuple(made))


def _columns(notes: Notes) -> tuple[IntArray, ...]:
    return notes.onset_ticks, notes.duration_ticks, notes.pitch, notes.velocity


class _Heard(NamedTuple):
    """The tokens of the piece without what is to be composed again."""

    ids: IntArray
    places: IntArray
    """(T, 3), see ``BarsTokenizer.places``."""

    @property
    def num_header(self) -> int:
        """Tokens before the first bar."""
        return int(np.count_nonzero(self.places[:, 0] < 0))

    @property
    def barline_steps(self) -> IntArray:
        """Where each bar begins, and where the last one ends."""
        return np.append(self.places[FAMILY_V[self.ids] == BAR, 1], self.places[-1, 1])

    def first_from(self, step: int) -> int:
        """The first token behind the header that stands at a step or later."""
        return max(self.num_header, int(np.searchsorted(self.places[:, 1], step)))


def _heard(kept: Score, end_ticks: int) -> _Heard:
    """As long as the piece is with its region; without chord symbols, of which the models have learned none."""
    tokenizer = EvenBarsTokenizer()
    closing_ticks = max(kept.closing_ticks, end_ticks)
    ids = tokenizer.encode(replace(kept, chords=(), closing_ticks=closing_ticks)).ids
    return _Heard(ids, tokenizer.places(ids))


def _in_steps(score: Score, heard: _Heard, span: Span) -> Span:
    """The region in steps; where it begins or ends with a bar, it does so on the grid too."""
    barlines = heard.barline_steps.tolist()

    def steps(tick: int) -> int:
        exact = tick * STEPS_PER_BEAT / score.ticks_per_beat
        nearest = min(barlines, key=lambda barline: abs(barline - exact))
        return nearest if abs(nearest - exact) < _SAME_BARLINE_STEPS else round(exact)

    start, end = steps(span.start), min(steps(span.end), barlines[-1])
    if start >= end:
        raise UserError("the region holds no music", where="region", mend="choose bars with notes")
    return Span(start, end)


def _drafts(pen: Pen, region: Region, seed: int, num_drafts: int, drawing: Drawing) -> list[Pen]:
    """Pens that have composed the region, each in its own way."""
    drafts = [pen.copy() for _ in range(num_drafts)]
    writings = [
        composing_region(draft, region, np.random.default_rng([seed, 4, number]), drawing)
        for number, draft in enumerate(drafts)
    ]
    write_together(drafts, writings)
    return drafts


def _pen_before(heard: _Heard, plan: Plan, model: LanguageModel, start: int) -> Pen:
    """A pen that has written, and a model that has read, all that comes before the region."""
    told = heard.ids[: heard.first_from(start)].tolist()
    pen = Pen.new(model, Guide(plan), int(heard.ids[heard.num_header]))
    for first in range(0, len(told), _READ_AT_ONCE):
        pen.write(told[first : first + _READ_AT_ONCE])
        pen.logits()
    return pen


def _behind(heard: _Heard, end: int) -> list[int]:
    """The tokens of some bars behind the region, and the first of what follows them."""
    barlines = heard.barline_steps
    limit = int(barlines[barlines >= end][: BARS_BEHIND + 1][-1])
    return heard.ids[heard.first_from(end) : heard.first_from(limit) + 1].tolist()


def _nats(pen: Pen, tokens: list[int]) -> float:
    """How unlikely it is, per token, that these come next."""
    first_V = pen.logits()
    reading = pen.copy()
    reading.settle()
    reading.write(tokens[:-1])
    logits_TV = torch.tensor(first_V)[None]
    if reading.unread:
        channels = torch.tensor(np.array([[row.channels_C for row in reading.rows]]))
        source = torch.tensor([[row.source for row in reading.rows]])
        with torch.inference_mode():
            stream = reading.stream
            read, _ = stream.model.forward(torch.tensor([reading.unread]), stream.state, Conditions(channels, source))
        logits_TV = torch.cat([logits_TV, read[0].double()])
    return float(torch.nn.functional.cross_entropy(logits_TV, torch.tensor(tokens)))


def _new_notes(draft: Pen, num_before: int, region: Region) -> list[Written]:
    """What a draft wrote itself."""
    fixed = {(item.step, item.part, item.tokens[0] - PITCH) for item in region.fixed}
    return [note for note in draft.notes[num_before:] if note[:3] not in fixed]


def _spliced(score: Score, kept: Score, notes: Sequence[Written], span: Span) -> Score:
    """The kept notes and the new ones; the piece has the same bars."""
    parts = list(kept.parts)
    for number in sorted({note.part for note in notes}):
        rows = _rows([note for note in notes if note.part == number], score, span)
        rows = _beside(rows, kept.parts[number].notes, span)
        velocity = _velocity(score, number, span)
        added = Notes.of([(start, end - start, pitch, velocity) for start, end, pitch in rows])
        columns = zip(_columns(kept.parts[number].notes), _columns(added), strict=True)
        both = Notes.columns(*(np.concatenate(pair) for pair in columns))
        parts[number] = replace(kept.parts[number], notes=both)
    made = replace(kept, parts=tuple(parts))
    return made if made.end_ticks >= score.end_ticks else replace(made, closing_ticks=score.end_ticks)


def _rows(notes: Sequence[Written], score: Score, span: Span) -> list[tuple[int, int, int]]:
    """First tick, the tick behind the last, and pitch: the ticks nearest to the grid inside the region."""

    def ticks(step: int) -> int:
        return round(step * score.ticks_per_beat / STEPS_PER_BEAT)

    rows: dict[tuple[int, int], int] = {}
    for note in notes:
        start = min(max(ticks(note.step), span.start), span.end - 1)
        end = min(max(ticks(note.step + DURATIONS[note.duration]), start + 1), span.end)
        rows.setdefault((start, note.pitch), end)
    return [(start, end, pitch) for (start, pitch), end in rows.items()]


def _beside(rows: Sequence[tuple[int, int, int]], kept: Notes, span: Span) -> list[tuple[int, int, int]]:
    """New notes of a part, each from where a kept note of its pitch that sounds into the region has ended."""
    into = kept.onset_ticks < span.start
    ends: dict[int, int] = {}
    for pitch, end in zip(kept.pitch[into].tolist(), kept.offset_ticks[into].tolist(), strict=True):
        ends[pitch] = max(end, ends.get(pitch, 0))
    moved = ((max(start, ends.get(pitch, 0)), end, pitch) for start, end, pitch in rows)
    return [row for row in moved if row[0] < row[1]]


def _velocity(score: Score, part: int, span: Span) -> int:
    """How loud the notes of a part are in and around the region, else in the whole part or piece."""
    notes = score.parts[part].notes
    around = _BARS_AROUND * max(metre.bar_ticks(score.ticks_per_beat) for metre in score.metres)
    near = (notes.onset_ticks >= span.start - around) & (notes.onset_ticks < span.end + around)
    known = (notes.velocity[near], notes.velocity, np.concatenate([other.notes.velocity for other in score.parts]))
    return int(np.median(next(velocity for velocity in known if len(velocity))))
