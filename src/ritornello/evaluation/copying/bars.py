"""Bars of written music, so that one is known again: the pitches that begin in it, and where.

Two bars are equal if the same pitches begin at the same places from the bar line on, to 1/48 of a quarter note
(triplets and 64ths are exact); *transposed*, if they are so after moving one of them up or down. Lengths of notes,
loudness, and who plays what are not compared, and a pitch that begins twice at one place counts once. Only full bars
count, and those in which something begins: no pickup, and no last bar that ends with its music.

Shapes: N notes, B bars.
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import IntArray, Score

DIGEST_BYTES = 16
_PLACES_PER_BEAT = 48


class Bars(NamedTuple):
    """Of each bar that counts a digest of 16 bytes of what begins there."""

    exact: list[bytes]
    transposed: list[bytes]
    """The same for bars that differ in their level alone."""


def full_bars(score: Score) -> list[tuple[int, int]]:
    """(start, end) in ticks of every bar that is as long as its metre says."""
    bars = score.bars()
    onsets = [metre.onset_ticks for metre in score.metres]
    metres = [score.metres[bisect_right(onsets, start) - 1] for start, _ in bars]
    lengths = [metre.bar_ticks(score.ticks_per_beat) for metre in metres]
    return [(start, end) for (start, end), length in zip(bars, lengths, strict=True) if end - start == length]


def bars_of(notes: Timeline) -> Bars:
    """The bars of a piece, in order; none in a performance.

    Digests are BLAKE2b's (RFC 7693): that two different bars have the same one is out of the question.
    """
    digests = Bars([], [])
    bars = full_bars(notes.score) if notes.is_written else []
    if not bars:
        return digests
    start, stop = np.array(bars).T / notes.score.ticks_per_beat
    bar = np.searchsorted(start, notes.onset_beats, side="right") - 1
    within = (bar >= 0) & (notes.onset_beats < stop[bar])
    place = np.rint((notes.onset_beats - start[bar]) * _PLACES_PER_BEAT).astype(np.int64)
    rows: IntArray = np.unique(np.stack([bar, place, notes.pitch], axis=1)[within], axis=0)
    for same_bar in np.split(rows, np.flatnonzero(np.diff(rows[:, 0])) + 1) if len(rows) else []:
        places, pitches = same_bar[:, 1], same_bar[:, 2]
        digests.exact.append(_digest(places, pitches))
        digests.transposed.append(_digest(places, pitches - pitches[0]))
    return digests


def _digest(places: IntArray, pitches: IntArray) -> bytes:
    content = np.concatenate([places, pitches]).astype("<i8").tobytes()  # as many of one as of the other
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
