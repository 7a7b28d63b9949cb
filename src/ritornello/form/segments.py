"""Where the passages of a piece begin and end: the most likely cut into passages of some bars each.

A semi-Markov model: a cut into segments is the likelier, the more each of its segments looks like a phrase that a
person would mark. What speaks for a segment: its length, whether melody begins or ends with it, where the melody
pauses, and what returns: a segment that comes again as a whole, and whose neighbours do not come again with it, is one.
The best cut of all is found by dynamic programming; nothing is decided bar by bar.

The weights were fitted by ``benchmarks/fit_song_form.py`` as a semi-Markov conditional random field to the cuts of two
people.

**Source**: S. Sarawagi and W. Cohen, Semi-Markov conditional random fields for information extraction (2004); cuts by
repetition as in S. Dai et al., Automatic analysis and influence of hierarchical structure on melody, rhythm and harmony
in popular music (2020), whose rules are replaced by learned weights.

Shapes: N bars, M lengths in bars (1 to ``MAX_BARS``), K features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.form.bars import Bars
from ritornello.form.evidence import FloatArray
from ritornello.form.grid import FRAMES_PER_BEAT, Range
from ritornello.form.repetition import Repetition
from ritornello.form.song_weights import weights_of
from ritornello.scores.score import IntArray

MAX_BARS = 16
"""The longest segment; people mark one of a hundred as longer."""
EDGE_BARS = 4
"""Bars on both sides of a border that are compared with other places."""
LENGTHS = tuple(f"{bars} bars" for bars in range(1, MAX_BARS + 1))
EMPTY_LENGTHS = tuple(f"{bars} bars without melody" for bars in range(1, MAX_BARS + 1))
BORDERS = (
    "melody enters",
    "melody leaves",
    "upbeat",
    "long note",
    "pause",
    "new rhythm",
    "new harmony",
    "new line",
    "return begins",
    "return ends",
    "returns begin",
    "returns end",
    "chord changes",
)
"""Of the border at which a segment begins; none of the first segment."""
INSIDE = (
    "returns whole",
    "returns, its neighbour before too",
    "returns, its neighbour after too",
    "halves alike",
    "quarters alike",
    "first bars without melody",
    "last bars without melody",
    "empty bars inside",
    "first of all",
    "first of all without melody",
    "last of all",
    "last of all without melody",
    "returns often",
)
FEATURES = (*LENGTHS, *EMPTY_LENGTHS, *BORDERS, *INSIDE)


def segments_of(bars: Bars, repetition: Repetition) -> list[Range]:
    """The segments of a piece in bars, in order, without gaps; none of a piece without bars."""
    names = weights_of("segments")
    return best_cut(features_of(bars, repetition) @ np.array([names[name] for name in FEATURES]))


def best_cut(worth_NM: FloatArray) -> list[Range]:
    """The cut with the greatest sum of worths. Of equal ones that with the later last border.

    Args:
        worth_NM: worth of the segment that begins in bar n and has m + 1 bars; those that go beyond the end are not
            looked at.
    """
    num = len(worth_NM)
    best, last = np.full(num + 1, -np.inf), np.zeros(num + 1, dtype=np.int64)
    best[0] = 0.0
    for end in range(1, num + 1):
        starts = np.arange(end - 1, max(-1, end - 1 - worth_NM.shape[1]), -1)
        worth = best[starts] + worth_NM[starts, end - 1 - starts]
        choice = int(worth.argmax())
        best[end], last[end] = worth[choice], starts[choice]
    cut: list[Range] = []
    end = num
    while end > 0:
        cut.append((int(last[end]), end))
        end = int(last[end])
    return cut[::-1]


def features_of(bars: Bars, repetition: Repetition) -> FloatArray:
    """(N, M, K) what speaks for each segment, by ``FEATURES``; 0 for segments beyond the end."""
    num = bars.num_bars
    start = np.arange(num)[:, None]
    end = start + np.arange(1, MAX_BARS + 1)
    there = end <= num
    stop = np.minimum(end, num)
    melodic = bars.melodic
    before = np.concatenate([[0], np.cumsum(melodic)])
    count = before[stop] - before[start]
    empty = (count == 0) & there
    length = np.arange(MAX_BARS)
    features = np.zeros((num, MAX_BARS, len(FEATURES)))
    features[:, length, length] = there & ~empty
    features[:, length, MAX_BARS + length] = empty
    first_border = 2 * MAX_BARS
    features[:, :, first_border : first_border + len(BORDERS)] = (
        borders_of(bars, repetition)[:num, None] * there[..., None]
    )
    inside = [
        *_returns(repetition.alike_NN, stop),
        *_parts_alike(repetition.alike_NN),
        *_empty_ends(melodic, stop),
        start == 0,
        (start == 0) & empty,
        end == num,
        (end == num) & empty,
        _often(repetition.alike_NN, stop),
    ]
    features[:, :, first_border + len(BORDERS) :] = np.stack(np.broadcast_arrays(*inside), axis=2) * there[..., None]
    return features


def borders_of(bars: Bars, repetition: Repetition) -> FloatArray:
    """(N, B) what speaks for a border before each bar, by ``BORDERS``; 0 before the first."""
    num = bars.num_bars
    signs = np.zeros((num, len(BORDERS)))
    if num < 2:
        return signs
    melodic = bars.melodic.astype(np.float64)
    enters, leaves = np.maximum(np.diff(melodic), 0), np.maximum(-np.diff(melodic), 0)
    lengths, pauses, upbeats = _closes(bars)
    onsets = bars.onsets.astype(np.float64)
    chroma = bars.chroma_NBC
    change = 1 - (chroma[1:, 0] * chroma[:-1, -1]).sum(axis=1)
    columns = [
        enters,
        leaves,
        upbeats[1:],
        lengths[1:],
        pauses[1:],
        _novelty(onsets),
        _novelty(chroma.reshape(num, -1)),
        _novelty(bars.line_NBC.sum(axis=1)),
        *_edges(repetition.alike_NN),
        change,
    ]
    signs[1:] = np.stack(columns, axis=1)
    return signs


def _closes(bars: Bars) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(N,) each, of the border before a bar: length of the note before it and pause (log2 of beats), and an upbeat.

    The longest time between two onsets around the border says how the melody pauses; an upbeat is what begins after it
    and before the border.
    """
    num, width = bars.onsets.shape
    onsets = np.flatnonzero(bars.onsets)
    sounds = np.concatenate([[0], np.cumsum(bars.sounds_NF.ravel())])
    long, pause, upbeat = np.zeros(num), np.zeros(num), np.zeros(num)
    gaps = np.diff(onsets)
    usual = max(1.0, float(np.median(gaps))) if len(gaps) else 1.0
    for bar in range(1, num):
        low, high = bar * width - width, bar * width + width // 2
        inside = np.flatnonzero((onsets[:-1] >= low - width // 2) & (onsets[:-1] < bar * width) & (onsets[1:] > low))
        inside = inside[onsets[inside + 1] <= high]
        if len(inside):
            longest = inside[gaps[inside].argmax()]
            long[bar] = np.clip(np.log2(gaps[longest] / usual), 0, 4)
            begin, stop = onsets[longest], onsets[longest + 1]
            pause[bar] = np.log2(1 + (stop - begin - (sounds[stop] - sounds[begin])) / FRAMES_PER_BEAT)
            upbeat[bar] = float(stop < bar * width)
    return long, pause, upbeat


def _novelty(profile: FloatArray) -> FloatArray:
    """(N - 1,) how unlike the bars before and after each border are: distance of their mean profiles, 0 to 1."""
    num = len(profile)
    total = np.concatenate([np.zeros((1, profile.shape[1])), np.cumsum(profile, axis=0)])
    border = np.arange(1, num)
    low, high = np.maximum(border - EDGE_BARS, 0), np.minimum(border + EDGE_BARS, num)
    before, after = total[border] - total[low], total[high] - total[border]
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    product = (before * after).sum(axis=1)
    return 1 - np.divide(product, norms, out=np.ones_like(product), where=norms > 0)


def _lagged(alike: FloatArray) -> FloatArray:
    """(2N - 1, N) alike[n, n + lag] for lags -N + 1 to N - 1, 0 outside and where the lag is 0."""
    num = len(alike)
    lagged = np.zeros((2 * num - 1, num))
    for lag in range(1, num):
        lagged[num - 1 + lag, : num - lag] = alike.diagonal(lag)
        lagged[num - 1 - lag, lag:] = alike.diagonal(-lag)
    return lagged


def _edges(alike: FloatArray) -> list[FloatArray]:
    """(N - 1,) each: how clearly a return begins and ends at a border, at the best lag and summed over all."""
    num = len(alike)
    total = np.concatenate([np.zeros((2 * num - 1, 1)), np.cumsum(_lagged(alike), axis=1)], axis=1)
    border = np.arange(1, num)
    low, high = np.maximum(border - EDGE_BARS, 0), np.minimum(border + EDGE_BARS, num)
    before = (total[:, border] - total[:, low]) / EDGE_BARS
    after = (total[:, high] - total[:, border]) / EDGE_BARS
    begins, ends = after * (1 - before), before * (1 - after)
    return [begins.max(axis=0), ends.max(axis=0), np.sqrt(begins.sum(axis=0)), np.sqrt(ends.sum(axis=0))]


def _returns(alike: FloatArray, stop: IntArray) -> list[FloatArray]:
    """(N, M) each: mean likeness to the best other place, and with it that of the bars before and after."""
    num = len(alike)
    whole, with_before, with_after = (np.zeros((num, MAX_BARS)) for _ in range(3))
    if not num:
        return [whole, with_before, with_after]
    lagged = _lagged(alike)
    total = np.concatenate([np.zeros((2 * num - 1, 1)), np.cumsum(lagged, axis=1)], axis=1)
    distance = np.abs(np.arange(2 * num - 1) - (num - 1))
    at = np.arange(num)
    earlier = np.concatenate([np.zeros((2 * num - 1, 1)), lagged[:, :-1]], axis=1)
    later = np.concatenate([lagged, np.zeros((2 * num - 1, 1))], axis=1)
    for size in range(1, MAX_BARS + 1):
        ends = stop[:, size - 1]
        mean = np.where((distance >= size)[:, None], (total[:, ends] - total[:, at]) / size, 0.0)
        best = mean.argmax(axis=0)
        whole[:, size - 1] = mean[best, at]
        with_before[:, size - 1] = mean[best, at] * earlier[best, at]
        with_after[:, size - 1] = mean[best, at] * later[best, ends]
    return [whole, with_before, with_after]


def _often(alike: FloatArray, stop: IntArray) -> FloatArray:
    """(N, M) log2 of one more than how many other places are like the segment (a sum of means above a half)."""
    num = len(alike)
    often = np.zeros((num, MAX_BARS))
    if not num:
        return often
    total = np.concatenate([np.zeros((2 * num - 1, 1)), np.cumsum(_lagged(alike), axis=1)], axis=1)
    distance = np.abs(np.arange(2 * num - 1) - (num - 1))
    for size in range(1, MAX_BARS + 1):
        mean = (total[:, stop[:, size - 1]] - total[:, np.arange(num)])[distance >= size] / size
        often[:, size - 1] = np.log2(1 + np.maximum(2 * mean - 1, 0).sum(axis=0))
    return often


def _parts_alike(alike: FloatArray) -> list[FloatArray]:
    """(N, M) each: mean likeness of the two halves, and of the quarters that follow each other; 0 for odd lengths."""
    num = len(alike)
    found: list[FloatArray] = []
    for parts in (2, 4):
        table = np.zeros((num, MAX_BARS))
        for size in range(parts, MAX_BARS + 1, parts):
            lag = size // parts
            diagonal = np.concatenate([[0], np.cumsum(alike.diagonal(lag))]) if lag < num else np.zeros(1)
            starts = np.arange(max(0, num - size + 1))
            table[starts, size - 1] = (diagonal[starts + size - lag] - diagonal[starts]) / (size - lag)
        found.append(table)
    return found


def _empty_ends(melodic: NDArray[np.bool_], stop: IntArray) -> list[FloatArray]:
    """(N, M) each: bars without melody at the beginning, at the end, between; 0 if the segment has no melody."""
    num = len(melodic)
    at = np.arange(num)
    there = np.flatnonzero(melodic)
    following = np.append(there, num)[np.searchsorted(there, at)] if num else at
    preceding = np.concatenate([[-1], there])[np.searchsorted(there, np.arange(num + 1))]  # last one before an end
    before = np.concatenate([[0], np.cumsum(~melodic)])
    first = np.minimum(following[:, None], stop) - at[:, None]
    last = stop - 1 - np.maximum(preceding[stop], at[:, None] - 1)
    between = before[stop] - before[at][:, None] - first - last
    has = first < stop - at[:, None]
    return [np.where(has, table, 0).astype(np.float64) for table in (first, last, between)]
