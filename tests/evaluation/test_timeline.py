"""The timeline: one order, one clock, bars where there are some."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Metre, Notes, Part, Pedal, Score, Tempo


def test_chords_of_a_performance_stand_from_low_to_high() -> None:
    """Onsets at 0, 20 and 50 ms are one chord (each within 30 ms of the one before), the one at 90 ms is another."""
    rows = [(0, 100, 64, 60), (20, 100, 60, 60), (50, 100, 67, 60), (90, 100, 40, 60)]
    score = Score(500, (Part("", Notes.of(rows)),), tempos=(Tempo(0, 120.0),))
    notes = Timeline.of(score, written=False)
    assert notes.pitch.tolist() == [60, 64, 67, 40]
    assert notes.chord.tolist() == [0, 0, 0, 1]
    assert notes.onset_seconds.tolist() == [0.02, 0.0, 0.05, 0.09]
    assert notes.bar_beats is None


def test_written_notes_of_one_tick_are_a_chord() -> None:
    rows = [(0, 10, 64, 60), (0, 10, 60, 60), (1, 10, 55, 60)]
    notes = Timeline.of(Score(480, (Part("", Notes.of(rows)),)), written=True)
    assert notes.chord.tolist() == [0, 0, 1]
    assert notes.pitch.tolist() == [60, 64, 55]


def test_seconds_begin_at_the_first_onset_and_follow_the_tempo() -> None:
    """At 60 a beat lasts a second; from beat 4 on, at 120, half a second."""
    rows = [(960, 480, 60, 60), (1920, 480, 62, 60), (2400, 960, 64, 60)]
    score = Score(480, (Part("", Notes.of(rows)),), (Metre(0, 3, 4),), tempos=(Tempo(0, 60.0), Tempo(1920, 120.0)))
    notes = Timeline.of(score)
    assert notes.onset_seconds.tolist() == [0.0, 2.0, 2.5]
    assert notes.length_seconds.tolist() == [1.0, 0.5, 1.0]
    assert notes.onset_beats.tolist() == [2.0, 4.0, 5.0]
    assert notes.seconds == 3.5
    assert notes.bar_beats is not None
    assert notes.bar_beats.tolist() == [0.0, 3.0, 6.0, 7.0]


def test_bars_before_the_first_note_are_none() -> None:
    score = Score(480, (Part("", Notes.of([(480 * 7, 480, 60, 60)])),), (Metre(0, 3, 4),))
    notes = Timeline.of(score)
    assert notes.bar_beats is not None
    assert notes.bar_beats.tolist() == [6.0, 8.0]


def test_the_pedal_lengthens_notes() -> None:
    pedal = Pedal.columns(np.array([50, 400]), np.array([127, 0]))
    score = Score(500, (Part("", Notes.of([(0, 100, 60, 60)]), pedal=pedal),), tempos=(Tempo(0, 120.0),))
    assert Timeline.of(score, written=False).length_seconds.tolist() == [0.4]


@pytest.mark.parametrize("parts", [(), (Part("", Notes.of([])),)])
def test_nothing_is_a_timeline_too(parts: tuple[Part, ...]) -> None:
    notes = Timeline.of(Score(480, parts))
    assert len(notes) == 0
    assert notes.seconds == 0.0
    assert notes.bar_beats is not None
    assert notes.bar_beats.tolist() == [0.0]


def test_columns_cannot_be_written_to() -> None:
    notes = Timeline.of(Score(480, (Part("", Notes.of([(0, 480, 60, 60)])),)))
    with pytest.raises(ValueError, match="read-only"):
        notes.pitch[0] = 61
