"""A second opinion on form: sections of written music and their labels, found without anything that ``form/`` knows.

``form.analyse`` finds the sections of a plan, and what is composed to that plan may please it for reasons of its own.
This segmenter shares no code with it, knows no melody and was fitted to nobody's labels:

1. Each full bar is a vector: what each pitch class sounds in each eighth of the bar, and how many notes begin in each
   sixteenth of it, roots taken of both. Two bars are as alike as the mean of the cosines of both, ``CHROMA_WEIGHT`` to
   the first.
2. Each bar's nearest neighbours are the ``NEIGHBOURS`` of all bars that are most like it; two bars that are each
   other's count as recurring, as much as they are alike. Row n of the time-lag matrix says at which lags bar n recurs;
   it is smoothed in time. Where two rows that follow each other differ most, something begins or ceases to come back:
   a border.
3. Sections are joined into materials, the most alike first, by their mean likeness (average linkage). Two are as alike
   as their bars at the best place of the shorter in the longer, bars as their rank among all pairs of bars in the
   piece; below the rank ``JOINED`` nothing is joined.

**Conventions**

* Bars are full bars of the score, counted from 0; a pickup and what follows the last barline belong to none.
* What always returns in the same order is one section: A B A B is two of the same material, A B A C A is five.
* A piece whose bars are all alike is one section. There is always one, if there is a bar.
* It takes memory in the square of the bars; more than ``MOST_BARS`` are refused.

**Source**: J. Serra, M. Mueller, P. Grosche, J. Arcos, Unsupervised music structure annotation by time series structure
features and segment similarity, IEEE Transactions on Multimedia 16 (2014). Differs: bars of notes instead of frames of
audio; labels by linkage instead of thresholded transitivity. The checkerboard novelty of J. Foote (2000), on the same
bars, finds far fewer borders of people in songs (F at one bar 0.48 against 0.70, on 80 training songs): music that goes
on in one texture has few contrasts, but much that returns. The constants were chosen on those 80 songs;
``benchmarks/song_form.py`` prints what it finds on songs that chose nothing.

Shapes: N bars, F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import Score

SLOTS = 8
"""Parts of a bar in which pitch classes are counted."""
PLACES = 16
"""Parts of a bar in which onsets are counted."""
CHROMA_WEIGHT = 0.8
NEIGHBOURS = 0.08
SMOOTHED_BARS = 2.0
"""Standard deviation in time."""
SMOOTHED_LAGS = 0.5
LEAST_NOVELTY = 0.2
"""Of the greatest in the piece: lower peaks are no borders."""
JOINED = 0.88
MOST_BARS = 4000
_ROUNDING = 1e-6


class Sections(NamedTuple):
    """Sections of a piece, in order and without gaps."""

    borders: tuple[int, ...]
    """In full bars, from 0 to the number of bars; one more than there are sections."""
    labels: tuple[int, ...]
    """The number of each section's material, in order of first statements."""


def sections_of(notes: Timeline) -> Sections:
    """The sections of written music; none of a piece without bars or notes.

    Raises:
        UserError: it has more than ``MOST_BARS`` bars.
    """
    barlines = full_barlines(notes.score) if notes.is_written and len(notes) else np.zeros(1)
    if len(barlines) < 2:
        return Sections((0,), ())
    if len(barlines) - 1 > MOST_BARS:
        raise UserError("has too many bars to compare", where=notes.score.title or "score", limit=f"{MOST_BARS} bars")
    alike_NN = bar_similarity(notes, barlines)
    borders = (0, *peaks(structure_novelty(alike_NN)), len(alike_NN))
    return Sections(borders, materials(alike_NN, borders))


def full_barlines(score: Score) -> FloatArray:
    """Where the full bars begin, and where the last one ends, in quarter notes (N + 1,)."""
    bars = score.bars()
    if bars and 0 < score.pickup_ticks == bars[0][1]:
        bars = bars[1:]
    ends = [bars[0][0], *(end for _, end in bars)] if bars else [0]
    return np.array(ends, dtype=np.float64) / score.ticks_per_beat


def bar_similarity(notes: Timeline, barlines: FloatArray) -> FloatArray:
    """How alike any two bars are (N, N), 0 to 1; silent bars are like nothing."""
    num_bars = len(barlines) - 1
    onset, offset = (_in_bars(beats, barlines) for beats in (notes.onset_beats, notes.offset_beats))
    sounding = [
        _sounding(onset[own] * SLOTS, offset[own] * SLOTS, num_bars * SLOTS)
        for own in (notes.pitch % 12 == number for number in range(12))
    ]
    place = np.floor(onset * PLACES + 0.5).astype(np.int64)
    inside = (onset >= 0) & (place < num_bars * PLACES)
    begun = np.bincount(place[inside], minlength=num_bars * PLACES).astype(np.float64)
    chroma = np.stack(sounding, axis=1).reshape(num_bars, -1)
    rhythm = begun.reshape(num_bars, PLACES)
    return CHROMA_WEIGHT * _cosines(np.sqrt(chroma)) + (1 - CHROMA_WEIGHT) * _cosines(np.sqrt(rhythm))


