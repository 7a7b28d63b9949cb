"""The second opinion on keys: hand-worked shares with a plain judge, and music21 itself."""

import math
import sys

import numpy as np
import pytest

from ritornello.evaluation import keys
from ritornello.form.plan import Phrase, Plan, Section
from ritornello.scores.score import Notes, Part, Score

BEAT = 480
C_MAJOR = (60, 62, 64, 65, 67, 71, 67, 60)
A_MINOR = (57, 59, 60, 62, 64, 65, 68, 57)


def melody(*pitches: int) -> Score:
    return Score(BEAT, (Part("tune", Notes.of([(i * BEAT, BEAT, p, 80) for i, p in enumerate(pitches) if p])),))


def plan_of(*names: str | None) -> Plan:
    """One section of two bars for each key, and a phrase in it."""
    sections = tuple(
        Section(label=chr(65 + i), bars=2, key=name, phrases=(Phrase(beats=8, key=name),))
        for i, name in enumerate(names)
    )
    return Plan(key=names[0], metre="4/4", pickup_beats=0, sections=sections)


def longest(durations: np.ndarray) -> tuple[int, str]:
    """The longest pitch class is the tonic of a major key."""
    return int(durations.argmax()), "major"


@pytest.mark.parametrize(
    ("names", "phrases", "piece"),
    [(("C major", "A major"), 1.0, 1.0), (("C major", "a minor"), 0.5, 1.0), (("D major", "a minor"), 0.0, 0.0)],
)
def test_shares_of_keys_that_the_judge_finds(names: tuple[str, str], phrases: float, piece: float) -> None:
    score = melody(60, 60, 60, 60, 60, 64, 67, 60, 57, 57, 57, 61, 64, 57, 60, 60)
    result = keys.evaluate(score, plan_of(*names), longest)
    assert result == {"judged_key_phrases": phrases, "judged_key_sections": phrases, "judged_key_piece": piece}


def test_open_keys_and_silence_are_not_counted() -> None:
    assert keys.evaluate(melody(*C_MAJOR), plan_of("C major", "D major"), longest)["judged_key_phrases"] == 1.0
    result = keys.evaluate(melody(*C_MAJOR), plan_of(None), longest)
    assert all(math.isnan(value) for value in result.values())
    result = keys.evaluate(Score(BEAT, ()), plan_of("C major"), longest)
    assert all(math.isnan(value) for value in result.values())


@pytest.mark.parametrize("semitones", [0, 3, 7])
def test_music21_hears_plain_tunes(semitones: int) -> None:
    pytest.importorskip("music21")
    judge = keys.music21_judge()
    for scale, expected in ((C_MAJOR, (0, "major")), (A_MINOR, (9, "minor"))):
        durations = np.bincount((np.array(scale) + semitones) % 12, minlength=12)
        assert judge(durations) == ((expected[0] + semitones) % 12, expected[1])


def test_without_music21_there_is_a_warning_and_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21.note", None)
    with pytest.warns(UserWarning, match="music21 is not installed"):
        result = keys.evaluate(melody(*C_MAJOR), plan_of("C major"))
    assert len(result) == 3
    assert all(math.isnan(value) for value in result.values())
