"""Small pieces on which the contracts of metrics run: degenerate ones, and random music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ritornello.evaluation.metric import Change
from ritornello.scores.score import IntArray, Metre, Notes, Part, Pedal, Score, Tempo

TICKS = 480
_SHIFT_BARS = 3


def written(rows: list[tuple[int, int, int, int]], **values: object) -> Score:
    """One part in 3/4, so that bars are believed; rows in 16ths."""
    sixteenth = TICKS // 4
    notes = Notes.of([(onset * sixteenth, length * sixteenth, pitch, loud) for onset, length, pitch, loud in rows])
    return replace(Score(TICKS, (Part("piano", notes),), (Metre(0, 3, 4),), tempos=(Tempo(0, 96.0),)), **values)


def performed(rows: list[tuple[float, float, int, int]]) -> Score:
    """A recording in milliseconds at 120 beats a minute; rows in seconds."""
    notes = Notes.of([(round(a * 1000), max(1, round(b * 1000)), pitch, loud) for a, b, pitch, loud in rows])
    return Score(500, (Part("piano", notes),), tempos=(Tempo(0, 120.0),))


DEGENERATE: dict[str, Score] = {
    "no part": Score(TICKS, ()),
    "no note": written([]),
    "one note": written([(0, 4, 60, 64)]),
    "one short note": performed([(0.0, 0.001, 60, 64)]),
    "two notes": written([(0, 4, 60, 64), (4, 4, 67, 64)]),
    "one pitch": written([(4 * i, 4, 60, 64) for i in range(40)]),
    "one pitch performed": performed([(0.517 * i, 0.3, 60, 64) for i in range(40)]),
    "one chord": written([(0, 8, pitch, 64) for pitch in (48, 55, 64, 72)]),
    "one chord performed": performed([(0.013, 0.8, pitch, 64) for pitch in range(40, 80)]),
    "a note, a long rest, a note": performed([(0.0, 0.1, 50, 64), (900.0, 0.1, 51, 64)]),
}


def random_written(seed: int, num_notes: int = 300) -> Score:
    """A tonal walk in two parts, with a passage that comes back."""
    random = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    steps = 27 - np.abs(27 - (14 + np.cumsum(random.integers(-2, 3, num_notes))) % 54)  # turns back at both ends
    pitch = 40 + 12 * (steps // 7) + scale[steps % 7]
    pitch[-40:] = pitch[:40]
    onset = np.cumsum(random.choice([1, 2, 2, 4], num_notes))
    length = random.choice([1, 2, 3, 4, 6], num_notes)
    loud = random.integers(30, 100, num_notes)
    rows = list(zip(onset.tolist(), length.tolist(), pitch.tolist(), loud.tolist(), strict=True))
    upper, lower = written(rows[::2]).parts[0], written(rows[1::2]).parts[0]
    return replace(written([]), parts=(upper, replace(lower, name="bass")))


def random_performance(seed: int, num_notes: int = 400, beat_seconds: float = 0.43) -> Score:
    """The same freely played, with a pedal."""
    random = np.random.default_rng(seed)
    score = random_written(seed, num_notes)
    rows: list[tuple[float, float, int, int]] = []
    for part in score.parts:
        for onset, length, pitch, loud in part.notes.rows():
            jitter = float(random.normal(0, 0.02))
            rows.append((max(0.0, onset / TICKS * beat_seconds + 1.0 + jitter), length / TICKS * 0.4, pitch, loud))
    played = performed(rows)
    ends = np.arange(0, played.end_ticks, 700)
    pedal = Pedal.columns(ends, np.where(np.arange(len(ends)) % 2 == 0, 100, 0))
    return replace(played, parts=(replace(played.parts[0], pedal=pedal),))


def transposed_up(score: Score) -> Score:
    return _with_columns(score, lambda onset, duration, pitch, loud: (onset, duration, pitch + 5, loud))


def later(score: Score) -> Score:
    """Whole bars of silence before the piece, for a performance seconds."""
    by = _SHIFT_BARS * score.metres[0].bar_ticks(score.ticks_per_beat)
    moved = _with_columns(score, lambda onset, duration, pitch, loud: (onset + by, duration, pitch, loud))
    parts = [replace(p, pedal=Pedal.columns(p.pedal.onset_ticks + by, p.pedal.value)) for p in moved.parts]
    return replace(moved, parts=tuple(parts))


def reordered(score: Score) -> Score:
    """Parts in another order, notes listed backwards."""
    parts = [replace(p, notes=Notes.of(list(p.notes.rows())[::-1])) for p in score.parts]
    return replace(score, parts=tuple(parts[::-1]))


def louder(score: Score) -> Score:
    return _with_columns(score, lambda onset, duration, pitch, loud: (onset, duration, pitch, loud // 2 + 60))


def _with_columns(score: Score, change: Callable[..., tuple[IntArray, ...]]) -> Score:
    parts = [replace(p, notes=Notes.columns(*change(*_columns(p.notes)))) for p in score.parts]
    return replace(score, parts=tuple(parts))


def _columns(notes: Notes) -> tuple[IntArray, ...]:
    return notes.onset_ticks, notes.duration_ticks, notes.pitch, notes.velocity


CHANGES: dict[Change, Callable[[Score], Score]] = {
    "transposed up": transposed_up,
    "later": later,
    "notes reordered": reordered,
    "louder": louder,
}
