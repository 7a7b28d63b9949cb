"""Counterpoint: consecutive fifths and octaves, crossings, overlaps, leaps and ranges, per 100 beats.

Everything is counted on the 16th grid of ``form/voices.py``: four voices, soprano first, one sounding
pitch per 16th frame (-1 = rest). A beat is a quarter note, four frames.

**Consecutives.** A pair of voices counts at frame t when both sounded at t - 1, both sound at t, *both
change pitch* between the two (repeated and held notes never count), and the interval is the same
perfect one before and after, octaves folded: 7 semitones modulo 12 (fifth, twelfth) or 0 (unison,
octave). A diminished fifth is another interval and never counts. Both voices moving the same way make a
*parallel*, opposite ways (fifth to twelfth) a *contrary* consecutive. Only directly consecutive
simultaneities are compared; fifths on successive beats with a passing note between are not.

**Phrase borders.** A move away from a fermata chord begins a new phrase and by custom is no fault: the
plain keys leave such moves out, the keys ending in ``_across_fermatas`` count only them.

**Crossing**: a voice below its lower neighbour, counted once for as long as it lasts. **Overlap**: a
voice moves beyond where its neighbour was just before, without crossing it. **Out of range**: a struck
note outside ``RANGES``. **Leap**: a melodic interval above a fifth other than the octave.

**Source.** Open Music Theory, "Chords in SATB style" (soprano C4-G5, alto G3-D5, tenor C3-G4); for the
bass the wider of the customary ranges, E2-D4, since Bach's basses often pass C4.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Score

BoolArray: TypeAlias = NDArray[np.bool_]

RANGES = {"soprano": (60, 79), "alto": (55, 74), "tenor": (48, 67), "bass": (40, 62)}
"""Voice -> lowest and highest MIDI pitch."""

FIFTH, OCTAVE = 7, 0


def evaluate(score: Score) -> dict[str, float]:
    """All counts of this file per 100 beats, and ``beats``, the length they are taken over.

    A score without a beat of music gives nan for every rate.
    """
    pitches, onsets = frames_of(score)
    return evaluate_frames(pitches, onsets, phrase_borders(score))


def evaluate_frames(
    pitches_FV: IntArray, onsets_FV: BoolArray, borders: frozenset[int] = frozenset()
) -> dict[str, float]:
    """``evaluate`` on a grid: pitches and onsets (F frames, V voices), frames where a phrase begins."""
    inside = ~np.isin(np.arange(len(pitches_FV)), list(borders))
    counts = {
        "parallel_fifths": _inside(consecutives(pitches_FV, FIFTH, contrary=False), inside),
        "parallel_octaves": _inside(consecutives(pitches_FV, OCTAVE, contrary=False), inside),
        "contrary_fifths": _inside(consecutives(pitches_FV, FIFTH, contrary=True), inside),
        "contrary_octaves": _inside(consecutives(pitches_FV, OCTAVE, contrary=True), inside),
        "parallel_fifths_across_fermatas": _inside(consecutives(pitches_FV, FIFTH, contrary=False), ~inside),
        "parallel_octaves_across_fermatas": _inside(consecutives(pitches_FV, OCTAVE, contrary=False), ~inside),
        "crossings": len(crossings(pitches_FV)),
        "overlaps": _inside(overlaps(pitches_FV), inside),
        "out_of_range": out_of_range(pitches_FV, onsets_FV),
        "leaps": _inside(leaps(pitches_FV), inside),
    }
    beats = len(pitches_FV) / FRAMES_PER_BEAT
    return {"beats": beats, **{name: 100 * n / beats if beats else float("nan") for name, n in counts.items()}}


def consecutives(pitches_FV: IntArray, interval: int, *, contrary: bool) -> list[int]:
    """Frames at which a pair of voices moves from ``interval`` (semitones modulo 12) to itself, once per pair."""
    frames: list[int] = []
    for upper, lower in combinations(pitches_FV.T, 2):
        motion_upper, motion_lower = np.diff(upper), np.diff(lower)
        folded = np.abs(upper - lower) % 12
        same = (folded[:-1] == interval) & (folded[1:] == interval)
        moved = (np.sign(motion_upper) * np.sign(motion_lower)) == (-1 if contrary else 1)
        frames += (np.flatnonzero(_sounding(upper, lower) & same & moved) + 1).tolist()
    return sorted(frames)


def crossings(pitches_FV: IntArray) -> list[int]:
    """Frames at which a voice begins to lie below its lower neighbour."""
    frames: list[int] = []
    for upper, lower in pairwise(pitches_FV.T):
        crossed = (upper < lower) & (upper != REST)
        frames += np.flatnonzero(crossed & ~np.concatenate([[False], crossed[:-1]])).tolist()
    return sorted(frames)


def overlaps(pitches_FV: IntArray) -> list[int]:
    """Frames at which a voice moves beyond its neighbour's previous note, the two not being crossed."""
    frames: list[int] = []
    for upper, lower in pairwise(pitches_FV.T):
        uncrossed = (upper[:-1] >= lower[:-1]) & (upper[1:] >= lower[1:])
        beyond = (upper[1:] < lower[:-1]) | (lower[1:] > upper[:-1])
        frames += (np.flatnonzero(_sounding(upper, lower) & uncrossed & beyond) + 1).tolist()
    return sorted(frames)


def out_of_range(pitches_FV: IntArray, onsets_FV: BoolArray) -> int:
    """Number of struck notes outside the range of their voice."""
    lowest, highest = np.array(list(RANGES.values())).T
    struck = onsets_FV & (pitches_FV != REST)
    return int((struck & ((pitches_FV < lowest) | (pitches_FV > highest))).sum())


def leaps(pitches_FV: IntArray) -> list[int]:
    """Frames at which a voice leaps by more than a fifth, the octave apart."""
    size = np.abs(np.diff(pitches_FV, axis=0))
    sounding = (pitches_FV[1:] != REST) & (pitches_FV[:-1] != REST)
    return sorted((np.nonzero(sounding & (size > FIFTH) & (size != 12))[0] + 1).tolist())


def phrase_borders(score: Score) -> frozenset[int]:
    """Frames at which a note under a fermata ends, that is, where the next phrase begins."""
    frame_ticks = score.ticks_per_beat / FRAMES_PER_BEAT
    ends: set[int] = set()
    for part in score.parts:
        held = np.isin(part.notes.onset_ticks, part.fermatas_ticks)
        ends.update(np.round(part.notes.offset_ticks[held] / frame_ticks).astype(int).tolist())
    return frozenset(ends)


def _inside(frames: list[int], mask: BoolArray) -> int:
    return int(mask[frames].sum()) if frames else 0


def _sounding(upper: IntArray, lower: IntArray) -> BoolArray:
    """Whether both voices sound in frame t and in frame t + 1, for every t."""
    both = (upper != REST) & (lower != REST)
    return both[:-1] & both[1:]
