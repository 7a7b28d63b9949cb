"""A Score bar by bar: which melody notes begin where in each bar, and what sounds below them.

All bars are windows of one length from the piece's beginning. A pickup belongs to the first of them: a section of a
Plan begins as much before a barline as the piece does, and so do these bars.

The melody is the part that is named so, else the highest sounding line. What accompanies it is all other parts, or
everything if there are none.

Shapes: N bars, F frames (16ths) in each, B beats in each.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.evidence import FloatArray
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Part, Score

MELODY_NAMES = ("melody", "vocal", "voice", "lead", "solo", "singer")


class Bars(NamedTuple):
    """What the bars of a piece hold."""

    pitch_NF: IntArray
    """Pitch of the melody note that begins in a frame, -1 where none does."""
    sounds_NF: NDArray[np.bool_]
    """Whether the melody sounds."""
    line_NBC: FloatArray
    """(N, B, 12) how much of the beat each pitch class of the melody sounds, scaled to length 1 or all 0."""
    chroma_NBC: FloatArray
    """(N, B, 12) the same of the accompaniment."""

    @property
    def num_bars(self) -> int:
        """N."""
        return len(self.pitch_NF)

    @property
    def onsets(self) -> NDArray[np.bool_]:
        """(N, F) whether a melody note begins."""
        return self.pitch_NF != REST

    @property
    def melodic(self) -> NDArray[np.bool_]:
        """(N,) whether the melody takes part in a bar: upbeats in its second half belong to what follows."""
        half = max(1, self.sounds_NF.shape[1] // 2)
        return np.any(self.sounds_NF[:, :half], axis=1, keepdims=True)[:, 0]


def bars_of(score: Score, bar_frames: int, num_bars: int | None = None) -> Bars:
    """The bars of a score, the last one filled with silence; none of a score without notes.

    Args:
        score: any score; notes go to the nearest 16th.
        bar_frames: length of a bar.
        num_bars: how many there are to be; None = as many as the score fills.
    """
    melody = melody_part(score)
    others = tuple(part for part in score.parts if part is not melody and len(part.notes)) or score.parts
    tune = frames_of(dataclasses.replace(score, parts=(melody,) if melody else score.parts))
    num_frames = -(-score.end_ticks * FRAMES_PER_BEAT // score.ticks_per_beat) if score.num_notes else 0
    num_bars = -(-num_frames // bar_frames) if num_bars is None else num_bars
    pitch = _padded(tune.pitch[:, 0], num_bars * bar_frames)
    struck = _padded(tune.struck[:, 0].astype(np.int64), num_bars * bar_frames) > 0
    line = ((pitch % 12)[:, None] == np.arange(12)) & (pitch != REST)[:, None]
    return Bars(
        np.where(struck, pitch, REST).reshape(num_bars, bar_frames),
        (pitch != REST).reshape(num_bars, bar_frames),
        _by_beat(line.astype(np.float64), num_bars, bar_frames),
        _by_beat(_chroma(score, others, num_bars * bar_frames), num_bars, bar_frames),
    )


def melody_part(score: Score) -> Part | None:
    """The part that is named as the melody and has notes; None if there is none, or it is alone."""
    named = [part for part in score.parts if part.name.strip().lower().startswith(MELODY_NAMES) and len(part.notes)]
    return named[0] if named and sum(len(part.notes) > 0 for part in score.parts) > 1 else None


def _padded(column: IntArray, num_frames: int) -> IntArray:
    """Frames up to ``num_frames``, with rests at the end."""
    return np.concatenate([column, np.full(max(0, num_frames - len(column)), REST)])[:num_frames]


def _by_beat(frames: FloatArray, num_bars: int, bar_frames: int) -> FloatArray:
    """(N, B, 12) of frames (N * F, 12): the sum over each beat, scaled to length 1."""
    if not num_bars:
        return np.zeros((0, -(-bar_frames // FRAMES_PER_BEAT), 12))
    starts = np.arange(0, bar_frames, FRAMES_PER_BEAT)
    beats = np.add.reduceat(frames.reshape(num_bars, bar_frames, 12), starts, axis=1)
    length = np.linalg.norm(beats, axis=2, keepdims=True)
    return np.divide(beats, length, out=np.zeros_like(beats), where=length > 0)


def _chroma(score: Score, parts: tuple[Part, ...], num_frames: int) -> FloatArray:
    """(F, 12) 1 where a pitch class sounds."""
    change = np.zeros((num_frames + 1, 12))
    for part in parts:
        start, end = (
            np.round(ticks * FRAMES_PER_BEAT / score.ticks_per_beat).astype(np.int64)
            for ticks in (part.notes.onset_ticks, part.notes.offset_ticks)
        )
        start = np.clip(start, 0, max(0, num_frames - 1))
        np.add.at(change, (start, part.notes.pitch % 12), 1)
        np.add.at(change, (np.clip(np.maximum(end, start + 1), 0, num_frames), part.notes.pitch % 12), -1)
    return (np.cumsum(change, axis=0)[:num_frames] > 0.5).astype(np.float64)
