"""Music in bars changed without leaving the tokens, for augmentation."""

from __future__ import annotations

from ritornello.scores.score import IntArray
from ritornello.tokenizers.bars_words import DURATION, PITCH, transposition
from ritornello.tokenizers.performance_changes import PIANO


def transposed(ids: IntArray, semitones: int) -> IntArray | None:
    """Moves all pitches, keys and chord symbols of a piece or a window.

    None where a pitch would leave 0-127, or the piano if all were on it before.
    """
    pitch = ids[(ids >= PITCH) & (ids < DURATION)] - PITCH
    if not len(pitch):
        return transposition(semitones)[ids]
    lowest, highest = int(pitch.min()), int(pitch.max())
    keys = PIANO if lowest in PIANO and highest in PIANO else range(DURATION - PITCH)
    if lowest + semitones not in keys or highest + semitones not in keys:
        return None
    return transposition(semitones)[ids]
