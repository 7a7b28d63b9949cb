"""What speaks for a border between two bars: how the melody pauses, what changes, which returns begin and end there.

Shapes: N bars, S signs.
"""

from __future__ import annotations

import numpy as np

from ritornello.form.bars import Bars
from ritornello.form.evidence import FloatArray
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.repetition import Repetition, lagged

EDGE_BARS = 4
"""Bars on both sides of a border that are compared with other places."""
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


def borders_of(bars: Bars, repetition: Repetition) -> FloatArray:
    """(N, S) what speaks for a border before each bar, by ``BORDERS``; 0 before the first."""
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


def _edges(alike: FloatArray) -> list[FloatArray]:
    """(N - 1,) each: how clearly a return begins and ends at a border, at the best lag and summed over all."""
    num = len(alike)
    total = np.concatenate([np.zeros((2 * num - 1, 1)), np.cumsum(lagged(alike), axis=1)], axis=1)
    border = np.arange(1, num)
    low, high = np.maximum(border - EDGE_BARS, 0), np.minimum(border + EDGE_BARS, num)
    before = (total[:, border] - total[:, low]) / EDGE_BARS
    after = (total[:, high] - total[:, border]) / EDGE_BARS
    begins, ends = after * (1 - before), before * (1 - after)
    return [begins.max(axis=0), ends.max(axis=0), np.sqrt(begins.sum(axis=0)), np.sqrt(ends.sum(axis=0))]
