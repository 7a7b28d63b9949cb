"""Key: a tonic with its spelling, and a mode.

Written ``g minor``, ``E- major`` (music21's flat), ``Eb major``, ``F# minor`` or ``c``
(a small letter alone is minor).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from ritornello.errors import UserError
from ritornello.scores.score import Mode

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_TONICS_BY_FIFTHS = ["F", "C", "G", "D", "A", "E", "B"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key. ``tonic`` is a letter A-G with ``#`` or ``-`` (flat); ``mode`` is major or minor."""

    tonic: str
    mode: Mode

    @property
    def tonic_pitch_class(self) -> int:
        """0-11, C = 0."""
        accidentals = self.tonic[1:]
        return (_STEPS[self.tonic[0]] + accidentals.count("#") - accidentals.count("-")) % 12

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the key signature."""
        accidentals = self.tonic[1:]
        major = _FIFTHS[self.tonic[0]] + 7 * (accidentals.count("#") - accidentals.count("-"))
        return major if self.mode == "major" else major - 3

    @classmethod
    def parse(cls, text: object) -> Key:
        """Reads ``g minor``, ``E- major``, ``Bb``, ``c`` …; raises UserError for anything else."""
        if isinstance(text, Key):
            return text
        match = re.fullmatch(r"([A-Ga-g])([#♯]|[-b♭])?\s*(major|minor|maj|min|m)?", str(text).strip())
        if match is None:
            raise UserError(
                f"no such key: {str(text)[:40]!r}", where="key", mend="write for example 'g minor' or 'E- major'"
            )
        letter, accidental, word = match.groups()
        minor = word in {"minor", "min", "m"} or (word is None and letter.islower())
        tonic = letter.upper() + {"♯": "#", "#": "#", None: ""}.get(accidental, "-")
        key = cls(tonic, "minor" if minor else "major")
        if abs(key.fifths) > 7:
            raise UserError(
                f"no such key: {key}", where="key", limit="7 sharps or flats", mend="respell it enharmonically"
            )
        return key

    @classmethod
    def from_fifths(cls, fifths: int, mode: Mode) -> Key:
        """The key with this signature (-7 to 7) and mode."""
        index = fifths + (0 if mode == "major" else 3) + 1
        octave, letter = divmod(index, 7)
        return cls(_TONICS_BY_FIFTHS[letter] + ("#" * octave if octave >= 0 else "-" * -octave), mode)

    @classmethod
    def from_pitch_class(cls, pitch_class: int, mode: Mode, near_fifths: int = 0) -> Key:
        """The spelling of a tonic 0-11 whose signature lies nearest to ``near_fifths``."""
        signatures = [f for f in range(-7, 8) if cls.from_fifths(f, mode).tonic_pitch_class == pitch_class % 12]
        return cls.from_fifths(min(signatures, key=lambda f: (abs(f - near_fifths), f)), mode)

    def __str__(self) -> str:
        return f"{self.tonic if self.mode == 'major' else self.tonic.lower()} {self.mode}"


KeyField = Annotated[Key, BeforeValidator(Key.parse), PlainSerializer(str)]
