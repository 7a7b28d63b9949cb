"""Completeness: a finished piece, and one for each way not to be one."""

import numpy as np
import pytest

from ritornello.evaluation import completeness
from ritornello.form.key import Key
from ritornello.form.plan import Plan, Section
from ritornello.scores.score import Metre, Notes, Part, Score

BEAT = 480
PLAN = Plan(key="C major", metre="3/4", pickup_beats=1, sections=(Section(label="A", bars=2),))


def piece(*voices: tuple[int, ...], last_beats: int = 3, pickup: int = 1) -> Score:
    """Voices in quarter notes, the last note as long as given; 0 is a rest."""
    parts: list[Part] = []
    for voice in voices:
        lengths = [1] * (len(voice) - 1) + [last_beats]
        rows = [(i * BEAT, long * BEAT, p, 80) for i, (p, long) in enumerate(zip(voice, lengths, strict=True)) if p]
        parts.append(Part("", Notes.of(rows)))
    return Score(BEAT, tuple(parts), (Metre(0, 3, 4),), pickup_ticks=pickup * BEAT)


SOPRANO, ALTO, TENOR, BASS = (67, 72, 71, 69, 72), (64, 64, 67, 65, 67), (60, 60, 62, 60, 64), (48, 57, 55, 53, 48)


def test_a_finished_piece_passes_everything() -> None:
    assert set(completeness.evaluate(piece(SOPRANO, ALTO, TENOR, BASS), PLAN).values()) == {1.0}


@pytest.mark.parametrize(
    ("score", "failed"),
    [
        (piece(SOPRANO, ALTO, BASS), {"four_voices", "bars_full", "ends_home"}),  # the tenor had the third
        (piece(SOPRANO, ALTO, (60, 0, 0, 0, 64), BASS), {"bars_full"}),
        (piece(SOPRANO, ALTO, TENOR, BASS, last_beats=2), {"bars_full", "form_obeyed"}),
        (piece(SOPRANO, ALTO, TENOR, BASS, pickup=0), {"form_obeyed", "bars_full"}),
        (piece(SOPRANO, ALTO, TENOR, (48, 57, 55, 53, 52)), {"ends_home"}),
        (Score(BEAT, ()), {"four_voices", "bars_full", "form_obeyed", "ends_home"}),
    ],
)
def test_each_fault_is_named(score: Score, failed: set[str]) -> None:
    result = completeness.evaluate(score, PLAN)
    assert {name for name, value in result.items() if not value} == {*failed, "complete"}


@pytest.mark.parametrize(
    ("chord", "key", "expected"),
    [
        ((72, 67, 64, 48), "C major", True),
        ((72, 64, 60, 48), "C major", True),  # the fifth may be missing
        ((72, 67, 60, 48), "C major", False),  # the third may not
        ((72, 67, 63, 48), "C major", False),
        ((72, 67, 63, 48), "c minor", True),
        ((72, 67, 64, 48), "c minor", True),  # Picardy
        ((70, 67, 64, 48), "C major", False),
        ((72, 67, 64, 52), "C major", False),
        ((-1, -1, -1, -1), "C major", False),
    ],
)
def test_tonic_triads(chord: tuple[int, ...], key: str, *, expected: bool) -> None:
    for semitones in range(12):
        moved = np.array([pitch + semitones if pitch > 0 else -1 for pitch in chord])
        parsed = Key.parse(key)
        tonic = Key.from_pitch_class(parsed.tonic_pitch_class + semitones, parsed.mode)
        assert completeness.is_tonic_triad(moved, tonic) == expected
