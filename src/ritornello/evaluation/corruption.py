"""Music spoilt in known ways: what a metric says of it is known before it is measured.

* ``shuffled``: the onsets are dealt out anew among the notes; each keeps its pitch, length and loudness.
* ``transposed``: every ten seconds begin a random transposition of -6 to 6 semitones; notes that would leave the
  piano's keys go an octave back.
* ``looped``: the first 30 seconds again and again, up to the length of the piece; notes still sounding at the end of
  a loop are cut there.

All are made in seconds from the first onset, of any score; bars, tempos and pedal stay as they are (a loop of written
music need not be whole bars long).

**Source**: ours; that a metric of structure must tell music from its shuffled and looped self.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ritornello.evaluation.metric import Corruption
from ritornello.scores.clock import Clock
from ritornello.scores.score import NO_PEDAL, IntArray, Notes, Score
from ritornello.scores.sustain import sustained

TRANSPOSED_SECONDS = 10.0
MOST_SEMITONES = 6
LOOP_SECONDS = 30.0
LOWEST, HIGHEST = 21, 108


def shuffled(score: Score, random: np.random.Generator) -> Score:
    """Onsets dealt out anew among all notes of all parts."""
    parts = [sustained(part) for part in score.parts]
    onset = random.permutation(np.concatenate([np.zeros(0, dtype=np.int64), *(n.onset_ticks for n in parts)]))
    dealt = np.split(onset, np.cumsum([len(notes) for notes in parts])[:-1]) if parts else []
    return _with_notes(
        score, [Notes.columns(o, n.duration_ticks, n.pitch, n.velocity) for o, n in zip(dealt, parts, strict=True)]
    )


def transposed(score: Score, random: np.random.Generator) -> Score:
    """A random transposition for every ten seconds."""
    clock, parts = Clock.of(score), [sustained(part) for part in score.parts]
    first = _first_seconds(clock, parts)
    num_stretches = int(clock.seconds(np.array([score.end_ticks]))[0] / TRANSPOSED_SECONDS) + 1
    by = random.integers(-MOST_SEMITONES, MOST_SEMITONES + 1, size=num_stretches)
    moved: list[Notes] = []
    for notes in parts:
        stretch = ((clock.seconds(notes.onset_ticks) - first) / TRANSPOSED_SECONDS).astype(np.int64)
        pitch = notes.pitch + by[stretch]
        pitch = pitch + 12 * (pitch < LOWEST) - 12 * (pitch > HIGHEST)
        moved.append(Notes.columns(notes.onset_ticks, notes.duration_ticks, pitch, notes.velocity))
    return _with_notes(score, moved)


def looped(score: Score, random: np.random.Generator) -> Score:
    """The first 30 seconds again and again."""
    del random  # a loop is no chance
    clock, parts = Clock.of(score), [sustained(part) for part in score.parts]
    first = _first_seconds(clock, parts)
    start, stop = clock.ticks(np.array([first, first + LOOP_SECONDS])).tolist()
    again: list[Notes] = []
    for notes in parts:
        kept = notes.onset_ticks < stop
        onset, end = notes.onset_ticks[kept], np.minimum(notes.offset_ticks[kept], stop)
        again.append(
            _repeated(Notes.columns(onset, end - onset, notes.pitch[kept], notes.velocity[kept]), start, stop, score)
        )
    return _with_notes(score, again)


CORRUPTIONS: dict[Corruption, Callable[[Score, np.random.Generator], Score]] = {
    "shuffled": shuffled,
    "transposed": transposed,
    "looped": looped,
}


def _repeated(notes: Notes, start: int, stop: int, score: Score) -> Notes:
    """Notes between two ticks, repeated to the end of the score."""
    times = max(1, -(-(score.end_ticks - start) // max(1, stop - start)))
    shift = np.repeat(np.arange(times) * (stop - start), len(notes))
    onset: IntArray = np.tile(notes.onset_ticks, times) + shift
    kept = onset < score.end_ticks
    length = np.minimum(np.tile(notes.duration_ticks, times), score.end_ticks - onset)
    return Notes.columns(
        onset[kept], length[kept], np.tile(notes.pitch, times)[kept], np.tile(notes.velocity, times)[kept]
    )


def _first_seconds(clock: Clock, parts: list[Notes]) -> float:
    """Where the first note of all begins; 0 without notes."""
    onsets = np.concatenate([np.zeros(0, dtype=np.int64), *(notes.onset_ticks[:1] for notes in parts)])
    return float(clock.seconds(onsets).min()) if len(onsets) else 0.0


def _with_notes(score: Score, notes: list[Notes]) -> Score:
    """The score with other notes; what the pedal held is in their lengths, fermatas fall away."""
    parts = [
        replace(part, notes=n, pedal=NO_PEDAL, fermatas_ticks=()) for part, n in zip(score.parts, notes, strict=True)
    ]
    return replace(score, parts=tuple(parts))
