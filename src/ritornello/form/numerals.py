"""Names of chords: Roman numerals to and from Chord.

Every chord has exactly one canonical name per mode, and ``parse_chord(chord_name(c, mode), mode)``
is c. The rules:

* Capitals are major, small letters minor; ``o`` diminished, ``ø`` half-diminished, ``+`` augmented.
* A 7 on a capital is a dominant seventh wherever it stands; a major seventh is written ``maj7``.
* Figures ``6 64`` on triads and ``7 65 43 42`` on sevenths give the inversion.
* In minor, ``VI`` and ``VII`` stand on the natural degrees and ``vi`` and ``vii`` on the raised ones
  (``viio`` is the leading-tone chord). Other degrees need an accidental: ``bII`` is the Neapolitan.
* Chromatic dominants are applied: ``V7/V``, ``V/ii``, ``viio7/vi``.

Reading also accepts ``N6``, ``Cad64``, ``ii/o6/5``, ``V6/5``, ``V2``, ``M7`` and applied chords of any
kind and depth (``V/V/III``).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from ritornello.errors import UserError
from ritornello.form.chord import QUALITIES, Chord
from ritornello.scores.score import Mode

_STEPS = ["I", "II", "III", "IV", "V", "VI", "VII"]
_MAJOR_DEGREES = (0, 2, 4, 5, 7, 9, 11)
_MINOR_DEGREES = (0, 2, 3, 5, 7, 8, 10)
_MINOR_RAISED = (0, 2, 3, 5, 7, 9, 11)

_DEGREE_NAMES = {
    ("major", "upper"): ["I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII"],
    ("major", "lower"): ["i", "bii", "ii", "biii", "iii", "iv", "#iv", "v", "bvi", "vi", "bvii", "vii"],
    ("minor", "upper"): ["I", "bII", "II", "III", "#III", "IV", "#IV", "V", "VI", "#VI", "VII", "#VII"],
    ("minor", "lower"): ["i", "bii", "ii", "iii", "#iii", "iv", "#iv", "v", "bvi", "vi", "bvii", "vii"],
}
"""Root above the tonic -> degree as it is written, by mode and by the case of the numeral."""

_APPLIED_TO = {
    "major": {2: "ii", 4: "iii", 5: "IV", 7: "V", 9: "vi"},
    "minor": {3: "III", 5: "iv", 7: "V", 8: "VI", 10: "VII"},
}
"""Degrees that can have a dominant of their own."""

_DIATONIC = {
    ("major", "major"): {0, 5, 7},
    ("major", "dominant7"): {7},
    ("major", "diminished"): {11, 2},
    ("major", "half-diminished7"): {11, 2},
    ("major", "diminished7"): {11},
    ("minor", "major"): {0, 3, 5, 7, 8, 10},
    ("minor", "dominant7"): {7},
    ("minor", "diminished"): {11, 2, 9},
    ("minor", "half-diminished7"): {11, 2, 9},
    ("minor", "diminished7"): {11},
}
"""(mode, quality) -> roots that keep their plain name although a dominant could stand there."""

_MARKS = {
    "major": "",
    "minor": "",
    "diminished": "o",
    "augmented": "+",
    "dominant7": "",
    "major7": "maj",
    "minor7": "",
    "half-diminished7": "ø",
    "diminished7": "o",
}
_UPPER = {"major", "augmented", "dominant7", "major7"}
_MAX_LENGTH = 40
_TRIAD_FIGURES = ("", "6", "64")
_SEVENTH_FIGURES = ("7", "65", "43", "42")
_PATTERN = re.compile(r"([b#]?)(VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i)(o|ø|\+|maj)?(7|65|64|6|43|42)?")


@cache
def chord_name(chord: Chord, mode: Mode) -> str:
    """The canonical Roman numeral of a chord in a key of this mode."""
    figures = _SEVENTH_FIGURES if len(chord.intervals) == 4 else _TRIAD_FIGURES
    figure, mark = figures[chord.inversion], _MARKS[chord.quality]
    dominant_of = _dominant_of(chord, mode)
    if dominant_of:
        base = "V" if chord.quality in _UPPER else "vii"
        return f"{base}{mark}{figure}/{dominant_of}"
    case = "upper" if chord.quality in _UPPER else "lower"
    return f"{_DEGREE_NAMES[mode, case][chord.root]}{mark}{figure}"


@cache
def parse_chord(text: str, mode: Mode) -> Chord:
    """Reads a Roman numeral in a key of this mode; raises UserError for what is none."""
    if len(text) > _MAX_LENGTH:
        raise UserError("chord name is too long", where="harmony", limit=f"{_MAX_LENGTH} characters")
    chord = _parse(_plain(text), mode)
    if chord is None:
        mend = "write Roman numerals such as V65 or viio7/V"
        raise UserError(f"no such chord: {text!r}", where="harmony", mend=mend)
    return chord


def _parse(name: str, mode: Mode) -> Chord | None:
    """A numeral, applied or not; None if it is none."""
    head, slash, target = name.partition("/")
    if not slash:
        return _parse_plain(head, mode)
    local = _parse(target, mode)
    if local is None or len(local.intervals) > 3 or local.inversion:
        return None
    applied = _parse_plain(head, "major" if local.quality in _UPPER else "minor")
    return applied and Chord((applied.root + local.root) % 12, applied.quality, applied.inversion)


def _dominant_of(chord: Chord, mode: Mode) -> str | None:
    """The degree whose dominant (V or vii) a chord is, where that is its canonical name."""
    if chord.root in _DIATONIC.get((mode, chord.quality), range(12)):
        return None
    step = 5 if chord.quality in _UPPER else 1
    return _APPLIED_TO[mode].get((chord.root + step) % 12)


def _plain(text: str) -> str:
    """One spelling for the usual ways to write marks and figures."""
    name = text.strip().replace("♭", "b").replace("♯", "#").replace("°", "o")
    name = name.replace("/o", "ø").replace("%", "ø").replace("M7", "maj7")
    name = re.sub(r"([2-7])/(?=[2-7])", r"\1", name)
    name = re.sub(r"(?<![0-9])2(?![0-9])", "42", name)
    return re.sub(r"^N(?=6?$|6?/)", "bII", name)


def _parse_plain(name: str, mode: Mode) -> Chord | None:
    """The same without a slash."""
    if name == "Cad64":
        name = "I64" if mode == "major" else "i64"
    match = _PATTERN.fullmatch(name)
    if match is None:
        return None
    accidental, step, mark, figure = match.groups(default="")
    upper: Literal["upper", "lower"] = "upper" if step.isupper() else "lower"
    quality = _quality(upper, mark, seventh=figure in _SEVENTH_FIGURES)
    if quality is None:
        return None
    figures = _SEVENTH_FIGURES if figure in _SEVENTH_FIGURES else _TRIAD_FIGURES
    return Chord(_root(accidental, step, mode, upper), quality, figures.index(figure))


def _quality(case: Literal["upper", "lower"], mark: str, *, seventh: bool) -> str | None:
    for quality, intervals in QUALITIES.items():
        same_case = (quality in _UPPER) == (case == "upper")
        if same_case and _MARKS[quality] == mark and (len(intervals) == 4) == seventh:
            return quality
    return None


def _root(accidental: str, step: str, mode: Mode, case: Literal["upper", "lower"]) -> int:
    index = _STEPS.index(step.upper())
    if mode == "major":
        degrees = _MAJOR_DEGREES
    else:
        # An accidental counts from the natural degree: bvi and #VI are the ones that have no plain name.
        raised = case == "lower" and accidental == ""
        degrees = _MINOR_RAISED if raised else _MINOR_DEGREES
    shift = {"b": -1, "#": 1, "": 0}[accidental]
    if mode == "minor" and case == "lower" and accidental == "b" and step in {"vi", "vii"}:
        shift = 0  # bvi is the natural sixth degree, a semitone below the plain vi
    return (degrees[index] + shift) % 12
