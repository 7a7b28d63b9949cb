"""Compression: how much of a piece can be told by pointing at what came before.

**Conventions**

* Notes are taken in the order of ``Timeline``. Three sequences are made of them: pitches; intervals from note to note,
  which are the same on any level; and times from onset to onset in classes, ``CLASSES_PER_DOUBLING`` per doubling of
  the time from ``SHORTEST_SECONDS`` on, with one class for the notes of a chord. Times are those of the chords' first
  notes.
* ``pitch_entropy_rate_bits`` and its like: bits per note of a piece told in *factors* (LZ77): each is the longest
  passage that also begins earlier, and the symbol after it; it costs the logarithm of the number of places it may be
  copied from, the symbols so far plus 1. A passage may overlap its model, so a loop goes to 0 bits. Unlike a file
  compressed with a window of 32 KB it sees matches however far back, and it hardly depends on the length of a piece. As
  an estimate of the entropy rate it is low (1.7 bits for random choices out of 4): compare it with itself only.
* ``compression_ratio``: bytes after LZMA over bytes before, of two bytes per note, its interval and its time class.
  The dictionary holds the whole piece; there is no header. It falls with the length of a piece, since the coder learns:
  compare pieces of one length, or use the rates.

**Source**: J. Ziv and A. Lempel, A universal algorithm for sequential data compression, IEEE TIT 23 (1977); longest
earlier matches by the suffix array (M. Crochemore and L. Ilie, Computing longest previous factor in linear time, 2008),
the array itself by doubling (Karp, Miller, Rosenberg, 1972). Which sequences: ours. The mean longest match (I.
Kontoyiannis et al., IEEE TIT 44, 1998) is no substitute: one exact repeat of an eighth of a piece takes it to nearly 0.

Shapes: N symbols.
"""

from __future__ import annotations

import lzma

import numpy as np

from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import IntArray

LEAST_SYMBOLS = 32
SHORTEST_SECONDS = 0.05
CLASSES_PER_DOUBLING = 2
MOST_CLASSES = 20
_LEAST_DICTIONARY = 4096


def evaluate(notes: Timeline) -> dict[str, Value]:
    """The value of each of ``METRICS``; nan for sequences of fewer than ``LEAST_SYMBOLS``."""
    pitch = notes.pitch
    interval, time = np.diff(pitch), time_classes(notes)
    return {
        "pitch_entropy_rate_bits": entropy_rate_bits(pitch),
        "interval_entropy_rate_bits": entropy_rate_bits(interval),
        "rhythm_entropy_rate_bits": entropy_rate_bits(time),
        "compression_ratio": compression_ratio(interval, time),
    }


def time_classes(notes: Timeline) -> IntArray:
    """Class of the time from the chord of each note to that of the next (N - 1,); 0 within a chord."""
    if len(notes) < 2:
        return np.zeros(0, dtype=np.int64)
    begins = np.flatnonzero(np.diff(notes.chord, prepend=-1))
    onset = np.minimum.reduceat(notes.onset_seconds, begins)[notes.chord]
    seconds = np.diff(onset)
    doublings = np.log2(np.maximum(seconds, SHORTEST_SECONDS) / SHORTEST_SECONDS)
    classes = 1 + np.round(CLASSES_PER_DOUBLING * doublings).astype(np.int64)
    return np.where(np.diff(notes.chord) == 0, 0, np.minimum(classes, MOST_CLASSES))


def entropy_rate_bits(symbols: IntArray) -> float:
    """Bits per symbol of a sequence (N,) told in factors."""
    num_symbols = len(symbols)
    if num_symbols < LEAST_SYMBOLS:
        return np.nan
    return float(np.log2(factors(symbols) + 1).sum() / num_symbols)


def factors(symbols: IntArray) -> IntArray:
    """Where the factors of a sequence (N,) begin: each the longest earlier passage and one symbol more."""
    length = (longest_earlier(symbols) + 1).tolist()
    starts: list[int] = []
    start = 0
    while start < len(length):
        starts.append(start)
        start += length[start]
    return np.array(starts, dtype=np.int64)


