"""Guards against the ways in which a sampled performance collapses: one figure for ever, endless silence.

Each forbids a few tokens at the moment when the music would go where pianists do not. The limits were chosen
wide, so that what pianists play seldom meets them. A guard never forbids the only token left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import Score
from ritornello.tokenizers.base import EventScheme

Mask = NDArray[np.bool_]

MAX_EQUAL_TOKENS, MAX_TOKEN_PERIOD = 48, 128
"""Tokens in a row that may equal those one period before, timing and loudness included."""
MAX_EQUAL_STRIKES, MAX_STRIKE_PERIOD = 64, 32
"""Notes in a row that may have the pitches of those one period before, however timed."""
MAX_STILL_SECONDS = 8.0
"""Longest time without a new note; between movements it can be longer."""
MAX_NOTE_SECONDS = 16.0
"""Longest time that a note sounds, where the scheme ends notes by events; a model that forgets one ends it then."""
MAX_EVENTS_AT_ONCE = 128
"""Tokens in a row after which time must move on."""

_ROUNDING_SECONDS = 1e-6


class Repetition:
    """How long a stream of numbers (0 or more) has repeated itself exactly, for every period up to ``longest``."""

    def __init__(self, longest: int) -> None:
        self._before = np.full(longest, -1, dtype=np.int64)  # the number p steps back stands at p - 1
        self._runs = np.zeros(longest, dtype=np.int64)

    def feed(self, number: int) -> None:
        """The stream goes on with a number."""
        self._runs += 1
        self._runs[self._before != number] = 0
        self._before[1:] = self._before[:-1]
        self._before[0] = number

    def longer_than(self, limit: int) -> NDArray[np.int64]:
        """The numbers that would make a repetition longer than ``limit``."""
        return self._before[self._runs >= limit]


class Guard:
    """What a performance has come to, as far as the guards need it."""

    def __init__(self, scheme: EventScheme[Score]) -> None:
        self._scheme = scheme
        self._tokens, self._strikes = Repetition(MAX_TOKEN_PERIOD), Repetition(MAX_STRIKE_PERIOD)
        self._still_seconds, self._at_once = 0.0, 0
        self._endable = {int(began) for began in scheme.ends_V if began >= 0}
        self._sounding: dict[int, float] = {}
        """Token that began a note -> for how many seconds it sounds."""

    def feed(self, token: int) -> None:
        """The performance goes on with a token."""
        seconds = float(self._scheme.seconds_V[token])
        self._tokens.feed(token)
        self._still_seconds += seconds
        self._at_once = 0 if seconds else self._at_once + 1
        self._sounding.pop(int(self._scheme.ends_V[token]), None)
        if seconds:
            self._sounding = {began: long + seconds for began, long in self._sounding.items()}
        if self._scheme.strikes_V[token]:
            self._strikes.feed(token)
            self._still_seconds = 0.0
            if token in self._endable:
                self._sounding[token] = 0.0

    def allowed(self, grammar_V: Mask) -> Mask:
        """What may come next of what the grammar allows."""
        allowed_V = grammar_V.copy()
        allowed_V[self._tokens.longer_than(MAX_EQUAL_TOKENS)] = False
        allowed_V[self._strikes.longer_than(MAX_EQUAL_STRIKES)] = False
        if self._at_once >= MAX_EVENTS_AT_ONCE:
            allowed_V &= self._scheme.seconds_V > 0
        allowed_V &= self._scheme.seconds_V <= MAX_STILL_SECONDS - self._still_seconds + _ROUNDING_SECONDS
        overdue = [began for began, long in self._sounding.items() if long >= MAX_NOTE_SECONDS]
        ends_V = grammar_V & np.isin(self._scheme.ends_V, overdue) if overdue else None
        if ends_V is not None and ends_V.any():
            return ends_V
        return allowed_V if allowed_V.any() else grammar_V
