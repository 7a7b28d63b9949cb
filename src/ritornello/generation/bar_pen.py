"""A pen that writes bars: it feeds a model of notes under a plan, and says what may come next.

A Pen is a value in all but its lists: ``copy`` makes one that can go another way. What is written without being drawn
(the notes of a section that returns, those of a locked part) goes through the same pen, so the model hears it.

*Writing* is a generator: it yields where it must know the logits of the next token, and is sent them. So one pen can be
driven alone (``Pen.drive``), or many together, one token of each at a time (``write_together``), which takes a fraction
of the time. What a piece becomes is the same either way, up to rounding.

A pen that is driven alone lets the model read, behind what is written, what is guessed to follow (``guesses.py``).

Shapes: B pieces, V vocabulary, N allowed tokens, G guesses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ritornello.generation.density import Density, leaps
from ritornello.generation.engine import Stream, new_stream
from ritornello.generation.guesses import Guesses
from ritornello.generation.loops import Loops
from ritornello.generation.sampling import draw, min_p, scaled, top_p
from ritornello.models.base import LanguageModel
from ritornello.tokenizers.bars_conditions import Follower, Guide, Row
from ritornello.tokenizers.bars_cursor import BarsCursor
from ritornello.tokenizers.bars_words import (
    BAR,
    DURATION,
    DURATIONS,
    END,
    FAMILY_V,
    LENGTH,
    PART,
    PITCH,
    POSITION,
    TEMPO,
)

Logits = NDArray[np.float64]
_T = TypeVar("_T")
Writing = Generator[None, Logits, _T]
"""Yields where it needs the logits (V,) of the next token."""


class Drawing(NamedTuple):
    """How tokens are drawn."""

    temperature: float = 1.0
    mass: float = 0.98
    """Probability mass of the tokens that may be drawn."""
    least_share: float = 0.02
    """Nor is a token drawn that is less likely than this share of the likeliest."""


class Stretch(NamedTuple):
    """A part of a piece that is to be composed, in steps from the beginning of the piece."""

    start_step: int
    end_step: int
    silent_from: int | None = None
    """No note lasts beyond it."""
    first_part_from: int | None = None
    """Before it the first part rests, unless it is alone."""
    sounds_from: int | None = None
    """Something sounds after it."""
    density: Density | None = None
    """How many notes it has; None = as many as it comes to."""


class Written(NamedTuple):
    """A note on the grid."""

    step: int
    part: int
    pitch: int
    duration: int
    """Its place in DURATIONS."""


class Ahead(NamedTuple):
    """What a model has read that is not written yet."""

    tokens: list[int]
    logits_GV: Logits
    """After each of them."""
    stream: Stream
    """After the last."""


@dataclass(slots=True)
class Pen:
    """Where a piece in bars stands."""

    stream: Stream
    """It has read all that is written but ``unread`` and, where something was guessed, ``behind``."""
    cursor: BarsCursor
    follower: Follower
    loops: Loops
    metre: int
    """The token of the bars of the piece."""
    ids: list[int]
    notes: list[Written]
    unread: list[int]
    rows: list[Row]
    """What is said of the token after each unread one."""
    logits_V: Logits | None = None
    """Of the next token, as long as nothing is unread."""
    guesses: Guesses = field(default_factory=Guesses)
    ahead: Ahead | None = None
    behind: list[tuple[int, Row]] = field(default_factory=list[tuple[int, Row]])
    """What is written before that and was read with it, with what is said of the token after each."""

    @classmethod
    def new(cls, model: LanguageModel, guide: Guide, metre: int) -> Pen:
        """A pen before the first token."""
        return cls(new_stream(model), BarsCursor(has_dynamics=False), Follower(guide), Loops(), metre, [], [], [], [])

    def copy(self) -> Pen:
        """A pen that can go another way."""
        lists = (self.ids, self.notes, self.unread, self.rows)
        moving = (self.cursor.copy(), self.follower.copy(), self.loops.copy())
        ahead = (self.logits_V, self.guesses.copy(), self.ahead, list(self.behind))
        return Pen(self.stream, *moving, self.metre, *(list(own) for own in lists), *ahead)  # type: ignore[arg-type]

    def write(self, tokens: Iterable[int]) -> None:
        """Writes tokens that may stand here; the model reads them when it is next asked."""
        for token in tokens:
            self.cursor.feed(token)
            self.loops.feed(token)
            self.unread.append(token)
            self.rows.append(self.follower.feed(token, self.cursor))
            if FAMILY_V[token] == DURATION:
                pitch = self.ids[-1] - PITCH
                self.notes.append(Written(self.cursor.now_steps, self.cursor.part, pitch, token - DURATION))
            self.ids.append(token)

    def logits(self) -> Logits:
        """Of the next token (V,)."""
        if self.unread:
            unread = self._not_guessed(list(zip(self.unread, self.rows, strict=True)))
            self.unread, self.rows = [], []
            if unread:
                self._read(unread, self._guessed())
        assert self.logits_V is not None, "a token was written"
        return self.logits_V

    def settle(self) -> None:
        """Lets the stream have read what is written and no more, but for what is unread."""
        if self.behind:
            self._read(self.behind, [])

    def _not_guessed(self, unread: list[tuple[int, Row]]) -> list[tuple[int, Row]]:
        """What of it the stream must still read; nothing where the logits are known, all of it having been guessed."""
        if self.ahead is None:
            return unread
        tokens, logits_GV, stream = self.ahead
        pairs = enumerate(zip(unread, tokens, strict=False))
        num_right = next((n for n, (own, token) in pairs if own[0] != token), min(len(unread), len(tokens)))
        self.behind += unread[:num_right]
        if num_right == len(tokens):
            self.stream, self.ahead, self.behind = stream, None, []
            self.logits_V = logits_GV[-1]
            return unread[num_right:]
        if num_right == len(unread):
            self.logits_V = logits_GV[num_right - 1]
            self.ahead = Ahead(tokens[num_right:], logits_GV[num_right:], stream)
            return []
        unread, self.ahead, self.behind = self.behind + unread[num_right:], None, []
        return unread

    def _guessed(self) -> list[tuple[int, Row]]:
        """What is guessed to follow, as far as it may stand there."""
        cursor, follower, guessed = self.cursor.copy(), self.follower.copy(), list[tuple[int, Row]]()
        for token in self.guesses.after(self.ids):
            if not _may_feed(cursor, token):
                break
            guessed.append((token, follower.feed(token, cursor)))
        return guessed

    def _read(self, unread: list[tuple[int, Row]], guessed: list[tuple[int, Row]]) -> None:
        """The model reads what is written, and behind it what is guessed."""
        tokens, rows = zip(*unread, *guessed, strict=True)
        channels = np.array([[row.channels_C for row in rows]])
        source = np.array([[row.source for row in rows]])
        stream = self.stream.feed(np.array([tokens]), channels, source, num_logits=1 + len(guessed))
        assert stream.logits_BNV is not None, "it has read a token"
        self.logits_V, logits_GV = stream.logits_BNV[0, 0], stream.logits_BNV[0, 1:]
        if guessed:
            self.ahead, self.behind = Ahead([token for token, _ in guessed], logits_GV, stream), unread
        else:
            self.stream, self.ahead, self.behind = stream, None, []

    def drive(self, writing: Writing[_T]) -> _T:
        """Lets one piece be written to the end of ``writing``, whose result it returns."""
        try:
            next(writing)
            while True:
                writing.send(self.logits())
        except StopIteration as end:
            return end.value

    def choosing(
        self,
        allowed: NDArray[np.bool_],
        random: np.random.Generator,
        drawing: Drawing,
        density: Density | None = None,
    ) -> Writing[int]:
        """Draws one of the allowed tokens (V,); nothing is asked where there is but one."""
        tokens_N = np.flatnonzero(allowed)
        if len(tokens_N) == 1:
            return int(tokens_N[0])
        logits_N = (yield)[tokens_N]
        if density is not None:
            now_step = self.cursor.now_steps
            counted = bisect_left(self.notes, density.counted_from(now_step), key=attrgetter("step"))
            haste = density.haste(now_step, len(self.notes) - counted)
            logits_N = logits_N + haste * leaps(self.cursor)[tokens_N]
        logits_N = scaled(logits_N, drawing.temperature)
        return int(tokens_N[draw(min_p(top_p(logits_N, drawing.mass), drawing.least_share), random.random())])

    def mask(self) -> NDArray[np.bool_]:
        """What may come next by grammar in a piece of one metre and key; tempo and chords are set apart. Never END."""
        mask = self.cursor.mask()
        mask[BAR:LENGTH] &= np.arange(BAR, LENGTH) == self.metre
        mask[LENGTH:POSITION] = False
        mask[TEMPO:PART] = False
        mask[END] = False
        return mask

    @property
    def next_barline_steps(self) -> int:
        """Where the next bar begins."""
        return self.cursor.bar_start_steps + self.cursor.bar_steps

    def goes_beyond(self, end_step: int) -> NDArray[np.bool_]:
        """Which tokens (V,) would lead to ``end_step`` or beyond."""
        beyond = np.zeros(len(FAMILY_V), dtype=np.bool_)
        beyond[BAR:LENGTH] = self.next_barline_steps >= end_step
        first = max(0, end_step - self.cursor.bar_start_steps)
        beyond[POSITION + min(first, TEMPO - POSITION) : TEMPO] = True
        return beyond

    def composing(self, stretch: Stretch, random: np.random.Generator, drawing: Drawing) -> Writing[None]:
        """Draws what stands in a stretch of the piece; one number of ``random`` is taken for each draw."""
        while True:
            mask, beyond = self.mask(), self.goes_beyond(stretch.end_step)
            now_step = self.cursor.now_steps
            if now_step < stretch.start_step:
                mask &= self.goes_beyond(stretch.start_step)
            if stretch.silent_from is not None:
                mask[DURATION:] &= np.array(DURATIONS) <= max(1, stretch.silent_from - now_step)
            if stretch.first_part_from is not None and now_step < stretch.first_part_from and self.cursor.num_parts > 1:
                mask[PART] = False
            inside = mask & ~beyond
            may_end = inside.any() and (mask & beyond).any()
            if stretch.sounds_from is not None and may_end and not self._sounds_after(stretch.sounds_from):
                mask = inside
            for repeated in self.loops.forbidden():
                if mask.sum() > 1:
                    mask[repeated] = False
            token = yield from self.choosing(mask, random, drawing, stretch.density)
            if beyond[token]:
                return
            self.write([token])

    def _sounds_after(self, step: int) -> bool:
        return any(note.step + DURATIONS[note.duration] > step for note in self.notes)

    def write_notes(self, notes: Iterable[Written], end_step: int) -> None:
        """Writes notes from here up to ``end_step``, and the barlines between them.

        What the grammar does not let stand is left out: a pitch that still sounds.
        """
        by_step: dict[int, list[Written]] = {}
        for note in sorted(notes, key=lambda note: note[:3]):
            by_step.setdefault(note.step, []).append(note)
        for step in sorted(by_step):
            while self.next_barline_steps <= step:
                self.write([self.metre])
            self._write_place(step, by_step[step])
        while self.next_barline_steps < end_step:
            self.write([self.metre])

    def _write_place(self, step: int, notes: list[Written]) -> None:
        tokens = [POSITION + step - self.cursor.bar_start_steps]
        cursor = self.cursor.copy()
        cursor.feed(tokens[0])
        for note in notes:
            after, added = cursor.copy(), [PITCH + note.pitch, DURATION + note.duration]
            if after.part != note.part:
                added = [PART + note.part, *added]
            if all(_may_feed(after, token) for token in added):
                cursor, tokens = after, [*tokens, *added]
        if len(tokens) > 1:
            self.write(tokens)


def _may_feed(cursor: BarsCursor, token: int) -> bool:
    """Whether the grammar lets a token stand; if so the cursor takes it."""
    may = bool(cursor.mask()[token])
    if may:
        cursor.feed(token)
    return may


def write_together(pens: Sequence[Pen], writings: Sequence[Writing[_T]]) -> list[_T]:
    """Drives many pieces at once, each of ``writings`` with the pen of its number.

    The pens are new ones of one model, or copies of one pen whose logits were asked for last. Behind it each stands
    where it would if it had been driven alone.
    """
    results = dict[int, _T]()
    pens[0].settle()
    stream = pens[0].stream.fork([0] * len(pens))
    active: list[int] = list(range(len(pens)))
    begun = set[int]()

    def goes_on(row: int, number: int) -> bool:
        """Whether the piece has something for the model to read."""
        try:
            if number not in begun:
                begun.add(number)
                next(writings[number])
            while not pens[number].unread:
                assert stream.logits_BV is not None, "a piece begins with a token"
                writings[number].send(stream.logits_BV[row])
        except StopIteration as end:
            results[number], pens[number].stream = end.value, stream.fork([row])
            pens[number].logits_V = None if stream.logits_BV is None else stream.logits_BV[row]
            pens[number].ahead, pens[number].behind = None, []
            return False
        return True

    while active:
        kept = [row for row, number in enumerate(active) if pens[number].unread or goes_on(row, number)]
        if 0 < len(kept) < len(active):
            stream = stream.fork(kept)
        active = [active[row] for row in kept]
        if active:
            read = [(pens[number].unread.pop(0), pens[number].rows.pop(0)) for number in active]
            channels = np.array([[row.channels_C] for _, row in read])
            source = np.array([[row.source] for _, row in read])
            stream = stream.feed(np.array([[token] for token, _ in read]), channels, source)
    return [results[number] for number in range(len(pens))]
