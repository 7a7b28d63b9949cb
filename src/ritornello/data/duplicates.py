"""Near-duplicates among pieces: the same music in another key, at another tempo, or a little edited.

A piece is a set of *shingles*: the intervals between ``SHINGLE_INTERVALS`` + 1 notes that follow each
other, which transposition does not change. There are two such sets: with the notes in onset order,
which no change of tempo touches, and with the onsets rounded to 10 ms and chords read from the bottom
up, which survives when a file is written anew on a coarse grid. A *fingerprint* is a min-hash of each
(Broder 1997) with ``NUM_HASHES`` hash functions, of which 16 bits are kept (Li and Koenig 2010): the
share of places that agree estimates the Jaccard similarity of two sets, with a standard error of at
most 0.044. The larger of the two similarities counts.

One changed note spoils six shingles. With 5 % of the notes changed about 0.95^6 = 74 % of them remain
on each side, a similarity of about 0.58; ``SIMILAR`` lies well below, and well above what different
compositions have in common. Two performances of one composition by different people are *not*
near-duplicates here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ritornello.data.splits import joined
from ritornello.scores.clock import Clock
from ritornello.scores.score import IntArray, Score

SHINGLE_INTERVALS = 5
NUM_HASHES = 128
SIMILAR = 0.35
"""Estimated Jaccard similarity from which two pieces are near-duplicates."""
STEPS_PER_SECOND = 100
MIN_NOTES = 32
"""A shorter piece resembles nothing but a copy of its file."""
_INTERVAL_BITS = 8
_RANDOM = np.random.default_rng(388)
_FACTORS = _RANDOM.integers(0, 2**63, NUM_HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS = _RANDOM.integers(0, 2**63, NUM_HASHES, dtype=np.uint64)


def fingerprint(score: Score) -> str:
    """Hexadecimal digits, four for each hash function; empty for a piece that is too short to be known again."""
    if score.num_notes < MIN_NOTES:
        return ""
    onset = np.concatenate([part.notes.onset_ticks for part in score.parts])
    pitch = np.concatenate([part.notes.pitch for part in score.parts])
    on_grid = Clock.of(score).steps(onset, STEPS_PER_SECOND)
    smallest = [_smallest_hashes(_shingles(order, pitch)) for order in (onset, on_grid)]
    return np.concatenate(smallest).astype(np.dtype(">u2")).tobytes().hex()


def similarity(one: str, others: Sequence[str]) -> NDArray[np.float64]:
    """Estimated Jaccard similarity of a fingerprint to each of the others (N,), 0 to 1."""
    return _agreement(_numbers([one])[0], _numbers(others))


def near_duplicates(fingerprints: Mapping[str, str], hashes: Mapping[str, str]) -> dict[str, str]:
    """Piece -> group, named after its first piece in alphabetical order.

    Joined are pieces whose fingerprints are similar, and pieces whose sources are the same bytes. All
    pairs are compared, so ten times as many pieces take a hundred times as long.
    """
    known = [name for name in sorted(fingerprints) if fingerprints[name]]
    table = _numbers([fingerprints[name] for name in known])
    pairs = [
        (name, known[place + 1 + int(other)])
        for place, name in enumerate(known)
        for other in np.flatnonzero(_agreement(table[place], table[place + 1 :]) >= SIMILAR)
    ]
    first: dict[str, str] = {}
    pairs += [(first.setdefault(hashes[name], name), name) for name in sorted(fingerprints)]
    return joined(fingerprints, pairs)


def _shingles(onset: IntArray, pitch: IntArray) -> NDArray[np.uint64]:
    """The different shingles of a piece (N,), each mixed to 64 bits; none when its notes are too few."""
    table: IntArray = np.unique(np.stack([onset, pitch], axis=1), axis=0)
    intervals = np.diff(table[:, 1]) + 128
    if len(intervals) < SHINGLE_INTERVALS:
        return np.zeros(0, dtype=np.uint64)
    windows: IntArray = np.lib.stride_tricks.sliding_window_view(intervals, SHINGLE_INTERVALS)
    places = 2 ** (_INTERVAL_BITS * np.arange(SHINGLE_INTERVALS))
    return _mixed(np.unique(windows @ places).astype(np.uint64))


def _smallest_hashes(shingles: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The smallest value of each hash function (NUM_HASHES,), without all but 16 of its bits."""
    top = np.uint64(2**64 - 1)
    smallest = [
        (shingles * factor + offset).min(initial=top) for factor, offset in zip(_FACTORS, _OFFSETS, strict=True)
    ]
    return (np.array(smallest) >> np.uint64(40)) & np.uint64(0xFFFF)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64, which spreads every bit over all others."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(31))


def _numbers(fingerprints: Sequence[str]) -> NDArray[np.uint16]:
    """(pieces, 2 sets, hashes)."""
    content = bytes.fromhex("".join(fingerprints))
    return np.frombuffer(content, dtype=np.dtype(">u2")).astype(np.uint16).reshape(-1, 2, NUM_HASHES)


def _agreement(one: NDArray[np.uint16], others: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Of one piece (2, H) with each of the others (N, 2, H)."""
    return (others == one).mean(axis=-1).max(axis=-1)
