"""Groove: how alike the rhythm of a piece's bars is. Written music only.

**Conventions**

* A bar is the set of its sixteenths on which a note begins; onsets between them belong to the nearest, those that
  round to the next bar to that one. Bars are compared with all bars of the same length in quarter notes.
* ``groove_similarity``: 1 - (places at which exactly one of two bars has an onset) / (places in a bar), the mean over
  all pairs of bars of the same length. Silent bars are bars.
* ``groove_overlap``: onsets common to two bars over onsets of either, summed over all pairs: it does not count as
  agreement that both are silent somewhere, so it does not rise with a finer grid.

**Source**: GS of S.-L. Wu and Y.-H. Yang, The Jazz Transformer on the front line (2020), arXiv:2008.01307, over 64
places in a bar there and at most 1,000 pairs drawn at random; here all pairs, by counting at each place. muspy's
``groove_consistency`` compares neighbouring bars only, at the resolution of the file, whose many silent ticks always
agree, and counts one bar too many where a piece ends at a bar line (muspy issue 73).

Shapes: B bars, P places in a bar.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import Timeline

PLACES_PER_BEAT = 4
_ROUNDING = 1e-6


def evaluate(notes: Timeline) -> dict[str, Value]:
    """The value of each of ``METRICS``; nan without two bars of one length, and without bars."""
    either = both = cells = 0.0
    for onsets in bar_onsets(notes):
        num_bars = len(onsets)
        count = onsets.sum(axis=0).astype(np.float64)
        both += float((count * (count - 1)).sum() / 2)
        either += float((count * (num_bars - count)).sum())
        cells += onsets.shape[1] * num_bars * (num_bars - 1) / 2
    return {
        "groove_similarity": 1 - either / cells if cells else np.nan,
        "groove_overlap": both / (both + either) if both + either else np.nan,
    }


def bar_onsets(notes: Timeline) -> list[np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """Where notes begin, (B, P) for each length that bars have; no table without bars."""
    if notes.bar_beats is None or not len(notes):
        return []
    starts, onset = (
        np.floor(beats * PLACES_PER_BEAT + 0.5 + _ROUNDING).astype(np.int64)
        for beats in (notes.bar_beats, notes.onset_beats)
    )
    struck = np.zeros(int(starts[-1] - starts[0]) + 1, dtype=bool)
    struck[np.clip(onset - starts[0], 0, len(struck) - 1)] = True
    lengths = np.diff(starts)
    return [
        struck[(starts[:-1][lengths == length] - starts[0])[:, None] + np.arange(length)]
        for length in np.unique(lengths)
        if length > 0
    ]


METRICS = (
    Metric(
        "groove_similarity",
        "share",
        "sixteenths of a bar at which two bars agree whether a note begins",
        moves={"shuffled": "same", "transposed": "same"},
        high=1.0,
    ),
    Metric(
        "groove_overlap",
        "share",
        "sixteenths with an onset in two bars, of those with an onset in either",
        moves={"shuffled": "same", "transposed": "same"},
        high=1.0,
    ),
)
