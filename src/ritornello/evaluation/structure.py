"""Structure from the notes alone: how many pitch classes a passage lives on, and how much of the music comes back.

**Conventions**

* ``pitch_class_entropy_bits``: Shannon entropy of the pitch classes of all notes, each note counted once: 0 (one pitch
  class) to log2 12 = 3.58 bits (all alike).
* ``local_pitch_class_entropy_bits``: the mean of that over all windows of ``WINDOW_BARS`` bars, one beginning with each
  bar; where there are no bars, over windows of ``WINDOW_SECONDS``, a quarter of that apart, up to the first one in
  which the last note begins. Windows without a note are
  left out; a piece shorter than a window is one window.
* ``returned_30s`` and its like: the share of notes that lie in a return (``recurrence.py``: 16 notes and more, exactly
  or transposed, no ostinato) whose nearest earlier statement begins at least so many seconds earlier;
  ``returned_exactly_30s``: of exact returns alone. In a loop of 30 seconds everything returns after 30 and nothing
  after 60, since the nearest statement is always the last time round. A piece shorter than the time has none: nan.
* ``rhythm_repetition``: greatest autocorrelation of the density of onsets, less its mean, at lags of ``LAGS_SECONDS``
  up to half the piece; 0 (rhythm never returns after the same time) to 1 (it is a loop). It needs no bars and no beat,
  and is no groove: that of written music is in ``groove.py``.

**Source**: entropy and its windows: H of S.-L. Wu and Y.-H. Yang, The Jazz Transformer on the front line (2020),
arXiv:2008.01307; muspy calls the same ``pitch_class_entropy``. Returns and rhythm: ours.

Shapes: N notes, W windows.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.recurrence import MIN_NOTES, returns
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import IntArray

WINDOW_BARS = 4
WINDOW_SECONDS = 8.0
HOP_SECONDS = 2.0
RETURN_SECONDS = (30, 60, 120)
LAGS_SECONDS = (5.0, 60.0)
BIN_SECONDS = 0.02
BLUR_BINS = 5
MOST_BINS = 1 << 20
_SHORTER_BY_SECONDS = 0.0105  # ticks are rounded: a loop of 30 seconds may be a millisecond shorter
_ROUNDING = 1e-9
_ROUNDING_BINS = 1e-6


def evaluate(notes: Timeline) -> dict[str, Value]:
    """The value of each of ``METRICS``."""
    return {
        "pitch_class_entropy_bits": float(entropy_bits(pitch_class_counts(notes.pitch))),
        "local_pitch_class_entropy_bits": local_entropy_bits(notes),
        **returned_shares(notes),
        "rhythm_repetition": rhythm_repetition(notes.onset_seconds),
    }


def pitch_class_counts(pitch: IntArray) -> FloatArray:
    """How many notes there are of each pitch class (12,)."""
    return np.bincount(pitch % 12, minlength=12).astype(np.float64)


def entropy_bits(counts: FloatArray) -> FloatArray:
    """Shannon entropy of counts (..., K) over their last axis; nan where all are 0."""
    total = counts.sum(axis=-1, keepdims=True)
    share = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    bits = np.log2(share, out=np.zeros_like(share), where=(share > 0) | np.isnan(share))
    return np.maximum(0.0, -(share * bits).sum(axis=-1))


def local_entropy_bits(notes: Timeline) -> float:
    """Mean entropy of the pitch classes in a window; nan without notes."""
    if not len(notes):
        return np.nan
    onset, starts, ends = _windows(notes)
    order = np.argsort(onset, kind="stable")
    classes = np.zeros((len(onset) + 1, 12))
    np.cumsum(np.eye(12)[notes.pitch[order] % 12], axis=0, out=classes[1:])
    first, last = (np.searchsorted(onset[order], borders - _ROUNDING) for borders in (starts, ends))
    return float(np.nanmean(entropy_bits(classes[last] - classes[first])))


def returned_shares(notes: Timeline) -> dict[str, float]:
    """Share of the notes that return after at least each of ``RETURN_SECONDS``, on whatever level and exactly."""
    found = returns(notes.pitch)
    onset = notes.onset_seconds
    start, length = np.array([r.start for r in found], dtype=int), np.array([r.length for r in found], dtype=int)
    lag_seconds = onset[start] - onset[np.array([r.nearest for r in found], dtype=int)]
    exact = np.array([r.exact for r in found], dtype=bool)
    shares: dict[str, float] = {}
    for name, counted in (("returned", np.ones_like(exact)), ("returned_exactly", exact)):
        for seconds in RETURN_SECONDS:
            late = counted & (lag_seconds >= seconds - _SHORTER_BY_SECONDS)
            measurable = len(notes) >= 2 * MIN_NOTES and notes.seconds >= seconds
            shares[f"{name}_{seconds}s"] = float(length[late].sum() / len(notes)) if measurable else np.nan
    return shares


def rhythm_repetition(onset_seconds: FloatArray) -> float:
    """Greatest autocorrelation of the density of onsets (N,) in seconds; nan if they take less than 10 seconds."""
    span = float(np.ptp(onset_seconds)) if len(onset_seconds) else 0.0
    bin_seconds = max(BIN_SECONDS, span / MOST_BINS)
    least, most = round(LAGS_SECONDS[0] / bin_seconds), int(min(LAGS_SECONDS[1], span / 2) / bin_seconds)
    if least > most:
        return np.nan
    onset_bin = np.floor((onset_seconds - onset_seconds.min()) / bin_seconds + _ROUNDING_BINS)
    struck = np.minimum(np.bincount(onset_bin.astype(np.int64)), 1)
    density = np.convolve(struck, np.hanning(BLUR_BINS + 2)[1:-1])
    density -= density.mean()
    num_bins, size = len(density), 1 << (2 * len(density)).bit_length()
    products = np.fft.irfft(np.abs(np.fft.rfft(density, size)) ** 2, size)[: most + 1]
    energy = np.concatenate([[0.0], np.cumsum(density**2)])
    lags = np.arange(least, most + 1)
    both = np.sqrt(energy[num_bins - lags] * (energy[-1] - energy[lags]))
    correlation = np.divide(products[lags], both, out=np.zeros(len(lags)), where=both > _ROUNDING)
    return float(np.clip(correlation.max(), 0.0, 1.0))


def _windows(notes: Timeline) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Onsets (N,), and where windows begin and end (W,), in quarter notes of written music, else in seconds."""
    if notes.bar_beats is not None:
        num_bars = len(notes.bar_beats) - 1
        size = min(WINDOW_BARS, num_bars)
        return notes.onset_beats, notes.bar_beats[: num_bars - size + 1], notes.bar_beats[size:]
    further = (float(notes.onset_seconds.max()) - WINDOW_SECONDS) / HOP_SECONDS
    starts = HOP_SECONDS * np.arange(1 + max(0, int(np.floor(further + _ROUNDING)) + 1), dtype=np.float64)
    return notes.onset_seconds, starts, starts + WINDOW_SECONDS


METRICS = (
    Metric(
        "pitch_class_entropy_bits",
        "bits",
        "how evenly the piece uses the twelve pitch classes",
        moves={"shuffled": "same", "transposed": "up"},
        high=float(np.log2(12)),
    ),
    Metric(
        "local_pitch_class_entropy_bits",
        "bits",
        "how evenly a window of four bars, or of eight seconds, uses the twelve pitch classes",
        moves={"shuffled": "up", "transposed": "up"},
        high=float(np.log2(12)),
    ),
    *(
        Metric(
            f"{name}_{seconds}s",
            "share",
            f"notes in passages last heard at least {seconds} s before, {how}",
            moves={"shuffled": "down", "transposed": "down", "looped": "up" if seconds == 30 else "down"},
            high=1.0,
        )
        for name, how in (("returned", "on whatever level"), ("returned_exactly", "with the same pitches"))
        for seconds in RETURN_SECONDS
    ),
    Metric(
        "rhythm_repetition",
        "correlation",
        "how exactly the rhythm returns at its best lag of 5 to 60 s",
        moves={"shuffled": "same", "transposed": "same", "looped": "up"},
        high=1.0,
    ),
)
