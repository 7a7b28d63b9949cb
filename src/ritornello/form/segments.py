"""Where the passages of a piece begin and end: the most likely cut into passages of some bars each.

A semi-Markov model: a cut into segments is the likelier, the more each of its segments looks like a phrase that a
person would mark. What speaks for a segment: its length, whether melody begins or ends with it, where the melody
pauses, and what returns: a segment that comes again as a whole, and whose neighbours do not come again with it, is one.
Of all cuts that one is taken in which most bars are expected to lie in a segment exactly as a person marks it; it is
found by dynamic programming, and nothing is decided bar by bar.

Material that returns is cut in the same way each time, which no segment can know of itself. So the piece is looked at
twice: the first time says how likely each segment is; the second time it also counts how likely the same cut is
wherever the segment returns, and before and after it (one step of a mean field).

The weights were fitted by ``benchmarks/fit_song_form.py`` as semi-Markov conditional random fields to the cuts of two
people.

**Source**: S. Sarawagi and W. Cohen, Semi-Markov conditional random fields for information extraction (2004); cuts by
repetition as in S. Dai et al., Automatic analysis and influence of hierarchical structure on melody, rhythm and harmony
in popular music (2020), whose rules are replaced by learned weights.

Shapes: N bars, M lengths in bars (1 to ``MAX_BARS``), K features.
"""

from __future__ import annotations

import numpy as np

from ritornello.form.bars import Bars
from ritornello.form.evidence import FloatArray
from ritornello.form.grid import Range
from ritornello.form.repetition import Repetition
from ritornello.form.segment_features import FEATURES, FEATURES_AGAIN, MAX_BARS, elsewhere_of, features_of
from ritornello.form.song_weights import weights_of


def segments_of(bars: Bars, repetition: Repetition) -> list[Range]:
    """The segments of a piece in bars, in order, without gaps; none of a piece without bars."""
    features = features_of(bars, repetition)
    first, again = weights_of("segments"), weights_of("segments again")
    chances = chances_of(features @ np.array([first[name] for name in FEATURES]))
    features = np.concatenate([features, elsewhere_of(repetition, chances)], axis=2)
    chances = chances_of(features @ np.array([again[name] for name in FEATURES_AGAIN]))
    return best_cut(chances * np.arange(1, MAX_BARS + 1))


def chances_of(worth_NM: FloatArray) -> FloatArray:
    """(N, M) the probability of each segment over all cuts, which are the likelier the more they are worth."""
    num, longest = len(worth_NM), int(worth_NM.shape[1])
    ahead, behind = np.full(num + 1, -np.inf), np.full(num + 1, -np.inf)
    ahead[0] = behind[num] = 0.0
    for end in range(1, num + 1):
        starts = np.arange(max(0, end - longest), end)
        ahead[end] = _log_sum(ahead[starts] + worth_NM[starts, end - 1 - starts])
        start = num - end
        sizes = np.arange(min(longest, num - start))
        behind[start] = _log_sum(behind[start + 1 + sizes] + worth_NM[start, sizes])
    stop = np.arange(num)[:, None] + np.arange(1, longest + 1)
    there = stop <= num
    logs = ahead[:num, None] + worth_NM + behind[np.minimum(stop, num)] - behind[0]
    return np.exp(np.where(there, np.minimum(logs, 0.0), -np.inf))


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


def _log_sum(logs: FloatArray) -> float:
    """Log of the sum of what the logs stand for."""
    most = float(logs.max())
    return most + float(np.log(np.exp(logs - most).sum()))
