"""Phrases: where the melody closes.

With fermatas, a phrase ends where the soprano's fermata note ends. Without any (MIDI has none), the most
likely cut is found by dynamic programming: phrases are two or so bars long, begin at the same place of
the bar as the piece does, and end on a long note on which all voices come to rest.
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
MAX_BEATS = 32
_LENGTH_COST = 0.35
"""Per beat away from two bars."""
_SAME_PLACE = 2.0
"""For a phrase that begins at the same place of the bar as the piece."""
_PER_PHRASE = -2.0


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
    ends = sorted({_note_end(onsets, close, num_frames) for close in closes} | {num_frames})
    spans: list[PhraseSpan] = []
    start = 0
    for number, end in enumerate(ends):
        left = num_frames - end
        if end - start < MIN_FRAMES or (0 < left < MIN_FRAMES and number + 1 < len(ends)):
            if end < num_frames or not spans:
                if end < num_frames:
                    continue
            else:
                start = spans.pop().start
        spans.append(PhraseSpan(start, end, _fermata_in(onsets, closes, start, end)))
        start = end
    return spans


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
    num_frames = len(frames.pitch)
    ends = np.concatenate([onsets[1:], [num_frames]])
    merit = _closing_merit(frames, onsets, ends)
    merit[-1] = 0.0  # the piece ends there in any case
    place = grid.bar_positions
    first_place = place[0]
    best = np.full(len(onsets), -np.inf)
    previous = np.full(len(onsets), -1)
    goal = 2 * grid.bar_frames
    for number, end in enumerate(ends):
        starts = np.concatenate([[0], ends[:number]])
        earlier = np.concatenate([[0.0], best[:number]])
        beats = (end - starts) / FRAMES_PER_BEAT
        cost = _LENGTH_COST * np.abs(beats - goal / FRAMES_PER_BEAT)
        total = earlier - cost + _SAME_PLACE * (place[starts] == first_place) + _PER_PHRASE
        total[(beats > MAX_BEATS) | (end - starts < MIN_FRAMES)] -= 50.0
        previous[number] = int(total.argmax()) - 1
        best[number] = total.max() + merit[number]
    chosen = [len(onsets) - 1]
    while previous[chosen[-1]] >= 0:
        chosen.append(int(previous[chosen[-1]]))
    return [int(onsets[number]) for number in reversed(chosen)]


def _closing_merit(frames: Frames, onsets: IntArray, ends: IntArray) -> FloatArray:
    """How much each soprano note sounds like the end of a phrase."""
    beats = (ends - onsets) / FRAMES_PER_BEAT
    usual = float(np.median(beats))
    inner = frames.struck[:, 1:].sum(axis=1)
    moving = np.array([inner[start + 1 : end].sum() for start, end in zip(onsets, ends, strict=True)])
    together = inner[onsets]
    rest_after = np.array([(frames.pitch[start:end, 0] == REST).any() for start, end in zip(onsets, ends, strict=True)])
    long = np.clip(np.log2(beats / usual), -1, 2)
    return 1.5 * long - 0.7 * np.minimum(moving, 4) + 0.3 * together + 1.0 * rest_after
