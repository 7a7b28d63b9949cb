"""A piece as its measures see it: notes in seconds and in beats, in one settled order.

**Conventions**

* A note lasts as long as it sounds: what the sustain pedal holds is counted in (``scores/sustain.py``), so that a
  recording and the tokens made of it are measured alike.
* Notes stand in the order of their chords, those of one chord from low to high, since no two sources agree on the order
  in which simultaneous notes are written. In a performance a note that begins at most ``CHORD_SECONDS`` after the one
  before it belongs to its chord; in written music a chord is what begins at the same tick.
* Written music has bars, a performance has none (``form/timing.py`` tells them apart); beats of a performance are those
  of the file and mean nothing.
* Seconds are counted from the first onset, so that silence before a piece changes nothing.

Shapes: N notes, B bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.form.timing import is_performance
from ritornello.scores.clock import Clock
from ritornello.scores.score import IntArray, Score
from ritornello.scores.sustain import sustained

FloatArray: TypeAlias = NDArray[np.float64]

CHORD_SECONDS = 0.03
_ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """N notes in order of chord, then pitch. All arrays are (N,) but ``bar_beats``."""

    score: Score
    """What it was made of."""
    pitch: IntArray
    velocity: IntArray
    onset_seconds: FloatArray
    """From the first onset, which is 0."""
    offset_seconds: FloatArray
    onset_beats: FloatArray
    """Quarter notes from the beginning of the score."""
    offset_beats: FloatArray
    chord: IntArray
    """Number of the chord, from 0."""
    bar_beats: FloatArray | None
    """Where bars begin, from that of the first onset on, and where the last one ends (B + 1,), in quarter notes; None
    for a performance."""

    @classmethod
    def of(cls, score: Score, *, written: bool | None = None) -> Timeline:
        """The notes of all parts.

        Args:
            score: the piece.
            written: whether its bars are to be believed; None = as ``is_performance`` finds.
        """
        written = not is_performance(score) if written is None else written
        clock, beat = Clock.of(score), float(score.ticks_per_beat)
        onset, offset, pitch, velocity = _columns(score)
        seconds = clock.seconds(onset)
        apart = np.diff(onset) > 0 if written else np.diff(seconds) > CHORD_SECONDS + _ROUNDING_SECONDS
        chord = np.concatenate([np.zeros(min(1, len(onset)), dtype=np.int64), np.cumsum(apart, dtype=np.int64)])
        order = np.lexsort((onset, pitch, chord))
        first = seconds[0] if len(seconds) else 0.0
        arrays = (
            pitch[order],
            velocity[order],
            seconds[order] - first,
            clock.seconds(offset[order]) - first,
            onset[order] / beat,
            offset[order] / beat,
            chord,
        )
        for array in arrays:
            array.setflags(write=False)
        return cls(score, *arrays, _bar_beats(score, onset) if written else None)

    def __len__(self) -> int:
        return len(self.pitch)

    @property
    def is_written(self) -> bool:
        """Whether there are bars."""
        return self.bar_beats is not None

    @property
    def seconds(self) -> float:
        """From the first onset to the last end; 0 without notes."""
        return float(self.offset_seconds.max(initial=0.0))

    @property
    def length_seconds(self) -> FloatArray:
        """How long each note sounds."""
        return self.offset_seconds - self.onset_seconds


def _columns(score: Score) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Onset and offset in ticks, pitch and velocity of the notes of all parts, in order of onset, then pitch."""
    notes = [sustained(part) for part in score.parts]
    nothing = np.zeros(0, dtype=np.int64)
    onset = np.concatenate([nothing, *(n.onset_ticks for n in notes)])
    offset = np.concatenate([nothing, *(n.offset_ticks for n in notes)])
    pitch = np.concatenate([nothing, *(n.pitch for n in notes)])
    velocity = np.concatenate([nothing, *(n.velocity for n in notes)])
    order = np.lexsort((velocity, offset, pitch, onset))
    return onset[order], offset[order], pitch[order], velocity[order]


def _bar_beats(score: Score, onset_ticks: IntArray) -> FloatArray:
    """Borders of the bars (B + 1,) in quarter notes, from the bar of the first onset on; (1,) without notes."""
    first = int(onset_ticks[0]) if len(onset_ticks) else score.end_ticks
    bars = [(start, end) for start, end in score.bars() if end > first]
    borders = np.array([bars[0][0] if bars else 0, *(end for _, end in bars)], dtype=np.float64)
    return borders / score.ticks_per_beat
