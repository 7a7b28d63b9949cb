"""Phrases: where the melody closes.

With fermatas, a phrase ends where the soprano's fermata note ends. Without any (MIDI has none), the most
likely cut is found by dynamic programming: phrases have usual lengths, and they end on notes that bear the
signs of an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ritornello.form.evidence import FloatArray
from ritornello.form.grid import FRAMES_PER_BEAT, Grid
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import IntArray

MIN_FRAMES = 6
"""A shorter phrase belongs to its neighbour."""

_SIGNS = {
    "every note": -5.3,
    "long": 3.7,
    "inner voices move": -1.2,
    "inner voices rest": 1.4,
    "in the middle of a bar": 1.6,
    "followed by a rest": 1.2,
    "bass rises a fourth": 1.4,
    "bass rises a fifth": 0.8,
    "triad in root position": 1.6,
    "repeated by the next note": 1.2,
    "reached by a step down": 0.7,
    "left by a leap": 1.5,
    "next note at the piece's own upbeat": 1.8,
}
"""Log-odds that a soprano note ends a phrase; logistic regression on the fermatas of chorales 1-249."""
_BARS = {1.0: 0.044, 1.5: 0.019, 1.75: 0.036, 2.0: 0.618, 2.25: 0.028, 2.5: 0.059, 2.75: 0.012, 3.0: 0.073, 4.0: 0.07}
"""Share of phrases of this many bars in the same chorales."""
_OTHER_LENGTH = 0.006
_TOO_LONG_BARS = 4
_SIGN_WEIGHT = 0.9
"""Signs and length are not independent."""


class PhraseSpan(NamedTuple):
    """Frames of a phrase and the onset of its last chord."""

    start: int
    end: int
    fermata: int


def phrase_spans(frames: Frames, grid: Grid, fermatas: Sequence[int]) -> list[PhraseSpan]:
    """The phrases of a piece, without gaps; at least one if the piece has frames.

    Args:
        frames: of the score.
        grid: its bars.
        fermatas: frames of the fermata chords; empty if the source has none.
    """
    num_frames = len(frames.pitch)
    if num_frames == 0:
        return []
    onsets = _soprano_onsets(frames)
    closes = [_last_onset(onsets, frame + 1) for frame in fermatas if frame < num_frames]
    if len(closes) < 2 and num_frames > 4 * grid.bar_frames:
        closes = _likely_closes(frames, grid, onsets)
    ends: list[int] = []
    for end in sorted({_note_end(onsets, close, num_frames) for close in closes} | {num_frames}):
        if end - (ends[-1] if ends else 0) >= MIN_FRAMES or (end == num_frames and not ends):
            ends.append(end)
        elif ends:  # two fermatas close together are one end
            ends[-1] = end
    return _spans(onsets, closes, ends)


def spans_to(frames: Frames, ends: Sequence[int]) -> list[PhraseSpan]:
    """Phrases that follow each other from the beginning up to each of ``ends``, with their last chords."""
    return _spans(_soprano_onsets(frames), [], ends)


def _spans(onsets: IntArray, closes: Sequence[int], ends: Sequence[int]) -> list[PhraseSpan]:
    starts = [0, *ends[:-1]]
    return [
        PhraseSpan(start, end, _fermata_in(onsets, closes, start, end)) for start, end in zip(starts, ends, strict=True)
    ]


def _soprano_onsets(frames: Frames) -> IntArray:
    """Frames at which a soprano note begins; at which any note begins if there is no soprano."""
    onsets = np.flatnonzero(frames.struck[:, 0])
    return onsets if len(onsets) else np.flatnonzero(frames.struck.any(axis=1))


def _last_onset(onsets: IntArray, before: int) -> int:
    """The last onset before a frame, 0 if there is none."""
    earlier = onsets[onsets < before]
    return int(earlier[-1]) if len(earlier) else 0


def _note_end(onsets: IntArray, onset: int, num_frames: int) -> int:
    """Where the next soprano note begins: rests belong to the phrase before them."""
    later = onsets[onsets > onset]
    return int(later[0]) if len(later) else num_frames


def _fermata_in(onsets: IntArray, closes: Sequence[int], start: int, end: int) -> int:
    """The phrase's own fermata, or its last soprano onset."""
    own = [close for close in closes if start <= close < end]
    return max(own[-1] if own else _last_onset(onsets, end), start)


def _likely_closes(frames: Frames, grid: Grid, onsets: IntArray) -> list[int]:
    """Onsets of the notes on which phrases end, the best set by dynamic programming."""
    ends = np.append(onsets[1:], len(frames.pitch))
    merit = _SIGN_WEIGHT * _signs(frames, grid, onsets, ends) @ np.array(list(_SIGNS.values()))
    merit[-1] = 0.0  # the piece ends there in any case
    best = np.zeros(len(onsets))
    previous = np.full(len(onsets), -1)
    for number, end in enumerate(ends):
        starts = np.append(0, ends[:number])
        total = np.append(0.0, best[:number]) + _length_merit((end - starts) / grid.bar_frames)
        previous[number] = int(total.argmax()) - 1
        best[number] = total.max() + merit[number]
    chosen = [len(onsets) - 1]
    while previous[chosen[-1]] >= 0:
        chosen.append(int(previous[chosen[-1]]))
    return [int(onsets[number]) for number in reversed(chosen)]


def _length_merit(bars: FloatArray) -> FloatArray:
    """Log of the share of phrases with each length."""
    merit = np.full(bars.shape, np.log(_OTHER_LENGTH))
    for length, share in _BARS.items():
        merit[np.abs(bars - length) < 1e-6] = np.log(share)
    return merit - np.maximum(bars - _TOO_LONG_BARS, 0)


def _signs(frames: Frames, grid: Grid, onsets: IntArray, ends: IntArray) -> FloatArray:
    """(N, 13) how far each sign of ``_SIGNS`` holds for each soprano note."""
    pitch = frames.pitch
    soprano = pitch[onsets, 0]
    step = np.diff(soprano, prepend=soprano[0])
    leap = np.append(np.abs(np.diff(soprano)), 0)
    beats = (ends - onsets) / FRAMES_PER_BEAT
    begun = np.append(0, np.cumsum(frames.struck[:, 1:].sum(axis=1)))
    moving = begun[ends] - begun[np.minimum(onsets + 1, ends)]
    rests = np.append(0, np.cumsum(pitch[:, 0] == REST))
    bass = np.where(pitch == REST, 999, pitch).min(axis=1)
    rise = (bass[onsets] - bass[np.maximum(onsets - 1, 0)]) % 12
    place = grid.bar_positions
    upbeat = (ends < len(pitch)) & (place[np.minimum(ends, len(pitch) - 1)] == place[0])
    columns = [
        np.ones(len(onsets)),
        np.clip(np.log2(beats / np.median(beats)), -1, 2),
        np.minimum(moving, 4),
        moving == 0,
        place[onsets] == grid.bar_frames // 2,
        rests[ends] > rests[onsets],
        rise == 5,
        rise == 7,
        [_is_triad(pitch[onset]) for onset in onsets],
        np.append(soprano[1:] == soprano[:-1], np.zeros(1, np.bool_)),
        (step < 0) & (step > -3),
        leap > 2,
        upbeat,
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _is_triad(chord: IntArray) -> bool:
    """Whether the sounding notes all belong to the major or the minor triad on the lowest one."""
    sounding = chord[chord != REST]
    above = {int(p) for p in (sounding - sounding.min(initial=127)) % 12}
    return above <= {0, 4, 7} or above <= {0, 3, 7}
