"""Cadences: the rule on chords, and each kind once in four voices written by hand."""

from __future__ import annotations

import pytest

from ritornello.form.analyse import analyse
from ritornello.form.cadences import cadence_of
from ritornello.form.numerals import parse_chord
from ritornello.form.plan import Cadence
from ritornello.scores.score import Mode
from tests.form.music import chorale


@pytest.mark.parametrize(
    ("mode", "numerals", "degree", "cadence"),
    [
        ("major", "ii65 V7 I", 0, "perfect authentic"),
        ("minor", "i64 V V7 I", 0, "perfect authentic"),
        ("major", "V I I", 0, "perfect authentic"),
        ("major", "V I", 4, "imperfect authentic"),
        ("major", "V65 I", 0, "imperfect authentic"),
        ("major", "V I6", 0, "imperfect authentic"),
        ("major", "viio6 I", 0, "imperfect authentic"),
        ("minor", "viio7 i", 3, "imperfect authentic"),
        ("major", "IV V", 2, "half"),
        ("major", "V7/V V", 7, "half"),
        ("minor", "i64 V", 11, "half"),
        ("major", "iv6 V", 7, "half"),
        ("minor", "iv6 V", 2, "phrygian"),
        ("minor", "iv V", 2, "half"),
        ("minor", "IV6 V", 2, "half"),
        ("major", "I IV I", 4, "plagal"),
        ("minor", "iiø65 i", 0, "plagal"),
        ("major", "IV I6", 0, "none"),
        ("major", "V vi", 0, "deceptive"),
        ("minor", "V7 VI", 0, "deceptive"),
        ("minor", "V vi", 0, "none"),
        ("major", "I ii", 2, "none"),
        ("major", "I", 0, "none"),
        ("major", "I I6 I", 0, "none"),
        ("major", "V", 2, "half"),
        ("major", "V I", None, "imperfect authentic"),
        ("major", "V/V I", 0, "none"),
        ("major", "", 0, "none"),
    ],
)
def test_rule(mode: Mode, numerals: str, degree: int | None, cadence: Cadence) -> None:
    harmony = [parse_chord(name, mode) for name in numerals.split()]
    assert cadence_of(harmony, mode, degree) == cadence


OPENING_MAJOR = ["e4 f4 g4 e4", "c4 c4 d4 c4", "g3 a3 b3 g3", "c3 f3 g3 c3"]
OPENING_MINOR = ["c4 d4 e4 c4", "a3 a3 g#3 a3", "e3 f3 b3 e3", "a2 d3 e3 a2"]
ENDINGS: dict[Cadence, tuple[list[str], list[str]]] = {
    "perfect authentic": (OPENING_MAJOR, ["d4 d4 c4/2;", "c4 b3 c4/2;", "a3 g3 e3/2;", "f3 g3 c3/2;"]),
    "imperfect authentic": (OPENING_MAJOR, ["f4 d4 e4/2;", "c4 b3 c4/2;", "a3 g3 g3/2;", "f3 g3 c3/2;"]),
    "half": (OPENING_MAJOR, ["e4 f4 d4/2;", "c4 c4 b3/2;", "g3 a3 g3/2;", "c3 f3 g3/2;"]),
    "plagal": (OPENING_MAJOR, ["e4 f4 e4/2;", "c4 c4 c4/2;", "g3 a3 g3/2;", "c3 f2 c3/2;"]),
    "deceptive": (OPENING_MAJOR, ["d4 d4 c4/2;", "c4 b3 c4/2;", "a3 g3 e3/2;", "f3 g3 a3/2;"]),
    "phrygian": (OPENING_MINOR, ["c4 d4 e4/2;", "a3 a3 b3/2;", "e3 d3 e3/2;", "a2 f2 e2/2;"]),
}


@pytest.mark.parametrize("cadence", ENDINGS)
def test_found_in_four_voices(cadence: Cadence) -> None:
    """The cadence ends the first of two phrases; the second one shows the key."""
    opening, ending = ENDINGS[cadence]
    close = ENDINGS["perfect authentic"][1] if opening is OPENING_MAJOR else ["b3 b3 a3/2;", "a3 g#3 a3/2;", *LOW_MINOR]
    score = chorale([" ".join(parts) for parts in zip(opening, ending, opening, close, strict=True)])
    first, second = analyse(score).phrases
    assert first.cadence == cadence
    assert second.cadence == "perfect authentic"
    assert str(first.key) == str(second.key) == ("C major" if opening is OPENING_MAJOR else "a minor")


LOW_MINOR = ["f3 e3 c3/2;", "d3 e3 a2/2;"]
