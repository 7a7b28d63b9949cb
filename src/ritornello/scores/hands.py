"""Which hand plays what: a keyboard part as the two staves of its page.

At every onset a split pitch divides the keyboard: what begins below it is the left hand's, the rest
is the right hand's. A small dynamic programme chooses the splits of the whole part so that

    sum over onsets of  STRAIN * (semitones by which the hands' spans exceed a tenth)
                      + DISTANCE * |split - middle C|  +  MOVE * |split - the split before|

is least. A hand's span counts all that sounds at the onset, as if it were divided there. A note
stays in the hand that began it, so nothing held ever changes staff.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray, Notes, Part

_KEYBOARDS = frozenset([*range(8), *range(16, 24)])
"""General MIDI programs of pianos and organs."""
_MIDDLE_C = 60
_BEYOND_A_CLEF = 5
"""Semitones from middle C to the first note beyond two ledger lines of the other hand's clef."""
_HAND_SHARE = 0.1
"""Share of the notes that must lie so low, and share that must lie so high, for a second staff."""
_TOGETHER_SHARE = 0.25
"""Share of the notes that must begin with another or while it sounds: a single line has one staff."""

_SPLITS = np.arange(_MIDDLE_C - 7, _MIDDLE_C + 8)
"""The pitches a split may have: up to a fifth from middle C."""
_TENTH = 16
"""Semitones that a hand spans with ease."""
_STRAIN, _DISTANCE, _MOVE = 1.0, 0.1, 0.5
"""Costs of a semitone, as above."""


def hands(part: Part) -> tuple[Part, ...]:
    """The part alone, or where two hands play it its notes as (right hand, left hand), all else unchanged.

    Both together have exactly the part's notes; seldom one of them has none.
    """
    if not is_two_handed(part):
        return (part,)
    is_left = part.notes.pitch < _split_pitches(part.notes)
    return tuple(replace(part, notes=part.notes.chosen(own)) for own in (~is_left, is_left))


def is_two_handed(part: Part) -> bool:
    """Whether a part needs two staves: a piano or an organ, in chords or voices, far below and above middle C.

    A tenth of its notes lie a fourth or more below middle C, and a tenth a fourth or more above; a
    quarter of them begin with another note or while it sounds.
    """
    notes = part.notes
    if part.program not in _KEYBOARDS or len(notes) < 2:
        return False
    is_low, is_high = notes.pitch <= _MIDDLE_C - _BEYOND_A_CLEF, notes.pitch >= _MIDDLE_C + _BEYOND_A_CLEF
    is_together = np.maximum.accumulate(notes.offset_ticks)[:-1] > notes.onset_ticks[1:]
    return bool(min(is_low.mean(), is_high.mean()) >= _HAND_SHARE and is_together.mean() >= _TOGETHER_SHARE)


def _split_pitches(notes: Notes) -> IntArray:
    """Per note (N,) the split at its onset: the left hand plays what is lower."""
    moving = _MOVE * np.abs(_SPLITS[:, None] - _SPLITS)
    resting = _DISTANCE * np.abs(_SPLITS - _MIDDLE_C)
    least = np.zeros(len(_SPLITS))  # cost of the best way to each split
    ways: list[NDArray[np.intp]] = []  # per onset and split the split before it on that way
    for pitches in _sounding(notes):
        costs = least[:, None] + moving
        ways.append(costs.argmin(axis=0))
        least = costs.min(axis=0) + resting + _STRAIN * _strain(pitches)
    index = least.argmin()
    chosen: list[int] = []
    for way in reversed(ways):
        chosen.append(int(_SPLITS[index]))
        index = way[index]
    _, onset_of_note = np.unique(notes.onset_ticks, return_inverse=True)
    return np.array(chosen[::-1], dtype=np.int64)[onset_of_note]


def _sounding(notes: Notes) -> Iterator[IntArray]:
    """Per onset the pitches that begin or still sound, in rising order."""
    ends: dict[int, int] = {}  # pitch -> where it ends; at most 128, however long the notes are
    onsets, firsts = np.unique(notes.onset_ticks, return_index=True)
    rows = zip(
        onsets.tolist(),
        np.split(notes.pitch, firsts[1:]),
        np.split(notes.offset_ticks, firsts[1:]),
        strict=True,
    )
    for onset, pitches, offsets in rows:
        ends = {pitch: end for pitch, end in ends.items() if end > onset}
        for pitch, end in zip(pitches.tolist(), offsets.tolist(), strict=True):
            ends[pitch] = max(end, ends.get(pitch, end))
        yield np.array(sorted(ends), dtype=np.int64)


def _strain(pitches: IntArray) -> IntArray:
    """Per split the semitones by which the two hands' spans exceed a tenth; ``pitches`` (P,) rise, P >= 1."""
    num_left = np.searchsorted(pitches, _SPLITS)
    left = np.where(num_left > 0, pitches[np.maximum(num_left, 1) - 1] - pitches[0], 0)
    right = np.where(num_left < len(pitches), pitches[-1] - pitches[np.minimum(num_left, len(pitches) - 1)], 0)
    return np.maximum(left - _TENTH, 0) + np.maximum(right - _TENTH, 0)
