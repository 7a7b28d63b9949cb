"""The scheme of notes with durations: a performance as notes, each told once with its length.

    BOS ( TIME_SHIFT* ( [VELOCITY] NOTE SECONDS* DURATION )* )* END

Onsets, velocities and the order of notes are as in ``performance``; instead of a NOTE_OFF somewhere later, a note is
followed by its length: SECONDS of 1 to 10 whole seconds, as many of 10 as go into it, then the rest as DURATION of 1 to
100 steps of 10 ms. So most notes have one token of length, and every length on the grid is exact. 370 events.

**Source**: notes with durations instead of offs follow Huang and Yang, "Pop Music Transformer" (arXiv 2002.00212),
section 3.2. **Departures**: time is in steps of 10 ms, not in beats, and velocity is written only where it changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.score import IntArray, Score
from ritornello.tokenizers.base import Tokens, Vocabulary, check_vocabulary, mask_after
from ritornello.tokenizers.performance_grid import (
    DEFAULT_BIN,
    MAX_STEPS,
    NUM_BINS,
    NUM_PITCHES,
    STEPS_PER_SECOND,
    GridNotes,
    grid_notes,
    score_of,
    settled,
)

PAD, BOS, END, NOTE = 0, 1, 2, 3
MAX_DURATION = 100
"""Steps of the longest DURATION, and of one of SECONDS."""
MAX_SECONDS = 10
MAX_SHIFT = 100
DURATION = NOTE + NUM_PITCHES - 1
"""k steps are ``DURATION + k``; k begins at 1, as for seconds and shifts."""
SECONDS = DURATION + MAX_DURATION
TIME_SHIFT = SECONDS + MAX_SECONDS
VELOCITY = TIME_SHIFT + MAX_SHIFT + 1
_VOCABULARY = Vocabulary(
    (
        *("PAD", "BOS", "END"),
        *(f"NOTE_{pitch}" for pitch in range(NUM_PITCHES)),
        *(f"DURATION_{steps}" for steps in range(1, MAX_DURATION + 1)),
        *(f"SECONDS_{seconds}" for seconds in range(1, MAX_SECONDS + 1)),
        *(f"TIME_SHIFT_{steps}" for steps in range(1, MAX_SHIFT + 1)),
        *(f"VELOCITY_{velocity_bin}" for velocity_bin in range(NUM_BINS)),
    )
)
_LENGTHS = np.zeros(len(_VOCABULARY), dtype=np.int64)
"""Steps by which a token makes the last note longer."""
_LENGTHS[DURATION + 1 : SECONDS + 1] = np.arange(1, MAX_DURATION + 1)
_LENGTHS[SECONDS + 1 : TIME_SHIFT + 1] = MAX_DURATION * np.arange(1, MAX_SECONDS + 1)
_SHIFTS = np.zeros(len(_VOCABULARY), dtype=np.int64)
"""Steps by which a token moves the clock."""
_SHIFTS[TIME_SHIFT + 1 : VELOCITY] = np.arange(1, MAX_SHIFT + 1)
_WHERE = "note_duration tokens"


class NoteDurationTokenizer:
    """Performances to notes with durations and back."""

    name = "note_duration"
    vocabulary = _VOCABULARY
    seconds_V = _SHIFTS / STEPS_PER_SECOND
    """By how much each token moves the clock."""
    strikes_V = np.zeros(len(_VOCABULARY), dtype=np.bool_)
    strikes_V[NOTE : DURATION + 1] = True
    """Which tokens begin a note."""
    ends_V = np.full(len(_VOCABULARY), -1)
    """No token ends a note: each is told its length."""

    def encode(self, music: Score) -> Tokens:
        """Score to tokens, from BOS to END; raises UserError when it breaks the limits on notes and hours."""
        return Tokens(_write(grid_notes(music)), self.vocabulary.hash)

    def decode(self, tokens: Tokens) -> Score:
        """Tokens to a Score of one part at 10 ms; a note whose length is not told lasts one step.

        Raises UserError for ids of another vocabulary or too much music.
        """
        check_vocabulary(tokens, self.vocabulary, _WHERE)
        return score_of(_read(tokens.ids))

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which ids (V,) may follow; walks over the prefix, so generation keeps a cursor instead."""
        return mask_after(self.cursor(), prefix)

    def cursor(self) -> NoteDurationCursor:
        """A cursor before BOS."""
        return NoteDurationCursor()


