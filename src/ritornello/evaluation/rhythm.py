"""Rhythm: how fast notes follow each other, and how long they last.

Four of the thirteen features by which sets of pieces are compared (``distributions.py``); the others are in
``pitch.py``.

**Conventions** (those of ``segments.py``, and)

* An inter-onset interval goes from the beginning of one chord to that of the next, in seconds always; the notes of a
  chord are one onset, so that thick chords are no fast rhythm.
* In a segment it is the mean of the intervals that begin there. Where none begins, it is the one that fills the
  segment; from the last chord on, the time between that chord and the end of the piece. So a silence of 20 s is an
  interval of 20 s in every segment that it fills, and none is nan.
* Lengths are those of sound, pedal included. In written music each goes to the nearest of mgeval's twelve values
  (``NOTE_VALUES``; of two equally near the one that mgeval lists first), relative to a whole note, whatever the bar.
  A performance has no note values: its lengths fall in twelve classes between fixed borders
  (``LENGTH_BORDERS_SECONDS``), two to each doubling; one on a border is in the longer class.
* Histograms of lengths count notes. Transitions go from one note to the next in the order of ``Timeline``, so those
  within a chord count too.
* Without a note all values are nan; with one chord there is no interval, with one note no transition.

**Source**: Yang and Lerch, On the evaluation of generative models in music (2018), and their mgeval; the division by
segments from PerceiverS (arXiv 2411.08307), section VI-A. The classes in seconds are ours.
**Differs from** mgeval, which counts an interval of 0 for every further note of a chord, and whose note values are
relative to the bar: a quarter note of 3/4 is a "half note triplet" there.

Shapes: N notes, C chords, S = 64 segments.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.segments import NUM_SEGMENTS, own_time, segment_of, transitions
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import IntArray

NOTE_VALUES: dict[str, int] = {
    "whole": 96,
    "half": 48,
    "quarter": 24,
    "eighth": 12,
    "16th": 6,
    "dotted half": 72,
    "dotted quarter": 36,
    "dotted eighth": 18,
    "dotted 16th": 9,
    "half triplet": 32,
    "quarter triplet": 16,
    "eighth triplet": 8,
}
"""Length classes of written music, in 96ths of a whole note, in the order of mgeval."""
LENGTH_BORDERS_SECONDS: FloatArray = 2.0 ** np.linspace(-4, 1, 11)
"""Between the length classes of a performance: 62.5, 88, 125, 177, 250, 354, 500 and 707 ms, 1, 1.4 and 2 s."""
NUM_LENGTHS = len(NOTE_VALUES)
_ROUNDING_SECONDS = 1e-6

METRICS: tuple[Metric, ...] = (
    Metric(
        "inter_onset_seconds",
        "seconds",
        "Mean time from the beginning of one chord to that of the next.",
        moves={"shuffled": "same", "transposed": "same"},
    ),
    Metric(
        "inter_onset_seconds_per_segment",
        "seconds",
        "Mean time from the beginning of one chord to that of the next, in each of 64 equal segments.",
        shape=(NUM_SEGMENTS,),
        moves={"transposed": "same", "looped": "away"},
    ),
    Metric(
        "note_length_histogram",
        "share",
        "How many notes belong to each of twelve classes of length.",
        shape=(NUM_LENGTHS,),
        moves={"shuffled": "same", "transposed": "same", "looped": "away"},
        high=1.0,
    ),
    Metric(
        "note_length_transitions",
        "share",
        "How often each class of length follows each other one, of all steps from note to note.",
        shape=(NUM_LENGTHS, NUM_LENGTHS),
        moves={"shuffled": "away", "looped": "away"},
        high=1.0,
    ),
)


def evaluate(notes: Timeline) -> dict[str, Value]:
    """All values of this file."""
    length = length_class(notes)
    return {
        "inter_onset_seconds": mean_inter_onset(notes),
        "inter_onset_seconds_per_segment": inter_onset_per_segment(notes),
        "note_length_histogram": note_length_histogram(length),
        "note_length_transitions": transitions(length, NUM_LENGTHS),
    }


def mean_inter_onset(notes: Timeline) -> float:
    """Mean time in seconds between the beginnings of successive chords; nan with fewer than two."""
    onsets = _chord_onsets(notes, notes.onset_seconds)
    return float(np.diff(onsets).mean()) if len(onsets) > 1 else np.nan


def inter_onset_per_segment(notes: Timeline) -> FloatArray:
    """The same (S,) of the intervals that begin in each segment, or of the one that fills it; nan without notes."""
    if not len(notes):
        return np.full(NUM_SEGMENTS, np.nan)
    onset, offset = own_time(notes)
    segment = segment_of(_chord_onsets(notes, onset), float(offset.max()))
    interval = np.diff(_chord_onsets(notes, notes.onset_seconds), append=notes.seconds)
    num_begun = np.bincount(segment[:-1], minlength=NUM_SEGMENTS)
    begun = np.bincount(segment[:-1], interval[:-1], NUM_SEGMENTS)
    running = interval[np.searchsorted(segment, np.arange(NUM_SEGMENTS), side="right") - 1]
    return np.divide(begun, num_begun, out=running, where=num_begun > 0)


def length_class(notes: Timeline) -> IntArray:
    """The class of length (N,), 0 to 11: a place in ``NOTE_VALUES``, or the number of borders not above it."""
    if not notes.is_written:
        return np.searchsorted(LENGTH_BORDERS_SECONDS, notes.length_seconds + _ROUNDING_SECONDS, side="right")
    length = np.round((notes.offset_beats - notes.onset_beats) * 24, 6)  # 96ths of a whole note; ties stay ties
    return np.abs(length[:, None] - np.array(list(NOTE_VALUES.values()))).argmin(axis=1)


def note_length_histogram(length: IntArray) -> FloatArray:
    """Shares (12,) of classes of length (N,); nan without notes."""
    if not len(length):
        return np.full(NUM_LENGTHS, np.nan)
    return np.bincount(length, minlength=NUM_LENGTHS) / len(length)


def _chord_onsets(notes: Timeline, onset: FloatArray) -> FloatArray:
    """Where each chord begins (C,), of the onsets of its notes (N,)."""
    first = np.flatnonzero(np.diff(notes.chord, prepend=-1))
    return np.minimum.reduceat(onset, first) if len(first) else onset
