"""The 388 events as ids, and the passages of a performance that they write down.

A passage is a whole piece, or a window of one: in a window, notes that began before it end, others go on behind it, and
the velocity is unknown until it is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.score import IntArray
from ritornello.tokenizers.base import Vocabulary
from ritornello.tokenizers.performance_grid import DEFAULT_BIN, MAX_STEPS, NUM_BINS, NUM_PITCHES, GridNotes, settled

PAD, BOS, END = 0, 1, 2
NOTE_ON = 3
NOTE_OFF = NOTE_ON + NUM_PITCHES
MAX_SHIFT = 100
"""Steps of the longest TIME_SHIFT."""
TIME_SHIFT = NOTE_OFF + NUM_PITCHES - 1
"""A shift of k steps is ``TIME_SHIFT + k``; k begins at 1."""
VELOCITY = TIME_SHIFT + MAX_SHIFT + 1
VOCABULARY = Vocabulary(
    (
        *("PAD", "BOS", "END"),
        *(f"NOTE_ON_{pitch}" for pitch in range(NUM_PITCHES)),
        *(f"NOTE_OFF_{pitch}" for pitch in range(NUM_PITCHES)),
        *(f"TIME_SHIFT_{steps}" for steps in range(1, MAX_SHIFT + 1)),
        *(f"VELOCITY_{velocity_bin}" for velocity_bin in range(NUM_BINS)),
    )
)
OPEN = 1 << 40
"""Where a note ends that goes on behind the passage, in steps."""
UNKNOWN = -1
"""Velocity bin of a note before which the passage tells none."""
_WHERE = "performance tokens"


@dataclass(frozen=True, slots=True)
class Passage:
    """What a sequence of events says.

    ``notes`` begin in it; they may end at ``OPEN`` and have the bin ``UNKNOWN``. ``ended_steps`` and ``ended_pitch``
    (M,) are the ends of notes that began before, in order. It is ``num_steps`` long.
    """

    notes: GridNotes
    ended_steps: IntArray
    ended_pitch: IntArray
    num_steps: int
    has_begin: bool
    has_end: bool

    @classmethod
    def whole(cls, notes: GridNotes) -> Passage:
        """A piece from BOS to END."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(notes, nothing, nothing, 0, has_begin=True, has_end=True)

    def closed(self) -> GridNotes:
        """Its notes as a piece of their own: what goes on ends with it, and an unknown velocity becomes bin 16."""
        notes = self.notes
        ends = np.where(notes.end_steps == OPEN, self.num_steps, notes.end_steps)
        bins = np.where(notes.velocity_bin == UNKNOWN, DEFAULT_BIN, notes.velocity_bin)
        return settled(np.minimum(notes.onset_steps, MAX_STEPS - 1), ends, notes.pitch, bins)


def write_events(passage: Passage) -> IntArray:
    """A passage to ids."""
    notes, num_notes = passage.notes, len(passage.notes)
    closed = notes.end_steps != OPEN
    ends = np.concatenate([passage.ended_steps, notes.end_steps[closed]])
    ended = np.concatenate([passage.ended_pitch, notes.pitch[closed]])
    changes = np.zeros(len(ends) + num_notes, dtype=np.bool_)  # of the velocity; first the ends, then the beginnings
    if num_notes:
        changes[len(ends)] = notes.velocity_bin[0] != UNKNOWN
        np.not_equal(notes.velocity_bin[1:], notes.velocity_bin[:-1], out=changes[len(ends) + 1 :])
    bins = notes.velocity_bin[changes[len(ends) :]]
    keys = np.concatenate([2 * ends, 2 * notes.onset_steps + 1])
    order = np.argsort(keys, kind="stable")
    times, changes = keys.take(order) >> 1, changes.take(order)
    events = np.concatenate([NOTE_OFF + ended, NOTE_ON + notes.pitch]).take(order)
    return _written(passage, times, events, changes, bins)


def _written(passage: Passage, times: IntArray, events: IntArray, changes: np.ndarray, bins: IntArray) -> IntArray:
    """Events in their order, with what stands before each of them: shifts, and the velocity where it changes."""
    waits = times.copy()
    waits[1:] -= times[:-1]
    rest = max(0, passage.num_steps - (int(times[-1]) if len(times) else 0))
    event_at = np.cumsum((waits + (2 * MAX_SHIFT - 1)) // MAX_SHIFT + changes) + (passage.has_begin - 1)
    num_events = int(event_at[-1]) + 1 if len(times) else int(passage.has_begin)
    ids = np.full(num_events + -(-rest // MAX_SHIFT) + passage.has_end, TIME_SHIFT + MAX_SHIFT)
    ids[event_at] = events
    event_at -= changes
    ids[event_at[changes]] = VELOCITY + bins
    waited = np.flatnonzero(waits)
    ids[event_at.take(waited) - 1] = TIME_SHIFT + 1 + (waits.take(waited) - 1) % MAX_SHIFT
    if rest:
        ids[len(ids) - 1 - passage.has_end] = TIME_SHIFT + 1 + (rest - 1) % MAX_SHIFT
    if passage.has_begin:
        ids[0] = BOS
    if passage.has_end:
        ids[-1] = END
    return ids


def read_events(ids: IntArray) -> Passage:
    """Ids (T,) to the passage that they say; any ids of the vocabulary can be read.

    A NOTE_OFF of a pitch that does not sound ends a note from before; a NOTE_ON of one that does, strikes it again.

    Raises:
        UserError: an id that is none, too many notes, or too many hours.
    """
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(VOCABULARY):
        raise UserError("an id that is no token", where=_WHERE, limit=f"0 to {len(VOCABULARY) - 1}")
    now_steps = np.cumsum(np.where((ids > TIME_SHIFT) & (ids < VELOCITY), ids - TIME_SHIFT, 0))
    num_steps = int(now_steps[-1]) if len(ids) else 0
    limits.check_hours(num_steps * 3600 * limits.MAX_HOURS / MAX_STEPS, _WHERE)
    event_at = np.flatnonzero((ids >= NOTE_ON) & (ids <= TIME_SHIFT))
    begins = ids[event_at] < NOTE_OFF
    limits.check_count("notes", int(np.count_nonzero(begins)), limits.MAX_NOTES, _WHERE)
    pitch, times = (ids[event_at] - NOTE_ON) % NUM_PITCHES, now_steps[event_at]
    order = np.argsort(pitch.astype(np.uint8), kind="stable")
    again = np.flatnonzero(pitch[order[1:]] == pitch[order[:-1]])
    before, after = order[again], order[again + 1]  # neighbours of one pitch
    ends = np.full(len(event_at), OPEN)
    ends[before] = times[after]
    strays = ~begins
    strays[after[begins[before]]] = False  # these end a note of the passage
    velocity_at = np.flatnonzero(ids >= VELOCITY)
    bins = np.append(UNKNOWN, ids[velocity_at] - VELOCITY)[np.searchsorted(velocity_at, event_at[begins])]
    notes = settled(times[begins], ends[begins], pitch[begins], bins)
    has_begin, has_end = bool(len(ids)) and ids[0] == BOS, bool(len(ids)) and ids[-1] == END
    return Passage(notes, times[strays], pitch[strays], num_steps, has_begin=bool(has_begin), has_end=bool(has_end))
