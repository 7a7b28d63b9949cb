"""What a trained model hears of a piece, note by note: weights of attention and influence as plain arrays.

A *note's asking position* is the token before the one that begins it: what is heard there decides which note comes. The
tokens of a performance that belong to a note are the one that begins it, those that end it or tell its length, and the
VELOCITY just before it; waits and marks belong to none. So it is in bars, with a plan or without. Of a chorale they are
the tokens by which its voice strikes and holds it.

A model that follows a plan is told that of the piece, as the analysis finds it.

Seconds are those of the tokens' clock. A 16th of a chorale counts as a quarter of a second.

Shapes: T tokens, N notes, A notes or tokens that ask, L layers, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ritornello.data.form_levels import NOTES as NOTES_OF_FORM
from ritornello.data.levels import Encoded
from ritornello.data.rows import Row, collate
from ritornello.data.schemes import SCHEMES
from ritornello.errors import UserError
from ritornello.models.attention import Readable, attention, heard_places, influence
from ritornello.models.base import Conditions
from ritornello.scores.clock import Clock
from ritornello.scores.score import IntArray, Score
from ritornello.tokenizers.bars import BarsTokenizer, EvenBarsTokenizer
from ritornello.tokenizers.bars_words import DURATION as BAR_DURATION
from ritornello.tokenizers.bars_words import DURATIONS, PITCH, STEPS_PER_BEAT, VELOCITY
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.chorale import FIRST_PITCH, FRAME_TOKENS, HOLD, LOWEST_PITCH
from ritornello.tokenizers.note_duration import DURATION, SECONDS, NoteDurationTokenizer
from ritornello.tokenizers.note_duration import TIME_SHIFT as DURATION_SHIFT
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.figures import is_performance
from ritornello.training.weights import find_weights, load_weights, read_facts

FloatArray = NDArray[np.float64]

MOST_TOKENS = 2**16
"""Of a piece that is listened to: about three quarters of an hour of piano music."""
MOST_INFLUENCE_TOKENS = 2**13
"""Before a note, that influence is shared out over: all that is computed of them must be kept for the gradient."""
MOST_ASKING = 256
"""Notes, spread evenly over the piece, that mean distances are taken over."""
CHORD_SECONDS = 0.03 + 1e-6
"""Notes that begin at most so long after the one before belong to its chord."""
STEPS_PER_SECOND = 4
"""Of chorales, in frames."""
IN_BARS = (BarsTokenizer.name, EvenBarsTokenizer.name, NOTES_OF_FORM)
_PLANNED = {"notes": "chorale", NOTES_OF_FORM: "form"}
"""Levels of notes that may be under a plan, and the scheme that writes each with all of it."""
_NO_NOTE = -1


@dataclass(frozen=True, slots=True, eq=False)
class ReadPiece:
    """A piece as a model reads it, and its notes in the order in which they begin."""

    ids_T: IntArray
    seconds_T: FloatArray
    """When each token is over."""
    note_T: IntArray
    """The note that each token belongs to, or -1."""
    start_seconds: FloatArray
    end_seconds: FloatArray
    pitch: IntArray
    begins_N: IntArray
    """The token that begins each note."""
    conditions: Conditions | None

    @property
    def chord_order(self) -> IntArray:
        """The notes by chord, those of one chord from low to high, as returns are found (N,)."""
        chord = np.cumsum(np.diff(self.start_seconds, prepend=-np.inf) > CHORD_SECONDS)
        return np.lexsort((self.pitch, chord))

    @property
    def num_notes(self) -> int:
        """N."""
        return len(self.pitch)


class NoteHearing(NamedTuple):
    """What one note's asking position heard of all notes."""

    note: int
    layers: dict[str, FloatArray]
    """By layer (H, N): the weights of each note's tokens, summed. What is missing from 1 went to no note."""
    influence_N: FloatArray
    """The same through all layers, of the last MOST_INFLUENCE_TOKENS."""
    sees_all: bool
    """Whether the piece has no more than these before the note."""


class MeanDistance(NamedTuple):
    """How far one layer hears on average, of each head (H,): weighted by what it hears."""

    layer: str
    tokens: FloatArray
    notes: FloatArray
    seconds: FloatArray


