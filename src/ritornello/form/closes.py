"""Where cadences are in a piece of any texture, without fermatas.

Each beat slot in which something begins is asked whether a cadence arrives in it: by the step of the bass and the
place of the top voice in the local key, by how still it grows, by where the slot lies in its bar and its group of
bars. The log-odds in ``long.json`` are a logistic regression on the cadences that people have marked in the movements
named in ``local_keys.py``; fitted by ``benchmarks/fit_long_bach.py``. Of two that lie less than
``MIN_BEATS_APART`` apart the likelier one counts.

Shapes: S slots.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.form.cadences import cadence_of
from ritornello.form.chord import Chord
from ritornello.form.evidence import FloatArray
from ritornello.form.grid import FRAMES_PER_BEAT, Grid, Range
from ritornello.form.plan import Cadence
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import IntArray

MIN_BEATS_APART = 4
_LOW_DEGREES = (0, 2, 4, 5, 7, 8, 9, 11)
_TOP_DEGREES = (0, 2, 3, 4, 7, 11)
_BASS_STEPS = ((7, 0), (11, 0), (2, 0), (5, 7), (8, 7))
"""From one degree to another, in semitones above the tonic; the first is the fall of a fifth."""
_NO_BASS = 999
Sign: TypeAlias = NDArray[Any]
"""(S,) how far a sign holds."""


class Close(NamedTuple):
    """A cadence: the frame in which its last harmony begins, its kind, and the key (0-23) in which it is."""

    frame: int
    kind: Cadence
    key: int


class CloseWeights(NamedTuple):
    """Log-odds of each sign, and the least sum of them at which a slot is a cadence."""

    signs: FloatArray
    threshold: float


@cache
def close_weights() -> CloseWeights:
    """The fitted weights."""
    table = json.loads(files("ritornello.form").joinpath("long.json").read_text(encoding="utf-8"))
    return CloseWeights(np.array(table["signs"], dtype=np.float64), float(table["threshold"]))


def closes(frames: Frames, grid: Grid, slots: Sequence[Range], keys: IntArray, chords: Sequence[Chord]) -> list[Close]:
    """The cadences of a piece in order of time.

    Args:
        frames: of the score.
        grid: its bars.
        slots: all beat slots of the piece.
        keys: of each slot.
        chords: of each slot, in its key.
    """
    if not slots:
        return []
    weights = close_weights()
    merit = signs(frames, grid, slots, keys, chords) @ weights.signs
    return [_close(frames, slots, keys, chords, slot) for slot in chosen(merit, slots, weights.threshold)]


def _close(frames: Frames, slots: Sequence[Range], keys: IntArray, chords: Sequence[Chord], slot: int) -> Close:
    """The cadence that arrives in a slot; it is called authentic or half by the chord of that slot alone if need be."""
    key = int(keys[slot])
    top = _first(frames.pitch[slice(*slots[slot]), 0])
    degree = None if top == REST else (top - key) % 12
    first = slot
    while first > 0 and keys[first - 1] == key:
        first -= 1
    kind = cadence_of(chords[first : slot + 1], "minor" if key >= 12 else "major", degree)
    return Close(slots[slot][0], kind, key)


def chosen(merit: FloatArray, slots: Sequence[Range], threshold: float) -> list[int]:
    """The slots above the threshold, the likelier of neighbours, in order of time."""
    taken: list[int] = []
    order: list[int] = np.argsort(-merit, kind="stable").tolist()
    for slot in order:
        if merit[slot] < threshold:
            break
        apart = MIN_BEATS_APART * FRAMES_PER_BEAT
        if all(abs(slots[slot][0] - slots[other][0]) >= apart for other in taken):
            taken.append(slot)
    return sorted(taken)


def signs(frames: Frames, grid: Grid, slots: Sequence[Range], keys: IntArray, chords: Sequence[Chord]) -> FloatArray:
    """(S, number of signs) what speaks for or against a cadence in each slot, in it and in its neighbours."""
    own = _signs(frames, grid, slots, keys, chords)
    none = np.zeros((1, own.shape[1] - 1))
    return np.concatenate([own, np.vstack([none, own[:-1, 1:]]), np.vstack([own[1:, 1:], none])], axis=1)


def _signs(frames: Frames, grid: Grid, slots: Sequence[Range], keys: IntArray, chords: Sequence[Chord]) -> FloatArray:
    """The same in each slot alone; the first sign always holds."""
    tonic = keys % 12
    bass, leap = _bass_signs(frames, slots, tonic)
    top, on_tonic = _top_signs(frames, slots, tonic)
    place = _place_signs(frames, grid, slots)
    starts = np.array([start for start, _ in slots])
    position = grid.bar_positions[starts]
    both = [leap & on_tonic, leap & (position == 0), leap & (position == grid.bar_frames // 2)]
    columns = [np.ones(len(slots)), *bass, *top, *_rhythm_signs(frames, slots), *place, *_chord_signs(chords), *both]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _bass_signs(frames: Frames, slots: Sequence[Range], tonic: IntArray) -> tuple[list[Sign], Sign]:
    """Where the bass stands and how it came there; and whether it fell a fifth to the tonic."""
    starts, ends = (np.array(column) for column in zip(*slots, strict=True))
    low = np.where(frames.pitch == REST, _NO_BASS, frames.pitch).min(axis=1)
    lowest = np.array([int(low[start:end].min()) for start, end in slots])
    before = np.concatenate([[_NO_BASS], low[ends[:-1] - 1]])
    there, moved = low[starts] != _NO_BASS, (low[starts] != _NO_BASS) & (before != _NO_BASS)
    now, then = (low[starts] - tonic) % 12, (before - tonic) % 12
    steps = [moved & (then == first) & (now == second) for first, second in _BASS_STEPS]
    own = [~there, *(there & (now == degree) for degree in _LOW_DEGREES), *steps]
    return [*own, moved & (then == now), (lowest - tonic) % 12 == 0], steps[0]


def _top_signs(frames: Frames, slots: Sequence[Range], tonic: IntArray) -> tuple[list[Sign], Sign]:
    """Where the top voice stands and how it came there; and whether it is on the tonic."""
    top = np.array([_first(frames.pitch[start:end, 0]) for start, end in slots])
    before = np.array([REST, *(_last(frames.pitch[start:end, 0]) for start, end in slots[:-1])])
    moved = (top != REST) & (before != REST)
    step, degree = top - before, (top - tonic) % 12
    degrees = [(top != REST) & (degree == wanted) for wanted in _TOP_DEGREES]
    own = [top == REST, *degrees, moved & (step == 0), moved & (step < 0) & (step >= -2)]
    return [*own, moved & (step > 0) & (step <= 2), moved & (step == 1) & (degree == 0)], degrees[0]


def _rhythm_signs(frames: Frames, slots: Sequence[Range]) -> list[Sign]:
    """How many frames of the slot, against the piece's mean, bring a note; and how many are silent."""
    starts, ends = (np.array(column) for column in zip(*slots, strict=True))
    begun = np.append(0, np.cumsum(frames.struck.any(axis=1)))
    sound = np.append(0, np.cumsum((frames.pitch != REST).any(axis=1)))
    share = (begun[ends] - begun[starts]) / (ends - starts)
    rests = 1.0 - (sound[ends] - sound[starts]) / (ends - starts)
    return [share / max(float(share.mean()), 1e-6), begun[ends] - begun[starts] <= 1, rests]


