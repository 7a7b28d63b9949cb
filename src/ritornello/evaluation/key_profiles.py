"""Finding a key: which of 24 key profiles the pitch classes of a passage resemble most.

A passage is heard as a histogram of pitch classes weighted by how long they sound, and correlated (Pearson) with a
profile for each of 24 keys: the algorithm of Krumhansl and Schmuckler (Krumhansl, Cognitive Foundations of Musical
Pitch, 1990, chapter 4). Profiles:

* ``AARDEN_ESSEN``: how often the tones of melodies are each degree (Aarden, 2003; where its minor row comes from is not
  documented). Used here: of the three it finds most annotated keys, in chorales and in songs;
* ``KRUMHANSL_KESSLER``: how well listeners found that tones fit a key (Krumhansl and Kessler, 1982); the usual one;
* ``TEMPERLEY``: in how many segments of the pieces of a textbook each degree sounds (Temperley, 2007).

Keys are numbered 0-11 for major on that pitch class and 12-23 for minor, as in ``form/keys.py``.
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.timeline import FloatArray
from ritornello.scores.score import IntArray

NUM_KEYS = 24
_TIE = 1e-9

KRUMHANSL_KESSLER: FloatArray = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)
"""(2, 12): major and minor, from the tonic up."""
AARDEN_ESSEN: FloatArray = np.array(
    [
        [
            17.7661,
            0.145624,
            14.9265,
            0.160186,
            19.8049,
            11.3587,
            0.291248,
            22.062,
            0.145624,
            8.15494,
            0.232998,
            4.95122,
        ],
        [18.2648, 0.737619, 14.0499, 16.8599, 0.702494, 14.4362, 0.702494, 18.6161, 4.56621, 1.93186, 7.37619, 1.75623],
    ]
)
TEMPERLEY: FloatArray = np.array(
    [
        [0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400],
        [0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330],
    ]
)


def key_fits(histograms: FloatArray, profiles: FloatArray = AARDEN_ESSEN) -> FloatArray:
    """Correlations (..., 24) of histograms (..., 12) with the profile of every key; nan for flat or empty ones."""
    centred = histograms - histograms.mean(axis=-1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    keys = profiles - profiles.mean(axis=1, keepdims=True)
    keys /= np.sqrt((keys**2).sum(axis=1, keepdims=True))
    # (24, 12): entry of each pitch class in the profile of each key
    table = np.concatenate([keys[mode][(np.arange(12) - np.arange(12)[:, None]) % 12] for mode in (0, 1)])
    # differences of rounding are no shape: a histogram is flat if it varies by less than a billionth of itself
    shaped = size > _TIE * np.abs(histograms).max(axis=-1, keepdims=True)
    return np.divide(centred @ table.T, size, out=np.full((*centred.shape[:-1], NUM_KEYS), np.nan), where=shaped)


def best_key(fits: FloatArray, bass: int) -> int | None:
    """The key that fits best (24,); None if no key fits.

    Args:
        fits: of ``key_fits``.
        bass: a pitch class, the last one in the bass for instance: of keys that fit equally well the one whose tonic
            lies nearest above it is taken, major before minor, so that the choice moves with the music.
    """
    if np.isnan(fits).any():
        return None
    tied = np.flatnonzero(fits >= fits.max() - _TIE)
    return int(tied[np.lexsort((tied // 12, (tied - bass) % 12))][0])


def changes(fits: FloatArray, weight: FloatArray, penalty: float) -> IntArray:
    """Windows at which the key changes, on the best path through them.

    The path has the greatest sum of weighted correlations less ``penalty`` for every change (dynamic programming, after
    Temperley, The Cognition of Basic Musical Structures, 2001, chapter 7).

    Args:
        fits: (W, 24); a window of nan says nothing.
        weight: (W,) how much each window counts.
        penalty: in units of weighted correlation.
    """
    gain: FloatArray = np.nan_to_num(fits) * weight[:, None]
    if len(gain) < 2:
        return np.zeros(0, dtype=np.int64)
    best: FloatArray = gain[0]
    back = np.zeros(gain.shape, dtype=np.int64)
    for window in range(1, len(gain)):
        other = int(best.argmax())
        stays = best >= best[other] - penalty
        back[window] = np.where(stays, np.arange(NUM_KEYS), other)
        best = np.where(stays, best, best[other] - penalty) + gain[window]
    path = np.zeros(len(gain), dtype=np.int64)
    path[-1] = int(best.argmax())
    for window in range(len(gain) - 1, 0, -1):
        path[window - 1] = back[window, path[window]]
    return np.flatnonzero(np.diff(path)) + 1
