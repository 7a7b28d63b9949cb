"""Keys: the home key of a piece and the local key of each phrase.

The home tonic is the root on which the piece ends. A phrase is in the key in which its notes are most
likely harmony (``chords.phrase_paths``), in balance with two habits: some keys are likely beside the home
key, and some after the key of the phrase before. The balance is found for all phrases together by dynamic
programming.
"""

from __future__ import annotations

import numpy as np

from ritornello.form.chords import NUM_KEYS, harmony_weights
from ritornello.form.evidence import FloatArray
from ritornello.form.key import Key
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import IntArray, Mode, Score

SIGNATURE_WEIGHT = 20.0
"""Nats that the signature adds to its mode: it decides only where the notes hardly do."""


def home_key(score: Score, frames: Frames, phrase_scores: FloatArray) -> int:
    """The number (0-23) of the home key: tonic from the last bass note, mode from the whole piece.

    Args:
        score: for its key signature, if it has one.
        frames: of the score; not silent.
        phrase_scores: (P, 24) how well each phrase fits each key.
    """
    sounding = frames.pitch[(frames.pitch != REST).any(axis=1)][-1]
    tonic = int(sounding[sounding != REST].min()) % 12
    total = phrase_scores.sum(axis=0)
    minor = float(total[tonic + 12] - total[tonic])
    if score.keys:
        stated = score.keys[0]
        modes: tuple[Mode, ...] = (stated.mode,) if stated.mode else ("major", "minor")
        for mode in modes:
            if Key.from_fifths(stated.fifths, mode).tonic_pitch_class == tonic:
                minor += SIGNATURE_WEIGHT if mode == "minor" else -SIGNATURE_WEIGHT
    return tonic + 12 if minor > 0 else tonic


def local_keys(phrase_scores: FloatArray, home: int) -> list[int]:
    """The number (0-23) of each phrase's key, from (P, 24) scores."""
    context = harmony_weights()[1]
    relation = relations()
    near = context.near[relation]
    unary = phrase_scores + context.home[relation[home]]
    best = unary[0]
    back: list[IntArray] = []
    for scores in unary[1:]:
        total = best[:, None] + near
        back.append(total.argmax(axis=0))
        best = total.max(axis=0) + scores
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return path[::-1]


def relations() -> IntArray:
    """(24, 24) how a key (column) stands to another (row): 24 * its mode + 12 * own mode + tonics' interval."""
    mode, tonic = np.divmod(np.arange(NUM_KEYS), 12)
    return mode[:, None] * 24 + mode * 12 + (tonic - tonic[:, None]) % 12


def key_number(key: Key) -> int:
    """0-11 major on that pitch class, 12-23 minor."""
    return key.tonic_pitch_class + (12 if key.mode == "minor" else 0)


def spell_key(number: int, near_fifths: int) -> Key:
    """The key of a number, spelt with the signature nearest to ``near_fifths``."""
    mode: Mode = "minor" if number >= 12 else "major"
    return Key.from_pitch_class(number % 12, mode, near_fifths)