class Listener:
    """A trained model and the level of tokens that it reads."""

    def __init__(self, model: nn.Module, level: str, *, with_plan: bool = False) -> None:
        self.model: Readable = cast("Any", model)
        self.level, self.with_plan = level, with_plan

    @classmethod
    def load(cls, source: Path) -> Listener:
        """The best weights of a run, or those of a weights folder.

        Raises:
            UserError: there are none, they are damaged or of another vocabulary, or they read no notes.
        """
        folder = find_weights(source)
        facts = read_facts(folder)
        level = str(facts.get("level"))
        if level not in _PLANNED and not is_performance(level):
            mend = "name a model of notes or of performances"
            raise UserError(f"reads {level}, which has no notes", where=str(source), mend=mend)
        written = SCHEMES[_PLANNED.get(level, level)].facts()[level]["vocabulary_hash"]
        model = load_weights(folder, written)
        return cls(model, level, with_plan=bool(facts["config"].get("condition_sizes")))

    def read(self, score: Score) -> ReadPiece:
        """The piece as tokens; raises UserError where the level cannot write it, or it is too long or has no notes."""
        scheme = _PLANNED.get(self.level, self.level)
        scheme = "chorale_notes" if scheme == "chorale" and not self.with_plan else scheme
        encoded = SCHEMES[scheme].encode(score)[self.level]
        if not self.with_plan:
            encoded = replace(encoded, conditions=None, source=None)
        if len(encoded.ids) > MOST_TOKENS:
            raise UserError(f"{len(encoded.ids):,} tokens", where="piece", limit=f"{MOST_TOKENS:,}")
        if self.level == "notes":
            return read_chorale(encoded)
        return read_bars(encoded) if self.level in IN_BARS else read_performance(self.level, encoded)

    def heard_by_note(self, piece: ReadPiece, note: int) -> NoteHearing:
        """What was heard where the note was asked for."""
        asked, ids_T = self._asked(piece, [note]), torch.from_numpy(piece.ids_T)  # pyright: ignore[reportUnknownMemberType]
        weights = attention(self.model, ids_T, asked, piece.conditions)
        layers = {name: self._by_note(piece, weights_H1T[:, 0]) for name, weights_H1T in weights.items()}
        shares_1T = influence(self.model, ids_T, asked, piece.conditions, reach=MOST_INFLUENCE_TOKENS)
        sees_all = int(asked) < MOST_INFLUENCE_TOKENS
        return NoteHearing(note, layers, self._by_note(piece, shares_1T)[0], sees_all)

    def mean_distances(self, piece: ReadPiece) -> list[MeanDistance]:
        """How far each layer and head hears on average where notes are asked for; nothing without attention."""
        composed = np.flatnonzero(piece.begins_N >= (2 * FRAME_TOKENS if self.level == "notes" else 1))
        if not len(composed):
            return []
        chosen = np.unique(np.linspace(0, len(composed) - 1, min(len(composed), MOST_ASKING)).round().astype(np.int64))
        asked = self._asked(piece, composed[chosen].tolist())
        notes_begun = np.zeros(len(piece.ids_T))
        np.add.at(notes_begun, piece.begins_N, 1)
        measures = np.stack([np.arange(len(piece.ids_T)), notes_begun.cumsum(), piece.seconds_T], axis=1)
        places_TC = torch.from_numpy(measures)  # pyright: ignore[reportUnknownMemberType]
        heard = heard_places(self.model, torch.from_numpy(piece.ids_T), asked, places_TC, piece.conditions)  # pyright: ignore[reportUnknownMemberType]
        distances = {name: (places_TC[asked] - places_HAC).nanmean(dim=1).numpy() for name, places_HAC in heard.items()}
        return [MeanDistance(name, *means_HC.T) for name, means_HC in distances.items()]

    def _asked(self, piece: ReadPiece, notes: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.maximum(0, piece.begins_N[list(notes)] - 1))  # pyright: ignore[reportUnknownMemberType]

    def _by_note(self, piece: ReadPiece, weights_HT: Tensor) -> FloatArray:
        """Sums over the tokens of each note (H, N)."""
        belongs = piece.note_T != _NO_NOTE
        rows = weights_HT.detach().double().numpy()[:, belongs]
        sums = [np.bincount(piece.note_T[belongs], row, piece.num_notes) for row in rows]
        return np.stack(sums).astype(np.float64)


def read_performance(level: str, encoded: Encoded) -> ReadPiece:
    """A performance of either scheme."""
    ids = encoded.ids.astype(np.int64)
    scheme = {tokenizer.name: tokenizer for tokenizer in (PerformanceTokenizer, NoteDurationTokenizer)}[level]
    seconds, strikes = scheme.seconds_V[ids].cumsum(), scheme.strikes_V[ids]
    begins = np.flatnonzero(strikes)
    note_T = np.where(strikes, strikes.cumsum() - 1, _NO_NOTE)
    names = np.array(scheme.vocabulary.names)[ids]
    is_velocity = np.char.startswith(names, "VELOCITY")
    note_T[:-1] = np.where(is_velocity[:-1], note_T[1:], note_T[:-1])
    if level == PerformanceTokenizer.name:
        end_seconds = _ends_of_offs(scheme, ids, seconds, note_T)
    else:
        end_seconds = _ends_of_lengths(ids, seconds, begins, note_T)
    pitch = ids[begins] - int(scheme.strikes_V.argmax())
    return ReadPiece(ids, seconds, note_T, seconds[begins], end_seconds, pitch, begins, None)


