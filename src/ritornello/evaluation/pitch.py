"""Pitch: which pitches and pitch classes a piece uses, how much, and in what order.

Nine of the thirteen features by which sets of pieces are compared (``distributions.py``); the others are in
``rhythm.py``. None depends on how loud a note is.

**Conventions** (those of ``segments.py``, and)

* Pitch classes are counted from C = 0. A pitch is used where a note of it begins.
* A histogram weighs each note by how long it sounds, in quarter notes of written music, in seconds of a performance.
  A segment's histogram takes the part of each note that sounds in it, so a chord held over a border counts on both
  sides.
* A segment in which no note begins uses 0 pitches; one in which nothing sounds has a histogram of zeros, not of nan,
  since distances are taken over all segments.
* An interval is a distance, up or down alike. Intervals and transitions go from one note to the next in the order of
  ``Timeline``, so those within a chord count too: where chords are thick, the mean interval says how wide they lie
  more than how melodies move, and shuffled onsets raise it in most performances but lower it in chorales.
* Without a note all values are nan; with one there is no interval and no transition.

**Source**: Yang and Lerch, On the evaluation of generative models in music (2018), and their mgeval; names and the
division by segments from PerceiverS (arXiv 2411.08307), section VI-A.
**Differs from** mgeval, which calls distinct pitches PC and the number of notes NC, weighs histograms by velocity as
well, and takes transitions where the end of a note lies within 0.05 s of any onset.

Shapes: N notes, S = 64 segments.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.metric import BUT_TRANSPOSED, Metric, Value
from ritornello.evaluation.segments import NUM_SEGMENTS, own_time, segment_of, shares, transitions
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import IntArray

NUM_PITCHES, NUM_CLASSES = 128, 12
_ROUNDING_SEGMENTS = 1e-6

METRICS: tuple[Metric, ...] = (
    Metric(
        "pitch_classes_used",
        "count",
        "How many of the twelve pitch classes are used.",
        moves={"shuffled": "same", "looped": "down"},
        low=1.0,
        high=NUM_CLASSES,
    ),
    Metric(
        "pitches_used",
        "count",
        "How many different pitches are used.",
        moves={"shuffled": "same", "transposed": "up", "looped": "down"},
        low=1.0,
        high=NUM_PITCHES,
    ),
    Metric(
        "pitch_class_histogram",
        "share",
        "For how much of the sounding time each pitch class sounds.",
        shape=(NUM_CLASSES,),
        keeps=BUT_TRANSPOSED,
        moves={"shuffled": "same", "transposed": "away", "looped": "away"},
        high=1.0,
    ),
    Metric(
        "pitch_class_transitions",
        "share",
        "How often each pitch class follows each other one, of all steps from note to note.",
        shape=(NUM_CLASSES, NUM_CLASSES),
        keeps=BUT_TRANSPOSED,
        moves={"shuffled": "away", "transposed": "away", "looped": "away"},
        high=1.0,
    ),
    Metric(
        "pitch_range_semitones",
        "semitones",
        "From the lowest to the highest pitch.",
        moves={"shuffled": "same", "transposed": "up", "looped": "down"},
        high=NUM_PITCHES - 1,
    ),
    Metric(
        "pitch_interval_semitones",
        "semitones",
        "Mean distance from one note to the next.",
        high=NUM_PITCHES - 1,
    ),
    Metric(
        "pitch_classes_used_per_segment",
        "count",
        "How many pitch classes are used in each of 64 equal segments.",
        shape=(NUM_SEGMENTS,),
        moves={"shuffled": "away", "transposed": "away", "looped": "away"},
        high=NUM_CLASSES,
    ),
    Metric(
        "pitches_used_per_segment",
        "count",
        "How many different pitches are used in each of 64 equal segments.",
        shape=(NUM_SEGMENTS,),
        moves={"shuffled": "away", "transposed": "away", "looped": "away"},
        high=NUM_PITCHES,
    ),
    Metric(
        "pitch_class_histogram_per_segment",
        "share",
        "For how much of the sounding time each pitch class sounds, in each of 64 equal segments.",
        shape=(NUM_SEGMENTS, NUM_CLASSES),
        keeps=BUT_TRANSPOSED,
        moves={"shuffled": "away", "transposed": "away", "looped": "away"},
        high=1.0,
    ),
)


def evaluate(notes: Timeline) -> dict[str, Value]:
    """All values of this file."""
    onset, offset = own_time(notes)
    segment = segment_of(onset, float(offset.max(initial=0.0)))
    pitch_class = notes.pitch % NUM_CLASSES
    return {
        "pitch_classes_used": num_used(pitch_class),
        "pitches_used": num_used(notes.pitch),
        "pitch_class_histogram": pitch_class_histogram(pitch_class, offset - onset),
        "pitch_class_transitions": transitions(pitch_class, NUM_CLASSES),
        "pitch_range_semitones": float(np.ptp(notes.pitch)) if len(notes) else np.nan,
        "pitch_interval_semitones": mean_interval(notes.pitch),
        "pitch_classes_used_per_segment": num_used_per_segment(pitch_class, segment),
        "pitches_used_per_segment": num_used_per_segment(notes.pitch, segment),
        "pitch_class_histogram_per_segment": pitch_class_histogram_per_segment(pitch_class, onset, offset),
    }


def num_used(pitch: IntArray) -> float:
    """How many different values the pitches or pitch classes (N,) take; nan without any."""
    return float(np.count_nonzero(np.bincount(pitch))) if len(pitch) else np.nan


def mean_interval(pitch: IntArray) -> float:
    """Mean distance in semitones from each pitch (N,) to the next; nan with fewer than two."""
    return float(np.abs(np.diff(pitch)).mean()) if len(pitch) > 1 else np.nan


def pitch_class_histogram(pitch_class: IntArray, length: FloatArray) -> FloatArray:
    """Shares (12,) of the lengths (N,) by pitch class (N,); nan without notes."""
    if not len(pitch_class):
        return np.full(NUM_CLASSES, np.nan)
    return shares(np.bincount(pitch_class, length, NUM_CLASSES).astype(np.float64))


def num_used_per_segment(pitch: IntArray, segment: IntArray) -> FloatArray:
    """How many different pitches or pitch classes (N,) begin in each segment (S,); nan without notes at all.

    Args:
        pitch: of each note, 0-127 (or its class).
        segment: in which each note begins.
    """
    if not len(pitch):
        return np.full(NUM_SEGMENTS, np.nan)
    used = np.zeros((NUM_SEGMENTS, NUM_PITCHES), dtype=np.bool_)
    used[segment, pitch] = True
    return used.sum(axis=1).astype(np.float64)


def pitch_class_histogram_per_segment(pitch_class: IntArray, onset: FloatArray, offset: FloatArray) -> FloatArray:
    """Shares (S, 12) of what sounds in each segment by pitch class; zeros where nothing does, nan without notes at all.

    Args:
        pitch_class: of each note (N,).
        onset: where it begins (N,), from the first onset.
        offset: where it ends (N,).
    """
    if not len(pitch_class):
        return np.full((NUM_SEGMENTS, NUM_CLASSES), np.nan)
    length = offset - onset
    borders = np.linspace(0.0, float(offset.max()), NUM_SEGMENTS + 1)
    sounded = np.stack(
        [np.bincount(pitch_class, np.clip(border - onset, 0.0, length), NUM_CLASSES) for border in borders]
    )
    sounding = np.diff(sounded, axis=0)
    sounding[sounding < _ROUNDING_SEGMENTS * borders[1]] = 0.0  # a note that ends on a border is not in the next one
    return shares(sounding)