def structure_novelty(alike_NN: FloatArray) -> FloatArray:
    """How much what recurs changes at each barline (N + 1,), 1 at most; 0 at both ends, and where all is alike."""
    num_bars = len(alike_NN)
    novelty = np.zeros(num_bars + 1)
    if alike_NN.min() >= alike_NN.max() - _ROUNDING:
        return novelty
    nearest = np.quantile(alike_NN, 1 - NEIGHBOURS, axis=1)
    recurs = (alike_NN >= nearest[:, None]) & (alike_NN >= nearest) & ~np.eye(num_bars, dtype=np.bool_)
    lagged = np.zeros((num_bars, 2 * num_bars))
    bar, other = np.nonzero(recurs)
    lagged[bar, other - bar + num_bars] = alike_NN[bar, other]
    smooth = _gaussian(num_bars, SMOOTHED_BARS) @ lagged @ _gaussian(2 * num_bars, SMOOTHED_LAGS)
    novelty[1:num_bars] = (np.diff(smooth, axis=0) ** 2).sum(axis=1)
    return novelty / max(float(novelty.max()), _ROUNDING)


def peaks(novelty: FloatArray) -> tuple[int, ...]:
    """The barlines inside a piece (N + 1,) at which its novelty is high and no lower than at both neighbours."""
    inner = np.arange(1, len(novelty) - 1)
    high = (novelty[inner] >= LEAST_NOVELTY) & (novelty[inner] >= novelty[inner - 1])
    return tuple(inner[high & (novelty[inner] > novelty[inner + 1])].tolist())


def materials(alike_NN: FloatArray, borders: tuple[int, ...]) -> tuple[int, ...]:
    """The number of each section's material, in order of first statements."""
    spans = list(pairwise(borders))
    if len(spans) < 2:
        return (0,) * len(spans)
    pairs = np.sort(alike_NN[~np.eye(len(alike_NN), dtype=np.bool_)])
    rank_NN = np.searchsorted(pairs, alike_NN, side="right") / len(pairs)
    apart = np.zeros((len(spans), len(spans)))
    for number, own in enumerate(spans):
        for earlier, other in enumerate(spans[:number]):
            apart[number, earlier] = apart[earlier, number] = 1 - _aligned(rank_NN, own, other)
    joined = list(range(len(spans)))
    for one, other in _linked(apart):
        joined = [one if label == other else label for label in joined]
    order = list(dict.fromkeys(joined))
    return tuple(order.index(label) for label in joined)


def _linked(apart: FloatArray) -> Iterator[tuple[int, int]]:
    """Pairs of clusters to be joined, by average linkage, nearest first; each bears the number of its first member."""
    apart = np.where(np.tri(len(apart), k=0, dtype=np.bool_).T, np.inf, apart)
    members = np.ones(len(apart))
    while True:
        other, one = divmod(int(apart.argmin()), len(apart))
        if apart[other, one] > 1 - JOINED:
            return
        both = np.minimum(apart, apart.T)
        mean = (members[one] * both[one] + members[other] * both[other]) / (members[one] + members[other])
        members[one] += members[other]
        mean[[one, other]] = np.inf
        apart[one, :one], apart[one + 1 :, one] = mean[:one], mean[one + 1 :]
        apart[other], apart[:, other] = np.inf, np.inf
        yield one, other


def _aligned(alike_NN: FloatArray, one: tuple[int, int], other: tuple[int, int]) -> float:
    """Mean likeness of the bars of two spans, the shorter laid at the best place in the longer."""
    block = alike_NN[slice(*one), slice(*other)]
    block = block if block.shape[0] <= block.shape[1] else block.T
    return max(float(block.diagonal(place).mean()) for place in range(block.shape[1] - block.shape[0] + 1))


def _gaussian(size: int, deviation: float) -> FloatArray:
    """Weights (size, size) with which each place of a row hears the others."""
    place = np.arange(size)
    weights = np.exp(-((place[:, None] - place) ** 2) / (2 * deviation**2))
    return weights / weights.sum(axis=1, keepdims=True)


def _in_bars(beats: FloatArray, barlines: FloatArray) -> FloatArray:
    """Moments in bars from the first full one; before it below 0, after the last one its end."""
    last = float(len(barlines) - 1)
    return np.where(beats < barlines[0], -1.0, np.interp(beats, barlines, np.arange(len(barlines)), right=last))


def _sounding(begin: FloatArray, end: FloatArray, num_slots: int) -> FloatArray:
    """How long notes sound in each slot (S,), all times in slots."""
    edges = np.arange(num_slots + 1, dtype=np.float64)
    so_far = np.zeros(num_slots + 1)
    for moments, sign in ((np.maximum(begin, 0.0), 1.0), (np.maximum(end, 0.0), -1.0)):
        ordered = np.sort(moments)
        sums = np.concatenate([[0.0], np.cumsum(ordered)])
        count = np.searchsorted(ordered, edges)
        so_far += sign * (edges * count - sums[count])
    return np.maximum(np.diff(so_far), 0.0)


def _cosines(rows: FloatArray) -> FloatArray:
    """Cosines (N, N) of vectors (N, F); those of zeros are 0."""
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(rows, size, out=np.zeros_like(rows), where=size > _ROUNDING)
    return np.clip(unit @ unit.T, 0.0, 1.0)
