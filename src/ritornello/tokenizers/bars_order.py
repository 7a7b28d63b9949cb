"""The order of time and grammar in which a piece in bars is written (``bars.py`` is its grammar).

What speaks of one step stands in this order: BAR, LENGTH, KEY, POSITION, TEMPO, CHORD, and then, part by part, PART and
pitch by pitch VELOCITY, PITCH, DURATION.
"""

from __future__ import annotations

import numpy as np

from ritornello.scores.score import IntArray
from ritornello.tokenizers.bars_words import (
    BAR,
    CHORD,
    DURATION,
    FAMILY_V,
    KEY,
    LENGTH,
    MAX_PARTS,
    NUM_PITCHES,
    PART,
    PITCH,
    POSITION,
    TEMPO,
    VELOCITY,
)

_OF_NOTES = (VELOCITY, PITCH, DURATION)
_ORDER = (BAR, LENGTH, KEY, POSITION, TEMPO, CHORD, PART, *_OF_NOTES)
_PLACES_PER_PITCH = len(_OF_NOTES)
_PLACES_PER_PART = 1 + _PLACES_PER_PITCH * NUM_PITCHES
_PLACES_PER_STEP = _ORDER.index(PART) + MAX_PARTS * _PLACES_PER_PART
_FAMILY_PLACE_V: IntArray = np.array([_ORDER.index(f) if f in _ORDER else 0 for f in FAMILY_V.tolist()])
"""Where a token stands at a step if it is of the first part and the lowest pitch (V,)."""
_PER_PART_V: IntArray = np.where(np.isin(FAMILY_V, (PART, *_OF_NOTES)), _PLACES_PER_PART, 0)
_PER_PITCH_V: IntArray = np.where(np.isin(FAMILY_V, _OF_NOTES), _PLACES_PER_PITCH, 0)


def place_in_order(
    tokens: IntArray | int, steps: IntArray | int, part: IntArray | int = 0, pitch: IntArray | int = 0
) -> IntArray:
    """A number for each token (T,), or for one, by which the tokens of a piece between BOS and END ascend.

    Args:
        tokens: (T,) or one of them. END stands where a bar would begin.
        steps: of which each speaks, from the beginning of the piece.
        part: of which each speaks; whatever it is where a token speaks of none.
        pitch: 0-127, of the note of each VELOCITY, PITCH and DURATION; the same holds for it.
    """
    place = _FAMILY_PLACE_V[tokens] + _PER_PART_V[tokens] * part + _PER_PITCH_V[tokens] * pitch
    return steps * _PLACES_PER_STEP + place
