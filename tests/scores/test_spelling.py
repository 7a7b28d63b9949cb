"""How pitches are written in a key."""

from __future__ import annotations

import pytest

from ritornello.scores import KeySignature, Mode, Notes, Part, Score
from ritornello.scores.spelling import SpelledPitch, Spelling, signature_alter


def names(fifths: int, mode: Mode | None, last_bass: int = 48) -> list[str]:
    """The spelling of the twelve pitches above middle C."""
    score = Score(480, (Part("", Notes.of([(0, 480, last_bass, 64)])),), keys=(KeySignature(0, fifths, mode),))
    spelling = Spelling(score)
    signs = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
    return [spelled.step + signs[spelled.alter] for spelled in (spelling.of(p, 0) for p in range(60, 72))]


@pytest.mark.parametrize(
    ("fifths", "mode", "expected"),
    [
        (0, "major", "C C# D Eb E F F# G G# A Bb B"),
        (0, "minor", "C C# D D# E F F# G G# A Bb B"),
        (-2, "minor", "C C# D Eb E F F# G Ab A Bb B"),
        (-3, "major", "C Db D Eb E F Gb G Ab A Bb B"),
        (4, "major", "B# C# D D# E E# F# G G# A A# B"),
        (7, "minor", "B# C# C## D# D## E# F# F## G# G## A# B"),
    ],
)
def test_twelve_names(fifths: int, mode: Mode, expected: str) -> None:
    assert names(fifths, mode) == expected.split()


def test_the_octave_is_that_of_the_letter() -> None:
    spelling = Spelling(Score(480, (), keys=(KeySignature(0, 7, "major"),)))
    assert spelling.of(60, 0) == SpelledPitch("B", 1, 3)
    spelling = Spelling(Score(480, (), keys=(KeySignature(0, -7, "major"),)))
    assert spelling.of(59, 0) == SpelledPitch("C", -1, 4)


def test_an_open_mode_is_read_from_the_last_bass_note() -> None:
    assert names(-2, None, last_bass=43) == names(-2, "minor")
    assert names(-2, None, last_bass=46) == names(-2, "major")


def test_a_later_key_counts_from_its_place() -> None:
    spelling = Spelling(Score(480, (), keys=(KeySignature(0, 0, "major"), KeySignature(960, -4, "minor"))))
    assert [spelling.of(61, tick).step for tick in (0, 959, 960)] == ["C", "C", "D"]


def test_what_a_signature_alters() -> None:
    assert [step for step in "CDEFGAB" if signature_alter(step, 2) == 1] == ["C", "F"]
    assert [step for step in "CDEFGAB" if signature_alter(step, -3) == -1] == ["E", "A", "B"]
