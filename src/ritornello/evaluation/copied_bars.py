"""Bars of written music, so that one is known again: the pitches that begin in it, and where.

Two bars are equal if the same pitches begin at the same places from the bar line on, to 1/48 of a quarter note
(triplets and 64ths are exact); *transposed*, if they are so after moving one of them up or down. Lengths of notes and
of bars (a last one ends with its music), loudness, and who plays what are not compared, and a pitch that begins twice
at one place counts once. Bars in which nothing begins do not count; a pickup is a bar.

Shapes: N notes.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import IntArray

DIGEST_BYTES = 16
_PLACES_PER_BEAT = 48


class Bars(NamedTuple):
    """Of each bar in which a note begins, a digest of 16 bytes of what begins there."""

    exact: list[bytes]
    transposed: list[bytes]
    """The same for bars that differ in their level alone."""


def bars_of(notes: Timeline) -> Bars:
    """The bars of a piece, in order; none in a performance.

    Digests are BLAKE2b's (RFC 7693): that two different bars have the same one is out of the question.
    """
    bars = Bars([], [])
    if notes.bar_beats is None or not len(notes):
        return bars
    borders = np.rint(notes.bar_beats * _PLACES_PER_BEAT).astype(np.int64)
    onset = np.rint(notes.onset_beats * _PLACES_PER_BEAT).astype(np.int64)
    in_bar = np.searchsorted(borders[1:-1], onset, side="right")
    note: IntArray = np.unique(np.stack([in_bar, onset - borders[in_bar], notes.pitch], axis=1), axis=0)
    for rows in np.split(note, np.flatnonzero(np.diff(note[:, 0])) + 1):
        place, pitch = rows[:, 1], rows[:, 2]
        bars.exact.append(_digest(place, pitch))
        bars.transposed.append(_digest(place, pitch - pitch[0]))
    return bars


def _digest(place: IntArray, pitch: IntArray) -> bytes:
    content = np.concatenate([place, pitch]).astype("<i8").tobytes()  # as many of one as of the other
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
