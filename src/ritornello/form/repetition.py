"""How likely each bar of a piece is another bar come again, on the same level or on another.

Two bars are compared in four ways: which melody notes begin at the same place with the same pitch class (tune), at the
same place at all (rhythm), which pitch classes the melody (line) and the accompaniment (harmony) have in each beat.
Logistic regression makes one probability of them. A transposition is believed only where the bars around agree on it.

The weights were fitted by ``benchmarks/fit_song_form.py`` to bars at the same place of phrases to which a person gave
the same letter or different ones.

**Source**: self-similarity after J. Foote, Visualizing music and audio using self-similarity (1999); transpositions
after M. Goto (2003). Differs: what counts as alike is learned, not a cosine.

Shapes: N bars, K kinds of evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.form.bars import Bars
from ritornello.form.evidence import FloatArray
from ritornello.form.song_weights import weights_of
from ritornello.scores.score import IntArray

EVIDENCE = (
    "both melodic",
    "tune",
    "rhythm",
    "line",
    "harmony",
    "both without melody",
    "harmony without melody",
    "one melodic",
    "harmony of one melodic",
)
NUM_LEVELS = 12
AGREEING_BARS = 4
"""Bars in a row that must agree on a transposition."""
_MOVED = 3.0
"""Log-odds that a transposition must win over none."""


class Repetition(NamedTuple):
    """Which bars return where."""

    alike_NN: FloatArray
    """Probability that two bars are the same place of the same material; symmetric, 1 on the diagonal."""
    semitones_NN: IntArray
    """By how much bar n (row) is moved against bar m (column), -5 to 6, as pitch classes."""


def repetition_of(bars: Bars) -> Repetition:
    """Compares all bars with each other."""
    num = bars.num_bars
    weights = np.array([weights_of("alike")[name] for name in EVIDENCE])
    best, around, level = (np.full((num, num), -np.inf) for _ in range(3))
    for semitones in range(NUM_LEVELS):
        odds = evidence_at(bars, semitones) @ weights
        agreed = _along(odds) - (_MOVED if semitones else 0.0)
        wins = agreed > around
        best, around, level = (
            np.where(wins, odds, best),
            np.where(wins, agreed, around),
            np.where(wins, semitones, level),
        )
    alike = 1 / (1 + np.exp(-best))
    np.fill_diagonal(alike, 1.0)
    semitones_NN = level.astype(np.int64) if num else np.zeros((0, 0), dtype=np.int64)
    np.fill_diagonal(semitones_NN, 0)
    return Repetition(alike, np.where(semitones_NN > 6, semitones_NN - 12, semitones_NN))


def evidence_at(bars: Bars, semitones: int) -> FloatArray:
    """(N, N, K) how alike each bar is to each bar moved up by ``semitones``, by the kinds of ``EVIDENCE``."""
    num = bars.num_bars
    onsets = bars.onsets.astype(np.float64)
    count = onsets.sum(axis=1)
    together = onsets @ onsets.T
    union = np.maximum(count[:, None] + count - together, 1.0)
    classes = np.where(bars.onsets, bars.pitch_NF % 12, -1)[:, :, None] == np.arange(12)
    tune = _products(classes.astype(np.float64), semitones) / union
    rhythm = together / union
    line = _products(bars.line_NBC, semitones) / np.maximum(
        np.maximum(_beats(bars.line_NBC)[:, None], _beats(bars.line_NBC)), 1
    )
    harmony = _products(bars.chroma_NBC, semitones) / max(1, bars.chroma_NBC.shape[1])
    has = count > 0
    both, neither = has[:, None] & has, ~has[:, None] & ~has
    one = ~both & ~neither
    columns = [both, both * tune, both * rhythm, both * line, both * harmony]
    columns += [neither, neither * harmony, one, one * harmony]
    return np.stack([np.broadcast_to(column, (num, num)) for column in columns], axis=2).astype(np.float64)


def lagged(alike: FloatArray) -> FloatArray:
    """(2N - 1, N) alike[n, n + lag] for lags -N + 1 to N - 1; 0 outside and at lag 0."""
    num = len(alike)
    table = np.zeros((2 * num - 1, num))
    for lag in range(1, num):
        table[num - 1 + lag, : num - lag] = alike.diagonal(lag)
        table[num - 1 - lag, lag:] = alike.diagonal(-lag)
    return table


def _products(profile: FloatArray, semitones: int) -> FloatArray:
    """(N, N) scalar products of profiles (N, F, 12) with themselves moved up."""
    return np.tensordot(profile, np.roll(profile, semitones, axis=2), axes=([1, 2], [1, 2]))


def _beats(profile: FloatArray) -> FloatArray:
    """(N,) beats in which anything sounds."""
    return profile.any(axis=2).sum(axis=1).astype(np.float64)


def _along(odds: FloatArray) -> FloatArray:
    """For each cell the best mean over ``AGREEING_BARS`` cells of its diagonal that include it, forward or backward."""
    forward, backward, weight = np.zeros_like(odds), np.zeros_like(odds), np.zeros_like(odds)
    weight_back = np.zeros_like(odds)
    num = len(odds)
    for step in range(min(AGREEING_BARS, num)):
        stop = num - step
        forward[:stop, :stop] += odds[step:, step:]
        weight[:stop, :stop] += 1
        backward[step:, step:] += odds[:stop, :stop]
        weight_back[step:, step:] += 1
    return np.maximum(forward / np.maximum(weight, 1), backward / np.maximum(weight_back, 1))
