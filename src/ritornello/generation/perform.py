"""Perform: a model of performance tokens plays for a given time, from nothing or from the opening of a piece.

Every token is drawn from what the grammar of the scheme and the guards allow, so that the result always decodes; the
model's state is carried from step to step, so that memory is constant where the model's is. Same model, seed and
opening: same performance, alone or in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ritornello.errors import UserError
from ritornello.generation.engine import Stream, new_stream, small_steps
from ritornello.generation.guards import Guard, Mask
from ritornello.generation.sampling import Logits, draw, masked, min_p, scaled
from ritornello.models.base import LanguageModel
from ritornello.scores.clock import Clock
from ritornello.scores.score import Notes, Score
from ritornello.tokenizers.base import EventScheme, Tokens

MAX_SECONDS = 20 * 60
PREFILL_TOKENS = 512
"""Tokens of an opening that the model reads at once."""
PRIMER_SHARE = 0.5
"""Share of the asked time that an opening may take; what follows in it is left out."""
LEAST_SHARE_OF_TIME = 0.75
"""Share of the asked time before which the model may not end."""
_ROUNDING_SECONDS = 1e-6

OnEvent = Callable[[int, int, float], None]
"""Called for every new token with the number of the performance, the token, and the seconds of music so far."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How tokens are drawn."""

    temperature: float = 1.0
    least_share: float = 0.002
    """No token is drawn that is less likely than this share of the likeliest. More would shut out long waits, of which
    each is unlikely, and crowd the notes."""


def perform(
    model: LanguageModel,
    scheme: EventScheme[Score],
    *,
    seconds: float,
    seed: int,
    primer: Score | None = None,
    drawing: Drawing | None = None,
    on_event: OnEvent | None = None,
) -> Score:
    """One performance of at most ``seconds``; what still sounds then is ended.

    Args:
        model: over the vocabulary of the scheme.
        scheme: what its tokens mean.
        seconds: above 0, at most 20 minutes.
        seed: 0 or more.
        primer: a piece whose opening, at most half of the time, begins the performance.
        drawing: how tokens are drawn.
        on_event: hears of every new token.

    Raises:
        UserError: the time is out of range.
    """
    return perform_many(
        model, scheme, seconds=seconds, seeds=[seed], primer=primer, drawing=drawing, on_event=on_event
    )[0]


def perform_many(
    model: LanguageModel,
    scheme: EventScheme[Score],
    *,
    seconds: float,
    seeds: Sequence[int],
    primer: Score | None = None,
    drawing: Drawing | None = None,
    on_event: OnEvent | None = None,
) -> list[Score]:
    """The same for several seeds at once, in one batch of the model."""
    if not 0 < seconds <= MAX_SECONDS:
        raise UserError(f"{seconds:g} seconds", where="seconds", limit=f"above 0, at most {MAX_SECONDS}")
    opening = _opening(scheme, primer, seconds * PRIMER_SHARE)
    players = [_Player(scheme, opening, seconds, seed, drawing or Drawing()) for seed in seeds]
    with small_steps():
        stream = _prefilled(model, opening).fork([0] * len(players))
        _play(players, stream, on_event)
    scores = [scheme.decode(Tokens(np.array(player.ids), scheme.vocabulary.hash)) for player in players]
    return [_ended(score, seconds) for score in scores]


def _opening(scheme: EventScheme[Score], primer: Score | None, most_seconds: float) -> list[int]:
    """BOS and the tokens of the primer up to a time."""
    if primer is None:
        return [scheme.vocabulary.ids["BOS"]]
    ids = scheme.encode(primer).ids[:-1]  # without END
    late = np.cumsum(scheme.seconds_V[ids]) > most_seconds + _ROUNDING_SECONDS
    return [int(token) for token in ids[~late]]


def _prefilled(model: LanguageModel, opening: Sequence[int]) -> Stream:
    """A stream of one piece that has read the opening."""
    stream = new_stream(model)
    for start in range(0, len(opening), PREFILL_TOKENS):
        stream = stream.feed(np.array([opening[start : start + PREFILL_TOKENS]]))
    return stream


def _play(players: Sequence[_Player], stream: Stream, on_event: OnEvent | None) -> None:
    """Steps all players together until each has ended; row r of the stream is that of the r-th player still playing."""
    playing = list(range(len(players)))
    while True:
        assert stream.logits_BV is not None, "the stream has read the opening"
        tokens = [players[number].choose(logits_V) for number, logits_V in zip(playing, stream.logits_BV, strict=True)]
        going_on = [row for row, token in enumerate(tokens) if token is not None]
        if not going_on:
            return
        if len(going_on) < len(playing):
            stream = stream.fork(going_on)
            playing = [playing[row] for row in going_on]
        drawn = [token for token in tokens if token is not None]
        for number, token in zip(playing, drawn, strict=True):
            if on_event is not None:
                on_event(number, token, players[number].seconds)
        stream = stream.feed(np.array([[token] for token in drawn]))


def _ended(score: Score, seconds: float) -> Score:
    """The score without what sounds later, as a note may that was told its length when it began."""
    last = Clock.of(score).ticks(np.array([seconds]))[0]
    parts = tuple(replace(part, notes=_until(part.notes, int(last))) for part in score.parts)
    return replace(score, parts=parts)


def _until(notes: Notes, last_ticks: int) -> Notes:
    duration_ticks = np.maximum(1, np.minimum(notes.duration_ticks, last_ticks - notes.onset_ticks))
    return Notes.columns(notes.onset_ticks, duration_ticks, notes.pitch, notes.velocity)


class _Player:
    """Writes one performance; ``ids`` are its tokens so far."""

    def __init__(
        self, scheme: EventScheme[Score], opening: Sequence[int], seconds: float, seed: int, drawing: Drawing
    ) -> None:
        self.scheme, self.most_seconds, self.drawing = scheme, seconds, drawing
        self.random = np.random.default_rng(seed)
        self.cursor, self.guard = scheme.cursor(), Guard(scheme)
        self.end = scheme.vocabulary.ids["END"]
        self.least_step = float(scheme.seconds_V[scheme.seconds_V > 0].min())
        self.ids: list[int] = []
        self.seconds = 0.0
        for token in opening:
            self._write(token)

    def choose(self, logits_V: Logits) -> int | None:
        """Draws and writes the next token; None where the performance ends.

        A wait beyond the asked time is not forbidden, which would crowd notes into the last moment, but cut short.
        """
        left = self.most_seconds - self.seconds + _ROUNDING_SECONDS
        grammar_V = self.cursor.mask()
        allowed_V = grammar_V.copy()
        allowed_V[self.end] &= self.seconds >= LEAST_SHARE_OF_TIME * self.most_seconds
        if left < self.least_step or not allowed_V.any():
            return None
        logits_V = scaled(masked(logits_V, self.guard.allowed(allowed_V)), self.drawing.temperature)
        token = draw(min_p(logits_V, self.drawing.least_share), self.random.random())
        if self.scheme.seconds_V[token] > left:
            token = self._longest_wait(grammar_V, left)
        if token in (self.end, None):
            return None
        self._write(token)
        return token

    def _longest_wait(self, grammar_V: Mask, left: float) -> int | None:
        """The token that brings the performance nearest to its end; None if there is none."""
        seconds_V = np.where(grammar_V & (self.scheme.seconds_V <= left), self.scheme.seconds_V, 0.0)
        return int(seconds_V.argmax()) if seconds_V.any() else None

    def _write(self, token: int) -> None:
        self.cursor.feed(token)
        self.guard.feed(token)
        self.seconds += float(self.scheme.seconds_V[token])
        self.ids.append(token)
