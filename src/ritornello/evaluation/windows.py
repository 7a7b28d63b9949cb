"""Windows of a piece, and how long each pitch class sounds in them.

Performances are cut by seconds from the first onset, written music by beats or bars from the bar of the first onset on:
a beat of a performance means nothing. The last window ends with the last note or bar, and may be short.

Shapes: N notes, W windows, 12 pitch classes (C = 0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.evaluation.timeline import FloatArray, Timeline


class Windows(NamedTuple):
    """W windows without gaps."""

    borders: FloatArray
    """(W + 1,) in ``unit``, ascending."""
    sounding: FloatArray
    """(W, 12) how long the notes of each pitch class sound in each window, added up, in ``unit``."""
    in_beats: bool
    """Whether the unit is a quarter note; else a second."""


def by_beats(notes: Timeline, *, beats: float, seconds: float) -> Windows:
    """Windows of so many quarter notes from the first bar on, in a performance of so many seconds."""
    if notes.bar_beats is None:
        return _cut(notes, _steps(0.0, notes.seconds, seconds), in_beats=False)
    start, end = float(notes.bar_beats[0]), float(notes.offset_beats.max(initial=notes.bar_beats[0]))
    return _cut(notes, _steps(start, end, beats), in_beats=True)


def by_bars(notes: Timeline, *, bars: int, seconds: float) -> Windows:
    """Windows of so many bars, in a performance of so many seconds."""
    if notes.bar_beats is None:
        return _cut(notes, _steps(0.0, notes.seconds, seconds), in_beats=False)
    end = float(notes.offset_beats.max(initial=notes.bar_beats[-1]))
    return _cut(notes, np.append(notes.bar_beats[:-1:bars], end), in_beats=True)


def whole(notes: Timeline) -> FloatArray:
    """(12,) how long each pitch class sounds in the whole piece: seconds of a performance, beats of written music."""
    length = notes.offset_beats - notes.onset_beats if notes.is_written else notes.length_seconds
    return np.bincount(notes.pitch % 12, weights=length, minlength=12).astype(np.float64)


def seconds_at(notes: Timeline, windows: Windows) -> FloatArray:
    """Middle of every window (W,), in seconds from the first onset, by the notes that begin around it."""
    middle = (windows.borders[:-1] + windows.borders[1:]) / 2
    if not windows.in_beats or not len(notes):
        return middle
    beats = np.concatenate([notes.onset_beats, notes.offset_beats])
    seconds = np.concatenate([notes.onset_seconds, notes.offset_seconds])
    order = np.argsort(beats, kind="stable")
    return np.interp(middle, beats[order], seconds[order])


def _steps(start: float, end: float, step: float) -> FloatArray:
    """Borders a step apart from start up to the first one that is not before the end; (1,) if there is nothing."""
    return start + step * np.arange(int(np.ceil((end - start) / step - 1e-9)) + 1, dtype=np.float64)


def _cut(notes: Timeline, borders: FloatArray, *, in_beats: bool) -> Windows:
    """Every note counts in a window for as long as it sounds there; exact, in memory of N + 12 W."""
    num_windows = len(borders) - 1
    onset, offset = (notes.onset_beats, notes.offset_beats) if in_beats else (notes.onset_seconds, notes.offset_seconds)
    if num_windows < 1 or not len(notes):
        return Windows(borders, np.zeros((max(0, num_windows), 12)), in_beats)
    first = np.clip(np.searchsorted(borders, onset, side="right") - 1, 0, num_windows - 1)
    last = np.clip(np.searchsorted(borders, offset, side="left") - 1, first, num_windows - 1)
    length, pitch_class, size = np.diff(borders), notes.pitch % 12, (num_windows + 1) * 12
    # as if each note filled all windows from its first to its last one; then what is too much at both ends is taken off
    full = np.bincount(first * 12 + pitch_class, minlength=size) - np.bincount(
        (last + 1) * 12 + pitch_class, minlength=size
    )
    sounding = np.cumsum(full.reshape(-1, 12), axis=0)[:-1] * length[:, None]
    early = np.bincount(first * 12 + pitch_class, weights=onset - borders[first], minlength=size)
    late = np.bincount(last * 12 + pitch_class, weights=borders[last + 1] - offset, minlength=size)
    sounding -= (early + late).reshape(-1, 12)[:-1]
    sounding[sounding < 1e-9 * length.max()] = 0.0  # what subtraction leaves of nothing
    return Windows(borders, sounding, in_beats)
