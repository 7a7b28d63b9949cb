"""Returns: which passages of a piece have been heard before, exactly or transposed, found from its notes alone.

A *passage* is a run of at least ``MIN_NOTES`` consecutive notes, in the order of their onsets. It *returns* where
the same intervals from note to note are played again: *exactly*, if an earlier statement has the same pitches,
*transposed*, if every earlier statement lies on another level. Rhythm, dynamics and lengths may differ.

**Conventions**

* All windows of ``MIN_NOTES`` notes are compared, exactly and not by a hash. Of each window that was heard before we
  know its *first* statement (the earliest, on whatever level) and its *nearest* one (the latest that an exact return
  repeats exactly, else the latest on any level). A return is a maximal run of windows that keep their distance to
  both, so that its first statement is new throughout: no window of it was heard earlier still.
* A statement ends before its return begins: a longer overlap is cut off.
* Two returns share no note; where two runs of windows overlap, the notes are the earlier run's. What is left of the
  later one counts if it still has ``MIN_NOTES`` notes.
* Ostinati are no returns: a window is left out if it has fewer than ``MIN_PITCHES`` different pitches, or if its
  intervals repeat with a period of at most half of them, as those of trills, tremoli, scales, arpeggios over octaves
  and Alberti basses do. Longer loops, such as a repeated bar of 16 notes, are returns at a short distance.
* A note that begins at most ``CHORD_SECONDS`` after the one before it belongs to the same chord, and the notes of a
  chord stand in order of pitch, since no pianist strikes them twice in the same order. Wrong notes, ornaments and
  chords more widely broken still end a passage: returns in performances are undercounted, most of all in thick
  textures.

**Source**: ours ("second occurrence", with the likelihoods of ``context/second_occurrence.py``); the maximal repeated
patterns of a string, of D. Gusfield, Algorithms on Strings, Trees, and Sequences (1997), section 7.12, restricted to
statements that do not overlap. Windows are ranked by doubling (Karp, Miller and Rosenberg, 1972).

Shapes: N notes, W = N - MIN_NOTES + 1 windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray

MIN_NOTES = 16
MIN_PITCHES = 5
CHORD_SECONDS = 0.03
_NONE = -1
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class NoteEvents:
    """The notes of a token sequence: which token begins each, and its pitch, (N,) each."""

    token: IntArray
    pitch: IntArray


class Return(NamedTuple):
    """Notes ``start`` to ``start + length`` of a piece, and where they were heard before."""

    start: int
    length: int
    first: int
    """Where the earliest statement begins, on whatever level."""
    nearest: int
    """Where the latest statement before it begins: of the same pitches, if it is an exact return."""
    exact: bool


def note_events(ids: IntArray, strikes_V: NDArray[np.bool_], seconds_V: NDArray[np.float64]) -> NoteEvents:
    """The notes of ``ids`` (T,) in the order of their onsets, those of one chord from low to high.

    Args:
        ids: tokens of a performance scheme.
        strikes_V: which ids begin a note; ascending by pitch.
        seconds_V: by how much each id moves the clock.
    """
    token = np.flatnonzero(strikes_V[ids])
    pitch = ids[token] - int(strikes_V.argmax())
    onset_seconds = np.cumsum(seconds_V[ids])[token]
    chord = np.cumsum(np.diff(onset_seconds, prepend=-np.inf) > CHORD_SECONDS + _ROUNDING)
    order = np.lexsort((pitch, chord))
    return NoteEvents(token[order], pitch[order])


def returns(pitch: IntArray) -> list[Return]:
    """All returns of a sequence of pitches (N,), in order; none in less than twice ``MIN_NOTES`` notes."""
    if len(pitch) < 2 * MIN_NOTES:
        return []
    by_interval, by_pitch = _ranks(np.diff(pitch), MIN_NOTES - 1), _ranks(pitch, MIN_NOTES)
    first, nearest = _earlier(by_interval)
    _, nearest_exact = _earlier(by_pitch)
    exact = nearest_exact != _NONE
    nearest = np.where(exact, nearest_exact, nearest)
    heard = np.flatnonzero((nearest != _NONE) & is_passage(pitch))
    found: list[Return] = []
    stop = 0
    for start, end in _runs(heard, first, nearest, exact):
        cut = max(start, stop) - start
        first_start, nearest_start = int(first[start]) + cut, int(nearest[start]) + cut
        length = min(end + MIN_NOTES - 1 - start - cut, start + cut - nearest_start)
        if length >= MIN_NOTES:
            found.append(Return(start + cut, length, first_start, nearest_start, bool(exact[start])))
            stop = start + cut + length
    return found


def is_passage(pitch: IntArray) -> NDArray[np.bool_]:
    """Which windows of ``MIN_NOTES`` notes are no ostinati (W,); none in fewer notes."""
    if len(pitch) < MIN_NOTES:
        return np.zeros(0, dtype=np.bool_)
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(pitch, MIN_NOTES), axis=1)
    passage = (np.diff(windows, axis=1) > 0).sum(axis=1) + 1 >= MIN_PITCHES
    intervals = np.lib.stride_tricks.sliding_window_view(np.diff(pitch), MIN_NOTES - 1)
    for period in range(1, (MIN_NOTES - 1) // 2 + 1):
        passage &= (intervals[:, period:] != intervals[:, :-period]).any(axis=1)
    return passage


def _ranks(values: IntArray, length: int) -> IntArray:
    """A number for each window of ``length`` values, the same for equal windows and no others."""
    ranks = np.unique(values, return_inverse=True)[1]
    have = 1
    while have < length:
        step = min(have, length - have)  # windows of have + step are two of have, which may overlap
        pairs = ranks[:-step] * (int(ranks.max()) + 1) + ranks[step:]
        ranks = np.unique(pairs, return_inverse=True)[1]
        have += step
    return ranks


def _earlier(ranks: IntArray) -> tuple[IntArray, IntArray]:
    """For each window the earliest and the latest equal one that ends before it begins; -1 where there is none."""
    num_windows = len(ranks)
    at = np.arange(num_windows)
    order = np.argsort(ranks, kind="stable")
    keys = ranks[order] * num_windows + order  # ascending
    place = np.searchsorted(keys, ranks * num_windows + at - MIN_NOTES, side="right") - 1
    earliest_place = np.searchsorted(keys, ranks * num_windows)
    there_is = place >= earliest_place
    return np.where(there_is, order[earliest_place], _NONE), np.where(there_is, order[place], _NONE)


def _runs(heard: IntArray, first: IntArray, nearest: IntArray, exact: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Starts and ends of the runs of windows in ``heard`` that keep their distances and their kind."""
    if not len(heard):
        return []
    rows = np.stack([heard - np.arange(len(heard)), heard - first[heard], heard - nearest[heard], exact[heard]])
    borders = np.flatnonzero((np.diff(rows, axis=1) != 0).any(axis=0)) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(heard, borders)]
