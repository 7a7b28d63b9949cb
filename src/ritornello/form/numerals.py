"""Names of chords: Roman numerals to and from Chord."""

from __future__ import annotations

from ritornello.form.chord import Chord


def parse_chord(text: object) -> Chord:
    """Reads a Roman numeral."""
    raise NotImplementedError


def chord_name(chord: Chord) -> str:
    """The canonical Roman numeral of a chord."""
    raise NotImplementedError
