"""Short pieces written down as rows of notes, for tests of measures."""

from __future__ import annotations

from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Metre, Notes, Part, Score, Tempo


def played(*rows: tuple[float, float, int]) -> Timeline:
    """A performance of notes (onset, end, pitch) in seconds."""
    notes = Notes.of([(round(1000 * a), round(1000 * (b - a)), pitch, 64) for a, b, pitch in rows])
    return Timeline.of(Score(500, (Part("", notes),)), written=False)


def written(*rows: tuple[float, float, int], bpm: float = 60.0) -> Timeline:
    """Written music of notes (onset, end, pitch) in quarter notes."""
    notes = Notes.of([(round(12 * a), round(12 * (b - a)), pitch, 64) for a, b, pitch in rows])
    return Timeline.of(Score(12, (Part("", notes),), (Metre(0, 4, 4),), tempos=(Tempo(0, bpm),)), written=True)
