"""The sustain pedal folded into the durations of notes.

A note whose key is let go while the pedal is down sounds until the pedal comes up, or until its key is struck again.
A pedal that goes down at the very tick of a key's release still catches the note. One that never comes up holds until
the last release of a key or the last pedal event, whichever is later. A key held longer than the pedal is not touched,
and no note is made longer than up to the next onset of its pitch in the same part. There is no half-pedalling.
"""

from __future__ import annotations

import numpy as np

from ritornello.scores.score import IntArray, Notes, Part

PEDAL_DOWN = 64
"""From this controller value on, the pedal is down."""


def sustained(part: Part) -> Notes:
    """The notes of a part as long as they sound; without a pedal, the notes themselves."""
    notes = part.notes
    down = part.pedal.value >= PEDAL_DOWN
    if not len(notes) or not down.any():
        return notes
    ends, onsets = notes.offset_ticks, part.pedal.onset_ticks
    changes = onsets.take(np.flatnonzero(np.diff(down, prepend=False)))  # it goes down, up, down, up ...
    never = max(int(ends.max()), int(onsets[-1]))
    place = np.searchsorted(changes, ends, side="right")  # 0 = before it first goes down
    held = place % 2 == 1
    limit = np.minimum(np.append(changes, never).take(place), next_onsets(notes.onset_ticks, notes.pitch))
    duration_ticks = np.where(held, np.maximum(ends, limit), ends) - notes.onset_ticks
    duration_ticks.setflags(write=False)
    return Notes(notes.onset_ticks, duration_ticks, notes.pitch, notes.velocity)


def next_onsets(onsets: IntArray, pitch: IntArray) -> IntArray:
    """For each note (N,), where the next note of its pitch begins; 2^62 where none does. Onsets are in order."""
    order = np.argsort(pitch.astype(np.uint8), kind="stable")  # bytes are sorted in linear time
    sorted_pitch = pitch.take(order)
    following = np.full(len(pitch), 1 << 62)
    again = np.flatnonzero(sorted_pitch[1:] == sorted_pitch[:-1])
    following[order.take(again)] = onsets.take(order.take(again + 1))
    return following
