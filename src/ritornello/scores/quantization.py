"""Played notes set to the beat, as they would be written down.

* **Onsets** go to the nearest 16th of a quarter note. A beat of a part goes to triplet eighths instead where its onsets
  lie nearer to them by ``MIN_GAIN_BEATS`` on average and one of them stands off the beat; so chords that were rolled
  become chords, and grace notes sound with what they adorn.
* **Lengths**: an end goes to the nearest 16th, or to the next onset of its part where that lies nearer than a 16th. A
  rest before the next onset that is no longer than ``MAX_GAP_BEATS`` and than the note itself is the player's breath,
  not the composer's rest: the note is held. Every note lasts a 16th or more, or up to the next onset of its pitch.
* Notes of one pitch that come to one onset are one note, the loudest, up to the last end.

Bars, metres and the pickup stay where they are: they must be right already. Velocities, tempos and all else stay too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray, Notes, Score
from ritornello.scores.sustain import next_onsets

MIN_GAIN_BEATS = 1 / 32
MAX_GAP_BEATS = 1 / 2
_GRID = 12
"""Places in a beat: 16ths are every third of them, triplet eighths every fourth."""
_SIXTEENTH, _TRIPLET = 3, 4


def set_to_beats(score: Score) -> Score:
    """The Score with the notes of every part on 16ths and triplet eighths; nothing is moved by more than a 32nd."""
    scale = score.ticks_per_beat / _GRID
    parts = tuple(replace(part, notes=_set(part.notes, scale)) for part in score.parts)
    return replace(score, parts=parts)


def _set(notes: Notes, ticks_per_place: float) -> Notes:
    if not len(notes):
        return notes
    onset = _onsets(notes.onset_ticks / ticks_per_place)
    rows = np.lexsort((-notes.velocity, notes.pitch, onset))
    key = onset[rows] * 128 + notes.pitch[rows]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    end = np.maximum.reduceat(notes.offset_ticks[rows] / ticks_per_place, first)
    rows = rows[first]
    onset, pitch = onset[rows], notes.pitch[rows]
    end = np.maximum(_ends(onset, end), onset + _SIXTEENTH)
    end = np.minimum(end, next_onsets(onset, pitch))
    ticks = np.rint(np.stack([onset, end]) * ticks_per_place).astype(np.int64)
    return Notes.columns(ticks[0], ticks[1] - ticks[0], pitch, notes.velocity[rows])


def _onsets(onset: NDArray[np.float64]) -> IntArray:
    """Places (N,) on the grid, of onsets in order."""
    sixteenth = _nearest(onset, _SIXTEENTH)
    triplet = _nearest(onset, _TRIPLET)
    beat: IntArray = ((onset + 1) // _GRID).astype(np.int64)  # what is struck a hair before a beat belongs to it
    gain = np.abs(onset - sixteenth) - np.abs(onset - triplet)
    _, beat = np.unique(beat, return_inverse=True)
    is_off = (triplet % _GRID != 0) & (gain > 0)
    mean_gain = np.bincount(beat, gain) / np.bincount(beat)
    is_triplet = (mean_gain > _GRID * MIN_GAIN_BEATS) & (np.bincount(beat, is_off) > 0)
    return np.where(is_triplet[beat], triplet, sixteenth)


def _ends(onset: IntArray, end: NDArray[np.float64]) -> IntArray:
    """Places (N,) where notes end, of ends as played; ``onset`` is in order."""
    struck = np.unique(onset)
    # The onset that an end is near to, and the one that a note may be held to.
    nearest = struck[np.minimum(np.searchsorted((struck[1:] + struck[:-1]) / 2, end), len(struck) - 1)]
    following = np.append(struck, np.iinfo(np.int64).max)[np.searchsorted(struck, end - _SIXTEENTH, side="right")]
    written = np.where((np.abs(end - nearest) < _SIXTEENTH) & (nearest > onset), nearest, _nearest(end, _SIXTEENTH))
    gap = following - written
    is_breath = (following > onset) & (gap > 0) & (gap <= MAX_GAP_BEATS * _GRID) & (gap <= written - onset)
    return np.where(is_breath, following, written)


def _nearest(place: NDArray[np.float64], step: int) -> IntArray:
    return step * np.floor(place / step + 0.5).astype(np.int64)