def compression_ratio(interval: IntArray, time: IntArray) -> float:
    """Bytes after LZMA over bytes before, of intervals and classes of time (N,) in turn."""
    if len(interval) < LEAST_SYMBOLS:
        return np.nan
    raw = np.stack([interval + 128, time], axis=1).astype(np.uint8).tobytes()
    # no larger than the piece: the 64 MiB of preset 9 take half a gigabyte
    window = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": max(_LEAST_DICTIONARY, len(raw))}
    return len(lzma.compress(raw, format=lzma.FORMAT_RAW, filters=[window])) / len(raw)


def longest_earlier(symbols: IntArray) -> IntArray:
    """For each place the length of the longest passage from it on that also begins at an earlier place (N,).

    The earlier passage may run into the later one.
    """
    ranks = _ranks_by_doubling(symbols)
    order = np.argsort(ranks[-1])
    before, after = _nearest_smaller(order), _nearest_smaller(order[::-1])[::-1]
    length = np.zeros(len(symbols), dtype=np.int64)
    for neighbour in (before, after):
        known = neighbour >= 0
        length[order[known]] = np.maximum(length[order[known]], _common(ranks, order[known], neighbour[known]))
    return length


def _ranks_by_doubling(symbols: IntArray) -> list[IntArray]:
    """The rank (N,) of each place by the 1, 2, 4, ... symbols from it on, until no two are alike."""
    num_symbols, have = len(symbols), 1
    ranks = [np.unique(symbols, return_inverse=True)[1] + 1]
    while have < num_symbols and int(ranks[-1].max()) < num_symbols:
        following = np.zeros(num_symbols, dtype=np.int64)  # what ends sooner comes first
        following[:-have] = ranks[-1][have:]
        ranks.append(np.unique(ranks[-1] * (num_symbols + 1) + following, return_inverse=True)[1] + 1)
        have *= 2
    return ranks


def _nearest_smaller(places: IntArray) -> IntArray:
    """For each entry the last entry before it that is smaller; -1 where there is none."""
    nearest: list[int] = []
    stack = [-1]
    for place in places.tolist():
        while stack[-1] > place:
            stack.pop()
        nearest.append(stack[-1])
        stack.append(place)
    return np.array(nearest, dtype=np.int64)


def _common(ranks: list[IntArray], first: IntArray, second: IntArray) -> IntArray:
    """How many symbols two places have in common from there on."""
    num_symbols = len(ranks[0])
    common = np.zeros(len(first), dtype=np.int64)
    for level in range(len(ranks) - 1, -1, -1):
        size = 1 << level
        a, b = first + common, second + common
        fits = np.maximum(a, b) + size <= num_symbols
        same = fits & (ranks[level][np.where(fits, a, 0)] == ranks[level][np.where(fits, b, 0)])
        common += size * same
    return common


METRICS = (
    Metric(
        "pitch_entropy_rate_bits",
        "bits per note",
        "what a note's pitch costs if passages are told by pointing at earlier ones",
        moves={"shuffled": "up", "transposed": "up", "looped": "down"},
    ),
    Metric(
        "interval_entropy_rate_bits",
        "bits per note",
        "what an interval costs if passages are told by pointing at earlier ones, on whatever level",
        moves={"shuffled": "up", "transposed": "up", "looped": "down"},
    ),
    Metric(
        "rhythm_entropy_rate_bits",
        "bits per note",
        "what the time to the next note costs if passages are told by pointing at earlier ones",
        moves={"shuffled": "same", "transposed": "same", "looped": "down"},
    ),
    Metric(
        "compression_ratio",
        "share",
        "bytes of intervals and times after LZMA over bytes before; smaller: more is repeated",
        moves={"shuffled": "up", "transposed": "up", "looped": "down"},
        high=2.0,
    ),
)
