"""Chord names: one per chord and mode, and hand-worked meanings."""

from __future__ import annotations

from typing import get_args

import pytest

from ritornello.errors import UserError
from ritornello.form.chord import QUALITIES, Chord
from ritornello.form.numerals import chord_name, parse_chord
from ritornello.scores.score import Mode

EVERY_CHORD = [Chord(root, q, inv) for root in range(12) for q, i in QUALITIES.items() for inv in range(len(i))]


@pytest.mark.parametrize("mode", get_args(Mode))
def test_names_are_a_bijection(mode: Mode) -> None:
    names = [chord_name(chord, mode) for chord in EVERY_CHORD]
    assert len(set(names)) == len(EVERY_CHORD) == 12 * (4 * 3 + 5 * 4)
    assert [parse_chord(name, mode) for name in names] == EVERY_CHORD


@pytest.mark.parametrize(
    ("mode", "name", "root", "quality", "inversion"),
    [
        ("major", "I", 0, "major", 0),
        ("major", "ii65", 2, "minor7", 1),
        ("major", "V42", 7, "dominant7", 3),
        ("major", "viio6", 11, "diminished", 1),
        ("major", "V7/ii", 9, "dominant7", 0),
        ("major", "V7/IV", 0, "dominant7", 0),
        ("major", "viio7/vi", 8, "diminished7", 0),
        ("major", "iv", 5, "minor", 0),
        ("major", "bII6", 1, "major", 1),
        ("major", "IVmaj7", 5, "major7", 0),
        ("minor", "i", 0, "minor", 0),
        ("minor", "I", 0, "major", 0),
        ("minor", "iio6", 2, "diminished", 1),
        ("minor", "iiø65", 2, "half-diminished7", 1),
        ("minor", "III", 3, "major", 0),
        ("minor", "III+6", 3, "augmented", 1),
        ("minor", "V", 7, "major", 0),
        ("minor", "v6", 7, "minor", 1),
        ("minor", "VI", 8, "major", 0),
        ("minor", "VII6", 10, "major", 1),
        ("minor", "viio7", 11, "diminished7", 0),
        ("minor", "V7/III", 10, "dominant7", 0),
        ("minor", "bII6", 1, "major", 1),
        ("minor", "viio7/V", 6, "diminished7", 0),
    ],
)
def test_canonical_names(mode: Mode, name: str, root: int, quality: str, inversion: int) -> None:
    chord = Chord(root, quality, inversion)
    assert parse_chord(name, mode) == chord
    assert chord_name(chord, mode) == name


@pytest.mark.parametrize(
    ("mode", "synonym", "canonical"),
    [
        ("major", "V6/5/V", "V65/V"),
        ("minor", "ii/o6/5", "iiø65"),
        ("minor", "vii/o7/V", "viiø7/V"),
        ("major", "V2", "V42"),
        ("major", "V4/2", "V42"),
        ("major", "I6/4", "I64"),
        ("minor", "Cad64", "i64"),
        ("minor", "N6", "bII6"),
        ("major", "IM7", "Imaj7"),
        ("major", "II7", "V7/V"),
        ("major", "ii/V", "vi"),
        ("minor", "iv/iv", "bvii"),
        ("minor", "iv6/V", "i6"),
        ("minor", "V/v", "V/V"),
        ("minor", "V7/V/III", "V7/VII"),
    ],
)
def test_synonyms(mode: Mode, synonym: str, canonical: str) -> None:
    assert chord_name(parse_chord(synonym, mode), mode) == canonical


@pytest.mark.parametrize(
    "text", ["", "H", "IX", "V8", "Vo", "v+", "V/", "/V", "V/V7", "bbII", "I I", "I6/4/3/2", "V" * 99]
)
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"no such chord|too long"):
        parse_chord(text, "major")