def _place_signs(frames: Frames, grid: Grid, slots: Sequence[Range]) -> list[Sign]:
    """Where the slot lies in its bar, its bar in a group of two, four and eight, and whether the piece ends there."""
    starts = np.array([start for start, _ in slots])
    position, bar = grid.bar_positions[starts], (starts - grid.pickup_frames) // grid.bar_frames
    last = int(np.flatnonzero(frames.struck.any(axis=1))[-1])
    first = position == 0
    return [
        first,
        position == grid.bar_frames // 2,
        position * 3 == 2 * grid.bar_frames,
        first & (bar % 2 == 1),
        first & (bar % 4 == 3),
        first & (bar % 8 == 7),
        bar % 8 == 7,
        bar % 4 == 3,
        np.array([start <= last < end for start, end in slots]),
        starts >= grid.num_frames - grid.bar_frames,
    ]


def _chord_signs(chords: Sequence[Chord]) -> list[Sign]:
    """The slot's chord and the one before it."""
    root, quality = np.array([chord.root for chord in chords]), np.array([chord.quality for chord in chords])
    before = np.concatenate([[-1], root[:-1]])
    triad, dominant = np.isin(quality, ["major", "minor"]), (root == 7) & np.isin(quality, ["major", "dominant7"])
    tonic = triad & (root == 0)
    subdominant = np.isin(before, [2, 5])
    return [
        tonic,
        tonic & (before == 7),
        dominant,
        dominant & (before == 0),
        dominant & subdominant,
        triad & (root == before),
    ]


def _first(pitches: IntArray) -> int:
    sounding = pitches[pitches != REST]
    return int(sounding[0]) if len(sounding) else REST


def _last(pitches: IntArray) -> int:
    sounding = pitches[pitches != REST]
    return int(sounding[-1]) if len(sounding) else REST