class NoteDurationCursor:
    """Where a stream of notes stands in the grammar, which is what ``encode`` can write.

    ``feed`` takes what ``mask`` allows; what it does not allow is followed as far as it makes sense.
    """

    def __init__(self) -> None:
        self.now_steps = 0
        self.num_notes = 0
        self.velocity_bin = -1
        self.last = PAD
        """The token before."""
        self._pitch = 0
        self._ends = np.zeros(NUM_PITCHES, dtype=np.int64)
        """For each pitch, where its last note ends, as far as its length is told."""

    def feed(self, token: int) -> None:
        """Takes the next token."""
        if NOTE <= token <= DURATION:
            self._pitch = token - NOTE
            self._ends[self._pitch] = self.now_steps
            self.num_notes += 1
        elif DURATION < token <= TIME_SHIFT:
            self._ends[self._pitch] += _LENGTHS.item(token)
        elif TIME_SHIFT < token < VELOCITY:
            self.now_steps += token - TIME_SHIFT
        elif token >= VELOCITY:
            self.velocity_bin = token - VELOCITY
        self.last = token

    def mask(self) -> NDArray[np.bool_]:
        """Which ids (373,) may come next; none after END."""
        mask = np.zeros(len(_VOCABULARY), dtype=np.bool_)
        last = self.last
        if last == PAD:
            mask[BOS] = True
        elif NOTE <= last <= DURATION or SECONDS < last <= TIME_SHIFT:
            self._allow_lengths(mask, more_seconds=last <= DURATION or last == TIME_SHIFT)
        elif last != END:
            self._allow_events(mask, after_shift=TIME_SHIFT < last < VELOCITY)
        return mask

    def _allow_lengths(self, mask: NDArray[np.bool_], *, more_seconds: bool) -> None:
        left = MAX_STEPS - self._ends.item(self._pitch)
        mask[DURATION + 1 : DURATION + 1 + min(left, MAX_DURATION)] = True
        if more_seconds:  # behind them at least one step
            mask[SECONDS + 1 : SECONDS + 1 + min((left - 1) // MAX_DURATION, MAX_SECONDS)] = True

    def _allow_events(self, mask: NDArray[np.bool_], *, after_shift: bool) -> None:
        silent = self._ends <= self.now_steps
        may_begin = self.num_notes < limits.MAX_NOTES and self.now_steps < MAX_STEPS and silent.any()
        if may_begin and self.velocity_bin >= 0:
            mask[NOTE : DURATION + 1] = silent
        if self.last >= VELOCITY:
            return
        if may_begin:
            mask[VELOCITY:] = True
            if self.velocity_bin >= 0:
                mask[VELOCITY + self.velocity_bin] = False
        if not after_shift or self.last == TIME_SHIFT + MAX_SHIFT:
            self._allow_shifts(mask)
        mask[END] = not after_shift

    def _allow_shifts(self, mask: NDArray[np.bool_]) -> None:
        """A wait ends with a note, so a pitch must be silent then, and a step be left."""
        latest = MAX_STEPS - 1 - self.now_steps
        earliest = max(1, int(self._ends.min()) - self.now_steps)
        if earliest > latest or self.num_notes >= limits.MAX_NOTES:
            return
        mask[TIME_SHIFT + min(earliest, MAX_SHIFT) : TIME_SHIFT + 1 + min(latest, MAX_SHIFT)] = True


def _write(notes: GridNotes) -> IntArray:
    """Notes on the grid to ids, from BOS to END."""
    num_notes = len(notes)
    waits = np.diff(notes.onset_steps, prepend=0)
    changes = np.diff(notes.velocity_bin, prepend=-1) != 0
    seconds, steps = np.divmod(notes.end_steps - notes.onset_steps - 1, MAX_DURATION)
    num_seconds = -(-seconds // MAX_SECONDS)
    note_at = np.cumsum(-(-waits // MAX_SHIFT) + changes + 1)  # BOS is at 0
    note_at[1:] += np.cumsum(num_seconds[:-1] + 1)
    end_at = note_at + num_seconds + 1
    ids = np.full(2 + (int(end_at[-1]) if num_notes else 0), TIME_SHIFT + MAX_SHIFT)
    ids[0], ids[-1] = BOS, END
    waited = waits > 0
    ids[(note_at - changes - 1)[waited]] = TIME_SHIFT + 1 + (waits[waited] - 1) % MAX_SHIFT
    ids[note_at[changes] - 1] = VELOCITY + notes.velocity_bin[changes]
    ids[note_at] = NOTE + notes.pitch
    ids[_between(note_at, num_seconds)] = SECONDS + MAX_SECONDS
    long = seconds > 0
    ids[end_at[long] - 1] = SECONDS + 1 + (seconds[long] - 1) % MAX_SECONDS
    ids[end_at] = DURATION + 1 + steps
    return ids


def _between(places: IntArray, counts: IntArray) -> IntArray:
    """The ``counts[i]`` places behind ``places[i]``, for all i."""
    starts = np.repeat(places + 1 - (np.cumsum(counts) - counts), counts)
    return starts + np.arange(len(starts))


def _read(ids: IntArray) -> GridNotes:
    """Ids (T,) to notes on the grid."""
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(_VOCABULARY):
        raise UserError("an id that is no token", where=_WHERE, limit=f"0 to {len(_VOCABULARY) - 1}")
    now_steps = np.cumsum(_SHIFTS[ids])
    told = np.append(0, np.cumsum(_LENGTHS[ids]))
    note_at = np.flatnonzero((ids >= NOTE) & (ids <= DURATION))
    limits.check_count("notes", len(note_at), limits.MAX_NOTES, _WHERE)
    onset_steps = now_steps[note_at]
    end_steps = onset_steps + np.diff(told[np.append(note_at, len(ids))])
    latest = int(max(now_steps[-1:].max(initial=0), end_steps.max(initial=0)))
    limits.check_hours(latest / STEPS_PER_SECOND, _WHERE)
    velocity_at = np.flatnonzero(ids >= VELOCITY)
    bins = np.append(DEFAULT_BIN, ids[velocity_at] - VELOCITY)[np.searchsorted(velocity_at, note_at)]
    return settled(np.minimum(onset_steps, MAX_STEPS - 1), end_steps, ids[note_at] - NOTE, bins)
