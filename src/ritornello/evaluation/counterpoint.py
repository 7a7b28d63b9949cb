"""Counterpoint: consecutive fifths and octaves, crossings, overlaps, leaps and ranges, per 100 beats.

Everything is counted on the 16th grid of ``form/voices.py``: four voices, soprano first, one sounding
pitch per 16th frame (-1 = rest). A beat is a quarter note, four frames. The figures are meant for written
music in four parts. A score with another number of parts is read from the outside in: highest and lowest
sounding note are soprano and bass, the next ones alto and tenor. Such voices never cross; consecutives are
found between them, but a part that leaves the outside leaves its voice, so read its figures only beside
those of music read in the same way. Beats are counted from the bar of the first note on.

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

from ritornello.evaluation.metric import BUT_TRANSPOSED, Metric
from ritornello.evaluation.timeline import Timeline
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Score

BoolArray: TypeAlias = NDArray[np.bool_]

PER_100 = "per 100 beats"

METRICS: tuple[Metric, ...] = (
    Metric("beats", "quarter notes", "length that the rates are taken over"),
    Metric("parallel_fifths", PER_100, "pairs of voices moving the same way from fifth to fifth"),
    Metric("parallel_octaves", PER_100, "pairs of voices moving the same way from octave to octave"),
    Metric("contrary_fifths", PER_100, "pairs of voices moving apart or together from fifth to fifth"),
    Metric("contrary_octaves", PER_100, "pairs of voices moving apart or together from octave to octave"),
    Metric("parallel_fifths_across_fermatas", PER_100, "parallel fifths from one phrase to the next"),
    Metric("parallel_octaves_across_fermatas", PER_100, "parallel octaves from one phrase to the next"),
    Metric("crossings", PER_100, "places where a voice goes below its lower neighbour"),
    Metric("overlaps", PER_100, "moves of a voice beyond where its neighbour just was"),
    Metric("out_of_range", PER_100, "notes too high or low for their voice", keeps=BUT_TRANSPOSED),
    Metric("leaps", PER_100, "melodic intervals above a fifth, octaves apart"),
)

RANGES = {"soprano": (60, 79), "alto": (55, 74), "tenor": (48, 67), "bass": (40, 62)}
"""Voice -> lowest and highest MIDI pitch."""

FIFTH, OCTAVE = 7, 0


def evaluate(notes: Timeline) -> dict[str, float]:
    """All counts of this file per 100 beats, and ``beats``, the length they are taken over.

    Music without a beat, or without bars, gives nan for every rate.
    """
    if notes.bar_beats is None:
        return evaluate_frames(np.empty((0, 4), np.int64), np.empty((0, 4), np.bool_))
    pitches, onsets = frames_of(notes.score)
    first = round(float(notes.bar_beats[0]) * FRAMES_PER_BEAT)
    borders = frozenset(frame - first for frame in phrase_borders(notes.score))
    return evaluate_frames(pitches[first:], onsets[first:], borders)


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
