"""Performances changed without leaving the tokens: transposed, stretched in time, louder or softer.

Pure functions from ids of the performance scheme to ids, for augmentation. The result is what ``encode`` writes for the
changed notes. They take whole pieces and windows alike; in a window, ends of notes that began before it and notes that
go on behind it are kept, and an unknown velocity stays unknown. A VELOCITY that ends a window is left out where time or
velocity changes, since no note follows it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ritornello.scores import limits
from ritornello.scores.score import IntArray
from ritornello.tokenizers.performance_events import (
    NOTE_ON,
    OPEN,
    TIME_SHIFT,
    UNKNOWN,
    read_events,
    write_events,
)
from ritornello.tokenizers.performance_grid import MAX_STEPS, NUM_BINS, NUM_PITCHES, GridNotes, settled

PIANO = range(21, 109)
"""The pitches of a piano."""


def transposed(ids: IntArray, semitones: int) -> IntArray | None:
    """Moves all pitches; None where one would leave 0-127, or the piano if all were on it before."""
    is_event = (ids >= NOTE_ON) & (ids <= TIME_SHIFT)
    events = ids[is_event]
    if not len(events):
        return ids.copy()
    pitch = (events - NOTE_ON) % NUM_PITCHES
    lowest, highest = int(pitch.min()), int(pitch.max())
    keys = PIANO if lowest in PIANO and highest in PIANO else range(NUM_PITCHES)
    if lowest + semitones not in keys or highest + semitones not in keys:
        return None
    return np.where(is_event, ids + semitones, ids)


def stretched(ids: IntArray, factor: float) -> IntArray:
    """Makes all times longer by ``factor`` (above 0), rounded to steps, exactly half a step up.

    Notes of one pitch that come to begin in one step become one note, as ``encode`` does it.

    Raises:
        UserError: the result would be longer than ``limits`` allows.
    """
    passage = read_events(ids)
    limits.check_hours(passage.num_steps * factor * 3600 * limits.MAX_HOURS / MAX_STEPS, "performance tokens")
    notes = passage.notes
    ends = np.where(notes.end_steps == OPEN, OPEN, _scaled(notes.end_steps, factor))
    notes = settled(_scaled(notes.onset_steps, factor), ends, notes.pitch, notes.velocity_bin)
    num_steps = int(_scaled(np.array([passage.num_steps]), factor)[0])
    ended_steps = _scaled(passage.ended_steps, factor)
    return write_events(replace(passage, notes=notes, ended_steps=ended_steps, num_steps=num_steps))


def with_velocity(ids: IntArray, bins: int) -> IntArray:
    """Makes all notes louder by ``bins`` velocity bins (softer if below 0), at most 31 and at least 0."""
    passage = read_events(ids)
    notes = passage.notes
    louder = np.where(notes.velocity_bin == UNKNOWN, UNKNOWN, np.clip(notes.velocity_bin + bins, 0, NUM_BINS - 1))
    notes = GridNotes(notes.onset_steps, notes.end_steps, notes.pitch, louder)
    return write_events(replace(passage, notes=notes))


def _scaled(steps: IntArray, factor: float) -> IntArray:
    return np.floor(steps * factor + 0.5).astype(np.int64)
