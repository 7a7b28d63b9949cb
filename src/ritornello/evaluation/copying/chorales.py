"""Copying among four-voice chorales: how much of one stands verbatim in a training corpus, voice by voice.

For chorales alone, which have four voices on a grid of 16ths; music of any kind is measured in ``notes.py``. This is
the stricter notion: who sings what, rests and held notes are compared too.

A frame is a 16th; two frames are equal when all four voices have the same pitch (or rest) and strike or
hold alike. Three measures:

* share of *bars* that stand in some training piece, note for note (full bars only: pitches and onsets of
  all voices on the 16th grid, wherever in the piece the bar stands);
* the same with each bar taken relative to its first sounding pitch, so that a transposed bar is found too;
* the *longest match*: the longest run of frames, starting anywhere, shared with some training piece, in
  beats; exact and transposed.

Training corpora are heard in all keys when the notes are learnt, so the transposed measures are the
stricter ones. Bach himself repeats: read the figures beside those of Bach that the training did not see.

Runs of frames are compared by 64-bit polynomial hashes (Rabin and Karp, 1987) of every window, so that the
longest match is a bisection over window lengths; no run crosses from one training piece into another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.copying.bars import full_bars
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Score

HashArray: TypeAlias = NDArray[np.uint64]

_MULTIPLIERS = np.random.default_rng(20).integers(2**63, size=64, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Music:
    """A piece on the grid: pitches and onsets (F, 4), and its full bars as frame ranges."""

    pitches_FV: IntArray
    onsets_FV: NDArray[np.bool_]
    bars: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, score: Score) -> Music:
        """A score on the grid; the pickup and an incomplete last bar are no bars."""
        pitches, onsets = frames_of(score)
        frame_ticks = score.ticks_per_beat / FRAMES_PER_BEAT
        bars = tuple((round(a / frame_ticks), round(b / frame_ticks)) for a, b in full_bars(score))
        return cls(pitches, onsets, bars)


class Index:
    """The training corpus, hashed once."""

    def __init__(self, corpus: Iterable[Score]) -> None:
        pieces = [Music.of(score) for score in corpus]
        self.num_pieces = len(pieces)
        self._bars = {t: {bar for piece in pieces for bar in _bars(piece, transposed=t)} for t in (False, True)}
        self._windows = {t: _Windows([_frames(piece, transposed=t) for piece in pieces]) for t in (False, True)}

    def copied_bars(self, piece: Music, *, transposed: bool) -> int:
        """Number of full bars of the piece that stand in the corpus."""
        return sum(bar in self._bars[transposed] for bar in _bars(piece, transposed=transposed))

    def longest_match_beats(self, piece: Music, *, transposed: bool) -> float:
        """Length in quarter notes of the longest run shared with one training piece."""
        hashes = _frames(piece, transposed=transposed)
        matched = self._windows[transposed].longest_match(hashes)
        frames = matched + 1 if transposed and matched else matched  # n steps join n + 1 frames
        return frames / FRAMES_PER_BEAT


def evaluate(score: Score, index: Index) -> dict[str, float]:
    """``bars``, the copied among them (exact and transposed), their shares, and the longest matches in beats.

    Without a full bar the shares are nan; with an empty corpus everything is.
    """
    piece = Music.of(score)
    if index.num_pieces == 0:
        names = ("copied_bars", "copied_bars_transposed", "copied_share", "copied_share_transposed",
                 "longest_match_beats", "longest_match_beats_transposed")  # fmt: skip
        return {"bars": len(piece.bars), **dict.fromkeys(names, float("nan"))}
    exact, transposed = (index.copied_bars(piece, transposed=t) for t in (False, True))
    num_bars = len(piece.bars)
    return {
        "bars": num_bars,
        "copied_bars": exact,
        "copied_bars_transposed": transposed,
        "copied_share": exact / num_bars if num_bars else float("nan"),
        "copied_share_transposed": transposed / num_bars if num_bars else float("nan"),
        "longest_match_beats": index.longest_match_beats(piece, transposed=False),
        "longest_match_beats_transposed": index.longest_match_beats(piece, transposed=True),
    }


def _bars(piece: Music, *, transposed: bool) -> list[bytes]:
    """Every full bar as bytes: pitches (relative to the first sounding one if transposed) and onsets."""
    bars: list[bytes] = []
    for start, end in piece.bars:
        pitches, onsets = piece.pitches_FV[start:end], piece.onsets_FV[start:end]
        if transposed:
            pitches = _relative(pitches.reshape(1, -1)).reshape(pitches.shape)
        bars.append(pitches.astype(np.int16).tobytes() + onsets.astype(np.bool_).tobytes())
    return bars


def _frames(piece: Music, *, transposed: bool) -> HashArray:
    """One hash per frame, or, transposed, one per step from a frame to the next."""
    onsets = piece.onsets_FV.astype(np.int64)
    if not transposed:
        return _hash_rows(np.concatenate([piece.pitches_FV, onsets], axis=1))
    steps = np.concatenate([piece.pitches_FV[:-1], piece.pitches_FV[1:]], axis=1)
    return _hash_rows(np.concatenate([_relative(steps), onsets[:-1], onsets[1:]], axis=1))


def _relative(pitches_NP: IntArray) -> IntArray:
    """Each row minus its first sounding pitch, plus 128; rests stay rests."""
    sounding = pitches_NP != REST
    first = np.take_along_axis(pitches_NP, sounding.argmax(axis=1)[:, None], axis=1)
    return np.where(sounding, pitches_NP - first + 128, REST)


def _hash_rows(rows_NC: IntArray) -> HashArray:
    with np.errstate(over="ignore"):
        return ((rows_NC + 2).astype(np.uint64) * _MULTIPLIERS[: rows_NC.shape[1]]).sum(axis=1, dtype=np.uint64)


class _Windows:
    """All windows of the corpus, of any length, as hashes."""

    def __init__(self, pieces: Sequence[HashArray]) -> None:
        self._prefixes = [_prefix(hashes) for hashes in pieces]
        self._by_length: dict[int, HashArray] = {}

    def longest_match(self, hashes: HashArray) -> int:
        """Length of the longest window of ``hashes`` that some piece contains."""
        prefix = _prefix(hashes)
        low, high = 0, min(len(hashes), max((len(p) - 1 for p in self._prefixes), default=0))
        while low < high:  # a match of n frames contains one of n - 1, so bisection is sound
            length = (low + high + 1) // 2
            low, high = (length, high) if self._holds_any(_windows(prefix, length), length) else (low, length - 1)
        return low

    def _holds_any(self, windows: HashArray, length: int) -> bool:
        corpus = self._corpus(length)
        places = np.minimum(np.searchsorted(corpus, windows), len(corpus) - 1)
        return len(corpus) > 0 and bool((corpus[places] == windows).any())

    def _corpus(self, length: int) -> HashArray:
        """All windows of a length, ascending; kept, since every piece asks for much the same lengths."""
        if length not in self._by_length:
            windows = [_windows(prefix, length) for prefix in self._prefixes]
            self._by_length[length] = np.unique(np.concatenate(windows))
        return self._by_length[length]


def _prefix(hashes: HashArray) -> HashArray:
    """prefix[n] = sum over i < n of hashes[i] * base^i, modulo 2^64."""
    powers = np.cumprod(np.full(len(hashes), _BASE, dtype=np.uint64), dtype=np.uint64)
    return np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes * powers, dtype=np.uint64)])


def _windows(prefix: HashArray, length: int) -> HashArray:
    """Position-free hash of every window of ``length``; empty when there is none."""
    num_windows = len(prefix) - length
    if num_windows <= 0:
        return np.empty(0, np.uint64)
    inverse = np.uint64(pow(int(_BASE), -1, 2**64))
    shifts = np.cumprod(np.full(num_windows, inverse, dtype=np.uint64), dtype=np.uint64)
    return (prefix[length:] - prefix[:num_windows]) * shifts
