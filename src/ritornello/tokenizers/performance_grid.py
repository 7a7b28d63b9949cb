"""Performances on the grid of 10 ms that their token schemes share.

All parts of a Score are merged, since a performance is one instrument, and the sustain pedal is folded into the notes.
Onsets and ends are rounded to the nearest step from the start of the file, exactly half a step up, and a note lasts at
least one step. One pitch sounds once at a time: notes of one pitch that begin in the same step are one note, the
loudest of them and as long as the longest; where they overlap, the later onset ends the earlier note.

Notes that begin in one step keep the order in which they were played, which a step forgets; at one tick, the lower one
comes first. ``score_of`` writes this order as places of a 1/256 step, too short to be heard or to reach the next step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.clock import Clock
from ritornello.scores.score import IntArray, Notes, Part, Score, Tempo
from ritornello.scores.sustain import next_onsets, sustained

STEPS_PER_SECOND = 100
MAX_STEPS = limits.MAX_HOURS * 3600 * STEPS_PER_SECOND
"""No note ends later than this."""
NUM_PITCHES = 128
NUM_BINS = 32
DEFAULT_BIN = 16
"""Of a note before any VELOCITY, which only a fragment has."""
VELOCITIES_PER_BIN = 4
_MAX_TICKS_PER_BEAT = 1_000_000
"""So that hours in ``Clock`` stay below 2^63."""
TICKS_PER_STEP = 256
"""Above twice the 127 places that 128 notes of one step can need."""
BEATS_PER_MINUTE = 120
TICKS_PER_BEAT = TICKS_PER_STEP * STEPS_PER_SECOND * 60 // BEATS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class GridNotes:
    """Notes as columns (N,) in the order in which they begin; no pitch sounds twice at a time.

    ``onset_steps`` rises, ``end_steps`` > onset and at most ``MAX_STEPS``, ``pitch`` 0-127, ``velocity_bin`` 0-31.
    """

    onset_steps: IntArray
    end_steps: IntArray
    pitch: IntArray
    velocity_bin: IntArray

    def __len__(self) -> int:
        return len(self.pitch)


def grid_notes(score: Score, where: str = "score") -> GridNotes:
    """The notes of a Score on the grid, pedal folded in.

    Raises:
        UserError: it has more notes or lasts longer than ``limits`` allows, or its ticks are too fine; ``where`` is
            named.
    """
    limits.check_count("notes", score.num_notes, limits.MAX_NOTES, where)
    if score.ticks_per_beat > _MAX_TICKS_PER_BEAT:
        raise UserError("its clock is too fine", where=where, limit=f"{_MAX_TICKS_PER_BEAT:,} ticks per quarter note")
    notes = _merged([sustained(part) for part in score.parts])
    if not len(notes):
        return settled(*[np.zeros(0, dtype=np.int64)] * 4)
    clock = Clock.of(score)
    limits.check_hours(float(clock.seconds(notes.offset_ticks.max(keepdims=True))[0]), where)
    ends = np.minimum(clock.steps(notes.offset_ticks, STEPS_PER_SECOND), MAX_STEPS)
    onsets = clock.steps(notes.onset_ticks, STEPS_PER_SECOND)
    return settled(np.minimum(onsets, MAX_STEPS - 1), ends, notes.pitch, (notes.velocity - 1) // VELOCITIES_PER_BIN)


def score_of(notes: GridNotes) -> Score:
    """A Score of one piano part at ``TICKS_PER_STEP``; a bin's velocity is its middle, 4 b + 2."""
    onset_ticks = notes.onset_steps * TICKS_PER_STEP + _places_in_step(notes)
    columns = (
        onset_ticks,
        notes.end_steps * TICKS_PER_STEP - onset_ticks,
        notes.pitch,
        notes.velocity_bin * VELOCITIES_PER_BIN + 2,
    )
    part = Part("Piano", Notes.columns(*columns))
    return Score(TICKS_PER_BEAT, (part,), tempos=(Tempo(0, float(BEATS_PER_MINUTE)),))


def settled(onset_steps: IntArray, end_steps: IntArray, pitch: IntArray, velocity_bin: IntArray) -> GridNotes:
    """Notes in the order in which they begin, so that no pitch sounds twice at a time and each lasts a step."""
    following = next_onsets(onset_steps, pitch)
    if (following == onset_steps).any():
        onset_steps, end_steps, pitch, velocity_bin = _united(onset_steps, end_steps, pitch, velocity_bin)
        following = next_onsets(onset_steps, pitch)
    end_steps = np.minimum(np.maximum(end_steps, onset_steps + 1), following)
    return GridNotes(onset_steps, end_steps, pitch, velocity_bin)


def _merged(parts: list[Notes]) -> Notes:
    """The notes of all parts in the order in which they begin."""
    if len(parts) == 1:
        return parts[0]
    names = ("onset_ticks", "duration_ticks", "pitch", "velocity")
    empty = np.zeros(0, dtype=np.int64)
    return Notes.columns(*(np.concatenate([empty, *(getattr(notes, name) for notes in parts)]) for name in names))


def _united(onset_steps: IntArray, end_steps: IntArray, pitch: IntArray, velocity_bin: IntArray) -> list[IntArray]:
    """Notes of one pitch and one step made one: the first one's place, the last end, the highest velocity."""
    order = np.lexsort((onset_steps, pitch))
    same = (np.diff(onset_steps[order]) == 0) & (np.diff(pitch[order]) == 0)
    firsts = np.flatnonzero(np.append(True, ~same))
    ends = np.maximum.reduceat(end_steps[order], firsts)
    bins = np.maximum.reduceat(velocity_bin[order], firsts)
    kept = order[firsts]
    place = np.argsort(kept)
    kept = kept[place]
    return [onset_steps[kept], ends[place], pitch[kept], bins[place]]


def _places_in_step(notes: GridNotes) -> IntArray:
    """For each note, how often the pitch has not risen among the notes before it in its step."""
    if not len(notes):
        return np.zeros(0, dtype=np.int64)
    same_step = np.diff(notes.onset_steps, prepend=-1) == 0
    falls = np.cumsum(same_step & (np.diff(notes.pitch, prepend=-1) <= 0))
    starts = np.flatnonzero(~same_step)
    return falls - np.repeat(falls[starts], np.diff(starts, append=len(notes)))
