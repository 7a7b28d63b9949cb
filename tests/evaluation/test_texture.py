"""Texture: figures worked by hand, silence, and transposition."""

import math

import pytest

from ritornello.evaluation import texture
from ritornello.form.voices import frames_of
from ritornello.scores.score import Metre, Notes, Part, Score

BEAT = 4  # ticks: one tick is one frame


def score_of(*voices: list[tuple[int, int, int]], up: int = 0) -> Score:
    """Four voices of (onset, duration, pitch) in frames, in 4/4."""
    parts = [Part("", Notes.of([(on, long, pitch + up, 80) for on, long, pitch in voice])) for voice in voices]
    return Score(BEAT, tuple(parts), (Metre(0, 4, 4),))


# One bar: the soprano moves in quarters C D D G, the alto in eighths on two of them, tenor and bass hold.
SOPRANO = [(0, 4, 72), (4, 4, 74), (8, 4, 74), (12, 4, 79)]
ALTO = [(0, 4, 67), (4, 2, 67), (6, 1, 65), (7, 1, 64), (8, 8, 67)]
TENOR, BASS = [(0, 16, 64)], [(0, 16, 48)]
BAR = (SOPRANO, ALTO, TENOR, BASS)


def test_a_bar_worked_by_hand() -> None:
    result = texture.evaluate(score_of(*BAR))
    assert (result["soprano_notes"], result["alto_notes"], result["bass_notes"]) == (100.0, 125.0, 25.0)
    assert result["num_notes"] == 11
    assert result["off_beat"] == 2 / 11
    assert result["sixteenths"] == 1 / 11
    # moves: C-D, D-D, D-G; G-G, G-F, F-E, E-G
    assert result["num_moves"] == 7
    assert result["repeated"] == 2 / 7
    assert result["steps"] == 3 / 7
    assert result["together"] == 1 / 6  # moments 0 4 6 7 8 12
    # C E G; C D E G; C D E G; C E G
    assert result["dissonant"] == 0.5
    assert result["ambitus"] == 7


def test_rests_break_the_line() -> None:
    broken = [(0, 4, 72), (8, 4, 74)]
    assert texture.melodic_moves(frames_of(score_of(broken, [], [], [(0, 16, 48)]))).tolist() == []


@pytest.mark.parametrize("up", [1, 5, -7])
def test_transposing_changes_nothing(up: int) -> None:
    assert texture.evaluate(score_of(*BAR, up=up)) == texture.evaluate(score_of(*BAR))


def test_without_notes_there_is_no_figure() -> None:
    result = texture.evaluate(Score(BEAT, tuple(Part("", Notes.of([])) for _ in range(4))))
    assert (result.pop("num_notes"), result.pop("num_moves")) == (0, 0)
    assert all(math.isnan(value) for value in result.values())
