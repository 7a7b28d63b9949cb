"""Motifs: what a phrase takes from an earlier one.

Phrases are compared frame by frame from their beginning. A phrase is an exact return if all voices are
the same, transposed if the soprano is the same on another pitch, and varied if the soprano agrees, up to
one transposition, for most of the time. The best source wins; of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ritornello.form.grid import FRAMES_PER_BEAT, Range
from ritornello.form.plan import Motif
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import IntArray

TRANSPOSED_SIMILARITY = 0.95
VARIED_SIMILARITY = 0.7
MAX_SEMITONES = 11
_SAME, _NEAR = 1.0, 0.5
"""Worth of a frame whose interval to the source is the common one, or a semitone beside it: a sequence
within one key turns some major intervals into minor ones."""


class Likeness(NamedTuple):
    """How a phrase compares with a source."""

    similarity: float
    """0-1 agreement of the sopranos, after transposition."""
    semitones: int
    """Transposition of the phrase against the source."""
    exact: bool
    """Whether all four voices are the same, except for how long the last chord is held."""


def motifs_of(frames: Frames, phrases: Sequence[Range]) -> list[Motif]:
    """The motif of each phrase."""
    trimmed = [_trimmed(frames, phrase) for phrase in phrases]
    return [_motif(trimmed, phrases, index) for index in range(len(phrases))]


def compare(frames: Frames, phrase: Range, source: Range) -> Likeness:
    """Compares two phrases. Their lengths may differ in the last chord."""
    return _likeness(_trimmed(frames, phrase), _trimmed(frames, source), phrase, source)


def _likeness(own: IntArray, other: IntArray, phrase: Range, source: Range) -> Likeness:
    length, longest = min(len(own), len(other)), max(len(own), len(other))
    tail = abs((phrase[1] - phrase[0]) - (source[1] - source[0]))
    same = bool(np.array_equal(own, other)) and tail <= 2 * FRAMES_PER_BEAT
    interval = own[:length, 0] - other[:length, 0]
    sounding = (own[:length, 0] != REST) & (other[:length, 0] != REST)
    if not sounding.any():
        return Likeness(0.0, 0, same)
    shift = _common_interval(interval[sounding])
    apart = np.abs(interval[sounding] - shift)
    worth = _SAME * np.count_nonzero(apart == 0) + _NEAR * np.count_nonzero(apart == 1)
    return Likeness(worth / longest, shift, same)


def _motif(trimmed: Sequence[IntArray], phrases: Sequence[Range], index: int) -> Motif:
    own = trimmed[index]
    found = [
        (_likeness(own, other, phrases[index], phrases[source]), source)
        for source, other in enumerate(trimmed[:index])
        if min(len(own), len(other)) >= VARIED_SIMILARITY * max(len(own), len(other))  # others are never alike enough
    ]
    exact = [source for likeness, source in found if likeness.exact]
    if exact:
        return Motif(relation="exact", source=exact[0])
    usable = [(likeness, source) for likeness, source in found if abs(likeness.semitones) <= MAX_SEMITONES]
    if not usable:
        return Motif()
    likeness, source = max(usable, key=lambda pair: (pair[0].similarity, -pair[1]))
    if likeness.similarity < VARIED_SIMILARITY:
        return Motif()
    transposed = likeness.semitones != 0 and likeness.similarity >= TRANSPOSED_SIMILARITY
    relation = "transposed" if transposed else "varied"
    return Motif(relation=relation, source=source, semitones=likeness.semitones)


def _trimmed(frames: Frames, phrase: Range) -> IntArray:
    """(F, 4) pitches up to the first beat after which nothing begins any more."""
    struck = np.flatnonzero(frames.struck[slice(*phrase)].any(axis=1))
    stop = phrase[0] + (int(struck[-1]) + FRAMES_PER_BEAT if len(struck) else 0)
    return frames.pitch[phrase[0] : min(stop, phrase[1])]


def _common_interval(intervals: IntArray) -> int:
    """The most frequent one; of equally frequent ones the lowest."""
    lowest = int(intervals.min())
    return lowest + int(np.bincount(intervals - lowest).argmax())
