"""Self-similarity: how alike any two moments of a piece are, and how alike moments are that lie a given time apart.

**Conventions**

* A piece is cut into frames: in a performance ``FRAME_SECONDS`` long, in written music one quarter note, from the bar
  line before the first note on, so that bars that return fall on the same frames (a frame of half a second would drift
  against them). What is longer than ``MOST_FRAMES`` frames gets longer ones: beyond ten minutes a performance is seen
  more coarsely. ``frame_seconds`` says how long one is, of written music the mean.
* A frame is its pitch classes, each weighted by how long it sounds, scaled to length 1. Silence is a thirteenth
  dimension: silent frames are alike and unlike all others.
* Two frames are as similar as the cosine between them: 0 (no pitch class in common) to 1.
* ``by_lag``: for each range of lags the lag is taken at which the piece is most like itself, over the whole piece; the
  mean over all pairs of frames is subtracted, so that 0 is what chance gives and music that keeps to a few pitch
  classes is not called repetitive for that. A lag counts only if a quarter of the piece is left to be compared.

**Source**: J. Foote, Visualizing music and audio using self-similarity (1999); M. Mueller, Fundamentals of Music
Processing (2015), section 4.2; transpositions after M. Goto (2003) as there. Chroma is taken from the notes, not from
audio. ``by_lag``: ours, after the bar similarity by lag of Museformer (arXiv:2210.10349), which needs bars.

Shapes: F frames, L ranges of lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import FloatArray, Timeline

FRAME_SECONDS = 0.5
FRAME_BEATS = 1.0
MOST_FRAMES = 1200
SILENCE = 12
LAGS_SECONDS = (2.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0)
"""Borders of the ranges of lags: above one, up to the next."""
LEAST_COMPARED = 0.25
_ROUNDING = 1e-9

Float32Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Chroma:
    """What sounds when."""

    frames_F13: Float32Array
    """Unit vectors: twelve pitch classes and silence."""
    frame_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """How alike any two frames are."""

    matrix_FF: Float32Array
    """Symmetric, 0 to 1, with ones on the diagonal."""
    frame_seconds: float


def similarity_of(notes: Timeline, *, transposed: bool = False) -> Similarity:
    """The self-similarity matrix, of at most ``MOST_FRAMES`` frames; (0, 0) without notes.

    Args:
        notes: the piece.
        transposed: whether passages on different levels are alike; then the best of the twelve transpositions counts.
    """
    chroma = chroma_of(notes)
    levels = range(12) if transposed else range(1)
    matrix = np.zeros((len(chroma.frames_F13),) * 2, dtype=np.float32)
    for level in levels:
        np.maximum(matrix, similarity_at(chroma, level), out=matrix)
    np.clip(matrix, 0.0, 1.0, out=matrix)
    np.fill_diagonal(matrix, 1.0)
    return Similarity(matrix, chroma.frame_seconds)


def similarity_at(chroma: Chroma, level: int) -> Float32Array:
    """Cosines (F, F) of each frame with each frame moved up by ``level`` semitones."""
    frames = chroma.frames_F13
    moved = np.concatenate([np.roll(frames[:, :SILENCE], level, axis=1), frames[:, SILENCE:]], axis=1)
    return frames @ moved.T


def chroma_of(notes: Timeline) -> Chroma:
    """Pitch classes per frame, weighted by how long they sound."""
    start, length, onset, offset = _frame_clock(notes)
    num_frames = int(np.ceil((offset.max(initial=start) - start) / length - _ROUNDING))
    if num_frames <= 0:
        return Chroma(np.zeros((0, SILENCE + 1), dtype=np.float32), FRAME_SECONDS)
    begin, end = np.maximum(onset - start, 0.0) / length, np.maximum(offset - start, 0.0) / length
    heard = np.stack([_heard(begin[own], end[own], num_frames) for own in _by_class(notes)], axis=1)
    heard = np.where(heard > _ROUNDING, heard, 0.0)
    frames = np.concatenate([heard, ~heard.any(axis=1, keepdims=True)], axis=1)
    frames /= np.linalg.norm(frames, axis=1, keepdims=True)
    return Chroma(frames.astype(np.float32), _mean_frame_seconds(notes, num_frames))


def by_lag(chroma: Chroma) -> FloatArray:
    """Greatest mean similarity of frames at a lag of each range (L,), above that of all pairs; nan beyond the piece."""
    frames = chroma.frames_F13.astype(np.float64)
    num_frames = len(frames)
    best = np.full(len(LAGS_SECONDS) - 1, np.nan)
    if num_frames < 2:
        return best
    spectrum = np.fft.rfft(frames, 2 * num_frames, axis=0)
    products = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=1), 2 * num_frames)[:num_frames]
    mean_at_lag = products / np.arange(num_frames, 0, -1)
    chance = products[1:].sum() / (num_frames * (num_frames - 1) / 2)
    lag = np.arange(num_frames)
    comparable = lag <= (1 - LEAST_COMPARED) * num_frames
    for place, (low, high) in enumerate(pairwise(LAGS_SECONDS)):
        seconds = lag * chroma.frame_seconds
        inside = comparable & (seconds > low + _ROUNDING) & (seconds <= high + _ROUNDING)
        if inside.any():
            best[place] = mean_at_lag[inside].max() - chance
    return best


def evaluate(notes: Timeline) -> dict[str, Value]:
    """The value of each of ``METRICS``."""
    return {"similarity_by_lag": by_lag(chroma_of(notes))}


def _frame_clock(notes: Timeline) -> tuple[float, float, FloatArray, FloatArray]:
    """Where frames begin, how long they are, onsets and offsets: in seconds, for written music in quarter notes."""
    if notes.bar_beats is None:
        start, length, onset, offset = 0.0, FRAME_SECONDS, notes.onset_seconds, notes.offset_seconds
    else:
        start, length, onset, offset = float(notes.bar_beats[0]), FRAME_BEATS, notes.onset_beats, notes.offset_beats
    return start, max(length, float(offset.max(initial=start) - start) / MOST_FRAMES), onset, offset


def _mean_frame_seconds(notes: Timeline, num_frames: int) -> float:
    """Length of a frame; of written music by the seconds that its notes take."""
    _, length, onset, offset = _frame_clock(notes)
    if notes.bar_beats is None:
        return length
    sounding = float(offset.max() - onset.min())
    return notes.seconds * length / sounding if sounding > 0 else num_frames * length * FRAME_SECONDS


def _by_class(notes: Timeline) -> list[NDArray[np.bool_]]:
    """Which notes are of each pitch class."""
    return [notes.pitch % 12 == pitch_class for pitch_class in range(12)]


def _heard(begin: FloatArray, end: FloatArray, num_frames: int) -> FloatArray:
    """For how long notes sound in each frame (F,), all times in frames.

    What has sounded up to the end of a frame grows by 1 from each onset and stops to grow at each offset; memory does
    not grow with the length of the notes.
    """
    borders = np.arange(num_frames + 1)
    so_far = np.zeros(num_frames + 1)
    for moments, sign in ((begin, 1.0), (end, -1.0)):
        frame = np.clip(np.ceil(moments), 0, num_frames + 1).astype(np.int64)
        count = np.cumsum(np.bincount(frame, minlength=num_frames + 2)[: num_frames + 1])
        total = np.cumsum(np.bincount(frame, weights=moments, minlength=num_frames + 2)[: num_frames + 1])
        so_far += sign * (borders * count - total)
    return np.diff(so_far)


METRICS = (
    Metric(
        "similarity_by_lag",
        "cosine",
        "at the most similar lag of 2-8, 8-15, 15-30, 30-60, 60-120, 120-240 s: how much more alike the piece is to "
        "itself than any two of its moments are",
        shape=(len(LAGS_SECONDS) - 1,),
        moves={"shuffled": "away", "transposed": "away", "looped": "away"},
        low=-1.0,
        high=1.0,
    ),
)
