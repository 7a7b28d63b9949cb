"""Keys as numbers, and the home key of a piece.

The home tonic of a chorale is the bass note on which it ends, so that its last chord is the tonic triad; the mode is
that in which its chords fit better. A longer piece may end elsewhere, or in a bar that is not its own (an aria before
its da capo, a song that fades out): there all its chords are heard, and the last bass note and the signature only
weigh in. Local keys are found together with the chords (``chords.best_path``), or before them (``local_keys.py``).
"""

from __future__ import annotations

import numpy as np

from ritornello.form.evidence import FloatArray
from ritornello.form.key import Key
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import Mode, Score

SIGNATURE_WEIGHT = 20.0
"""Nats that the signature adds to its mode in a chorale: it decides only where the notes hardly do."""
END_PER_BEAT, SIGNATURE_PER_BEAT = 0.4, 0.1
"""Nats per beat that the last bass note adds to its two keys in a longer piece, and the signature to its two: the best
of a few round numbers on movements, songs and Bach of the kinds that ``benchmarks/home_keys.py`` measures."""


def home_key(score: Score, frames: Frames, fits: FloatArray) -> int:
    """The number (0-23) of the home key: tonic from the last bass note, mode from the whole piece.

    Args:
        score: for its key signature, if it has one.
        frames: of the score; not silent.
        fits: (24,) how well the piece fits each key.
    """
    tonic = last_bass(frames)
    minor = float(fits[tonic + 12] - fits[tonic])
    if score.keys:
        stated = score.keys[0]
        modes: tuple[Mode, ...] = (stated.mode,) if stated.mode else ("major", "minor")
        for mode in modes:
            if Key.from_fifths(stated.fifths, mode).tonic_pitch_class == tonic:
                minor += SIGNATURE_WEIGHT if mode == "minor" else -SIGNATURE_WEIGHT
    return tonic + 12 if minor > 0 else tonic


def home_key_of_long(score: Score, frames: Frames, fits: FloatArray, num_beats: int) -> int:
    """The number (0-23) of the home key of a piece that may end elsewhere.

    Args:
        score: for its key signature, if it has one; only its accidentals count, for few formats know the mode.
        frames: of the score; not silent.
        fits: (24,) how well the piece fits each key, in nats, all beats together.
        num_beats: how many beats these are, at least one.
    """
    weights = fits / num_beats
    at_end = np.arange(24) % 12 == last_bass(frames)
    weights = weights + END_PER_BEAT * at_end
    if score.keys:
        modes: tuple[Mode, ...] = ("major", "minor")
        signed = [key_number(Key.from_fifths(score.keys[0].fifths, mode)) for mode in modes]
        weights[signed] += SIGNATURE_PER_BEAT
    return int(weights.argmax())


def last_bass(frames: Frames) -> int:
    """The pitch class of the lowest note that sounds last; the frames are not silent."""
    sounding = frames.pitch[(frames.pitch != REST).any(axis=1)][-1]
    return int(sounding[sounding != REST].min()) % 12


def key_number(key: Key) -> int:
    """0-11 major on that pitch class, 12-23 minor."""
    return key.tonic_pitch_class + (12 if key.mode == "minor" else 0)


def spell_key(number: int, near_fifths: int) -> Key:
    """The key of a number, spelt with the signature nearest to ``near_fifths``."""
    mode: Mode = "minor" if number >= 12 else "major"
    return Key.from_pitch_class(number % 12, mode, near_fifths)
