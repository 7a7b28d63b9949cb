"""Dynamics: how full and how loud a piece is. No goal but to be like the reference.

The first figures to look at: music that has died away, hangs on a chord or is hammered out at one velocity is seen
here before any other measure speaks.

**Conventions**

* A piece runs from its first onset to its last end, in seconds; written music without a tempo goes at 120 beats a
  minute.
* A pitch that sounds twice at a time (in two parts, or struck again under its own sound) sounds once.
* Velocities are those of MIDI, 1 to 127, of each note alike; the spread is their standard deviation.
* Without a note all values are nan.

**Source**: polyphony as in muspy (Dong et al., ISMIR 2020), in seconds instead of time steps; the others are counts.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.metric import EVERY_CHANGE, Metric, Value
from ritornello.evaluation.timeline import FloatArray, Timeline

_BUT_LOUDER = EVERY_CHANGE - {"louder"}

METRICS: tuple[Metric, ...] = (
    Metric(
        "notes_per_second",
        "notes per second",
        "How many notes begin in a second, over the whole piece.",
        moves={"transposed": "same"},
    ),
    Metric(
        "polyphony",
        "pitches",
        "How many different pitches sound at once, on average while any sounds.",
        low=1.0,
        high=128.0,
    ),
    Metric(
        "silent",
        "share",
        "For how much of the piece nothing sounds.",
        moves={"transposed": "same"},
        high=1.0,
    ),
    Metric(
        "velocity_mean",
        "MIDI velocity",
        "How loud the notes are, on average.",
        keeps=_BUT_LOUDER,
        moves={"shuffled": "same", "transposed": "same"},
        low=1.0,
        high=127.0,
    ),
    Metric(
        "velocity_spread",
        "MIDI velocity",
        "How differently loud the notes are: their standard deviation.",
        keeps=_BUT_LOUDER,
        moves={"shuffled": "same", "transposed": "same"},
        high=63.0,
    ),
)


def evaluate(notes: Timeline) -> dict[str, Value]:
    """All values of this file."""
    if not len(notes) or not notes.seconds:
        return {metric.name: np.nan for metric in METRICS}
    onset, offset = notes.onset_seconds, notes.offset_seconds
    apart = notes.pitch * (notes.seconds + 1.0)  # each pitch in a stretch of time of its own
    sounding = covered_seconds(onset, offset)
    return {
        "notes_per_second": len(notes) / notes.seconds,
        "polyphony": covered_seconds(onset + apart, offset + apart) / sounding,
        "silent": max(0.0, 1.0 - sounding / notes.seconds),
        "velocity_mean": float(notes.velocity.mean()),
        "velocity_spread": float(notes.velocity.std()),
    }


def covered_seconds(onset: FloatArray, offset: FloatArray) -> float:
    """For how long at least one of some stretches of time (N,) lasts, each from its onset to its offset."""
    order = np.argsort(onset)
    last = np.maximum.accumulate(offset[order])
    begin = np.maximum(onset[order], np.concatenate([onset[order[:1]], last[:-1]]))
    return float((last - begin).sum())
