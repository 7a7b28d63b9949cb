"""Keys as numbers, and the home key of a piece.

The home tonic is the bass note on which the piece ends, so that its last chord is the tonic triad;
the mode is that in which the piece's chords fit better. Local keys are found together with the chords
(``chords.best_path``).
"""

from __future__ import annotations

from ritornello.form.evidence import FloatArray
from ritornello.form.key import Key
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import Mode, Score

SIGNATURE_WEIGHT = 20.0
"""Nats that the signature adds to its mode: it decides only where the notes hardly do."""


def home_key(score: Score, frames: Frames, fits: FloatArray) -> int:
    """The number (0-23) of the home key: tonic from the last bass note, mode from the whole piece.

    Args:
        score: for its key signature, if it has one.
        frames: of the score; not silent.
        fits: (24,) how well the piece fits each key.
    """
    sounding = frames.pitch[(frames.pitch != REST).any(axis=1)][-1]
    tonic = int(sounding[sounding != REST].min()) % 12
    minor = float(fits[tonic + 12] - fits[tonic])
    if score.keys:
        stated = score.keys[0]
        modes: tuple[Mode, ...] = (stated.mode,) if stated.mode else ("major", "minor")
        for mode in modes:
            if Key.from_fifths(stated.fifths, mode).tonic_pitch_class == tonic:
                minor += SIGNATURE_WEIGHT if mode == "minor" else -SIGNATURE_WEIGHT
    return tonic + 12 if minor > 0 else tonic


def key_number(key: Key) -> int:
    """0-11 major on that pitch class, 12-23 minor."""
    return key.tonic_pitch_class + (12 if key.mode == "minor" else 0)


def spell_key(number: int, near_fifths: int) -> Key:
    """The key of a number, spelt with the signature nearest to ``near_fifths``."""
    mode: Mode = "minor" if number >= 12 else "major"
    return Key.from_pitch_class(number % 12, mode, near_fifths)
