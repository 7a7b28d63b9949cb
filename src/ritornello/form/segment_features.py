"""What speaks for some bars in a row to be one segment: length, melody, borders, returns.

Shapes: N bars, M lengths in bars (1 to ``MAX_BARS``), K features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ritornello.form.bars import Bars
from ritornello.form.borders import BORDERS, borders_of
from ritornello.form.evidence import FloatArray
from ritornello.form.repetition import Repetition, lagged
from ritornello.scores.score import IntArray

MAX_BARS = 16
"""The longest segment; people mark one of a hundred as longer."""
_LEAST_STRENGTH = 0.1
LENGTHS = tuple(f"{bars} bars" for bars in range(1, MAX_BARS + 1))
EMPTY_LENGTHS = tuple(f"{bars} bars without melody" for bars in range(1, MAX_BARS + 1))
INSIDE = (
    "returns whole",
    "returns, its neighbour before too",
    "returns, its neighbour after too",
    "returns often",
    "halves alike",
    "quarters alike",
    "first bars without melody",
    "last bars without melody",
    "empty bars inside",
    "first of all",
    "first of all without melody",
    "last of all",
    "last of all without melody",
)
FEATURES = (*LENGTHS, *EMPTY_LENGTHS, *BORDERS, *INSIDE)
ELSEWHERE = (
    "cut as its returns",
    "returns that are cut so",
    "begins as its returns",
    "ends as its returns",
    "as long as the one before",
    "as long as the one after",
)
"""Looked at the second time."""
FEATURES_AGAIN = (*FEATURES, *ELSEWHERE)


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
    ]
    features[:, :, first_border + len(BORDERS) :] = np.stack(np.broadcast_arrays(*inside), axis=2) * there[..., None]
    return features


def elsewhere_of(repetition: Repetition, chances_NM: FloatArray) -> FloatArray:
    """(N, M, E) what the likely cut of other places says for each segment, by ``ELSEWHERE``."""
    num = len(chances_NM)
    found = np.zeros((num, MAX_BARS, len(ELSEWHERE)))
    if not num:
        return found
    lag = np.arange(-num + 1, num)[:, None]
    at = np.arange(num)
    stop = np.minimum(at[:, None] + np.arange(1, MAX_BARS + 1), num)
    place = np.clip(at + lag, 0, num - 1)
    begins = np.append(chances_NM.sum(axis=1), 1.0)
    for size, mean in enumerate(_mean_by_lag(repetition.alike_NN), start=1):
        strength = np.maximum(2 * mean - 1, 0)
        total = strength.sum(axis=0)
        whole = (strength * chances_NM[place, size - 1]).sum(axis=0)
        begin = (strength * begins[place]).sum(axis=0)
        end = (strength * begins[np.clip(stop[:, size - 1] + lag, 0, num)]).sum(axis=0)
        shares = [
            np.divide(one, total, out=np.zeros(num), where=total > _LEAST_STRENGTH) for one in (whole, begin, end)
        ]
        before = np.concatenate([np.zeros(min(size, num)), chances_NM[: max(0, num - size), size - 1]])
        after = np.append(chances_NM[:, size - 1], 0.0)[stop[:, size - 1]]
        found[:, size - 1] = np.stack([np.log2(1 + whole), *shares, before, after], axis=1)
    return found


def _mean_by_lag(alike: FloatArray) -> Iterator[FloatArray]:
    """Yields for 1, 2, ... bars the mean likeness (2N - 1, N) of those from bar n on to those a lag away.

    Beyond the piece nothing is alike, nor are segments that overlap.
    """
    num = len(alike)
    total = np.concatenate([np.zeros((2 * num - 1, 1)), np.cumsum(lagged(alike), axis=1)], axis=1)
    distance = np.abs(np.arange(2 * num - 1) - (num - 1))
    for size in range(1, MAX_BARS + 1):
        stop = np.minimum(np.arange(num) + size, num)
        yield np.where((distance >= size)[:, None], (total[:, stop] - total[:, :num]) / size, 0.0)


def _returns(alike: FloatArray, stop: IntArray) -> list[FloatArray]:
    """(N, M) each: likeness to the best other place, with it that of the bars before and after, and returns in all.

    The last is log2 of one more than the sum of all means above a half.
    """
    num = len(alike)
    whole, with_before, with_after, often = (np.zeros((num, MAX_BARS)) for _ in range(4))
    if not num:
        return [whole, with_before, with_after, often]
    nothing, at_lag = np.zeros((2 * num - 1, 1)), lagged(alike)
    earlier = np.concatenate([nothing, at_lag[:, :-1]], axis=1)
    later = np.concatenate([at_lag, nothing], axis=1)
    at = np.arange(num)
    for column, mean in enumerate(_mean_by_lag(alike)):
        best = mean.argmax(axis=0)
        whole[:, column] = mean[best, at]
        with_before[:, column] = mean[best, at] * earlier[best, at]
        with_after[:, column] = mean[best, at] * later[best, stop[:, column]]
        often[:, column] = np.log2(1 + np.maximum(2 * mean - 1, 0).sum(axis=0))
    return [whole, with_before, with_after, often]


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
