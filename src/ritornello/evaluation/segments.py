"""What the features of pitch and rhythm count alike: a piece's own time, its 64 segments, steps from class to class.

**Conventions**

* A piece runs from its first onset to its last end. Its own time is quarter notes in written music and seconds in a
  performance, both from the first onset, so that one definition holds with bars and without.
* Segments are equal stretches of that time. A note begins in one segment (on a border, in the later one) and may
  sound in several.
* A step goes from one note to the next in the order of ``Timeline``: by chord, within a chord from low to high.

**Source**: 64 segments of equal duration: PerceiverS (arXiv 2411.08307), section VI-A; the order is left open there.

Shapes: N notes, S = ``NUM_SEGMENTS``, C classes.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import IntArray

NUM_SEGMENTS = 64
_ROUNDING_SEGMENTS = 1e-9


def own_time(notes: Timeline) -> tuple[FloatArray, FloatArray]:
    """Onsets and ends (N,) from the first onset: quarter notes of written music, seconds of a performance."""
    if notes.is_written:
        first = notes.onset_beats[:1]
        return notes.onset_beats - first, notes.offset_beats - first
    return notes.onset_seconds, notes.offset_seconds


def segment_of(time: FloatArray, end: float) -> IntArray:
    """The segment, 0 to 63, in which each moment of a piece lies that lasts until ``end``; 0 if it has no length."""
    if end <= 0:
        return np.zeros(len(time), dtype=np.int64)
    place = (time * (NUM_SEGMENTS / end) + _ROUNDING_SEGMENTS).astype(np.int64)
    return np.clip(place, 0, NUM_SEGMENTS - 1)


def shares(weights_C: FloatArray) -> FloatArray:
    """Weights (..., C) as shares of their sum over the last axis; zeros where the sum is zero."""
    total = weights_C.sum(axis=-1, keepdims=True)
    return np.divide(weights_C, total, out=np.zeros_like(weights_C), where=total > 0)


def transitions(classes: IntArray, num_classes: int) -> FloatArray:
    """Share of each step among all steps, (C, C) by (from, to), of classes (N,) in order; nan without a step.

    The shares of all pairs sum to 1, not those of each row: a row of its own would give a class heard once as much
    weight in a distance as the tonic, and counts would measure how long the piece is.
    """
    if len(classes) < 2:
        return np.full((num_classes, num_classes), np.nan)
    steps = classes[:-1] * num_classes + classes[1:]
    counts = np.bincount(steps, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes) / len(steps)