def read_bars(encoded: Encoded) -> ReadPiece:
    """Several parts in bars, from BOS to END, under their plan, if they have one."""
    ids, scheme = encoded.ids.astype(np.int64), BarsTokenizer()
    score = scheme.decode(Tokens(ids, scheme.vocabulary.hash))
    clock, ticks_per_step = Clock.of(score), score.ticks_per_beat // STEPS_PER_BEAT
    steps = scheme.places(ids)[:, 1]
    begins = np.flatnonzero((ids >= PITCH) & (ids < BAR_DURATION))
    lengths = np.array(DURATIONS)[ids[begins + 1] - BAR_DURATION]
    note_T = np.full(len(ids), _NO_NOTE)
    note_T[begins] = note_T[begins + 1] = np.arange(len(begins))
    is_louder = (ids[begins - 1] >= VELOCITY) & (ids[begins - 1] < PITCH)
    note_T[begins[is_louder] - 1] = np.flatnonzero(is_louder)
    seconds = clock.seconds(steps * ticks_per_step)
    end_seconds = clock.seconds((steps[begins] + lengths) * ticks_per_step)
    conditions = _conditions(encoded)
    return ReadPiece(ids, seconds, note_T, seconds[begins], end_seconds, ids[begins] - PITCH, begins, conditions)


def read_chorale(encoded: Encoded) -> ReadPiece:
    """Four voices under their plan, if they have one."""
    ids = encoded.ids.astype(np.int64)
    frames = ids.reshape(-1, FRAME_TOKENS)
    struck = frames >= FIRST_PITCH
    struck[0], struck[:, 0] = False, False
    number = np.where(struck, struck.cumsum().reshape(struck.shape) - 1, _NO_NOTE)
    note = np.full(frames.shape, _NO_NOTE)
    sounding = np.full(FRAME_TOKENS, _NO_NOTE)
    for frame in range(1, len(frames)):
        sounding = np.where(struck[frame], number[frame], np.where(frames[frame] == HOLD, sounding, _NO_NOTE))
        sounding[0] = _NO_NOTE
        note[frame] = sounding
    note_T, begins = note.ravel(), np.flatnonzero(struck.ravel())
    lengths = np.bincount(note_T[note_T >= 0], minlength=len(begins)) / STEPS_PER_SECOND
    start = (begins // FRAME_TOKENS - 1) / STEPS_PER_SECOND
    seconds = np.repeat(np.arange(len(frames)) - 1.0, FRAME_TOKENS) / STEPS_PER_SECOND
    pitch = ids[begins] - FIRST_PITCH + LOWEST_PITCH
    return ReadPiece(ids, seconds, note_T, start, start + lengths, pitch, begins, _conditions(encoded))


def _conditions(encoded: Encoded) -> Conditions | None:
    if encoded.conditions is None or encoded.source is None:
        return None
    ids, channels, source = (part.astype(np.int64) for part in (encoded.ids, encoded.conditions, encoded.source))
    batch = collate([Row(ids, np.ones(len(ids), dtype=np.bool_), channels, source)])
    assert batch.channels_BTC is not None
    assert batch.source_BT is not None
    return Conditions(batch.channels_BTC, batch.source_BT)


def _ends_of_offs(scheme: Any, ids: IntArray, seconds: FloatArray, note_T: IntArray) -> FloatArray:
    """When each note ends; its NOTE_OFF becomes its own in ``note_T``. One without lasts to the end."""
    ends = np.full(int(note_T.max(initial=_NO_NOTE)) + 1, seconds[-1])
    sounding: dict[int, int] = {}
    for place, token in enumerate(ids.tolist()):
        if scheme.strikes_V[token]:
            sounding[token] = int(note_T[place])
        elif (began := int(scheme.ends_V[token])) in sounding:
            note_T[place] = sounding.pop(began)
            ends[note_T[place]] = seconds[place]
    return ends


def _ends_of_lengths(ids: IntArray, seconds: FloatArray, begins: IntArray, note_T: IntArray) -> FloatArray:
    """The same, where tokens behind a note tell its length."""
    is_length = (ids > DURATION) & (ids <= DURATION_SHIFT)
    note_T[is_length] = np.searchsorted(begins, np.flatnonzero(is_length)) - 1
    steps = np.where(ids <= SECONDS, ids - DURATION, 100 * (ids - SECONDS))
    return seconds[begins] + np.bincount(note_T[is_length], steps[is_length], len(begins)) / 100
