"""Sampling rules: pure functions from logits to logits, and the draw.

Logits are float64 arrays (..., V) in nats; a token that may not come has -inf. A rule never changes its argument, and
never forbids every token that was possible before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float64]


def scaled(logits: Logits, temperature: float) -> Logits:
    """Divides by a temperature above 0: below 1 the likely becomes likelier."""
    return logits / temperature


def masked(logits: Logits, allowed: NDArray[np.bool_]) -> Logits:
    """Forbids what is not allowed (V,) or (..., V)."""
    return np.where(allowed, logits, -np.inf)


def top_p(logits: Logits, mass: float) -> Logits:
    """Keeps the smallest set of likeliest tokens that has at least this probability mass (0-1]."""
    order = np.argsort(-logits, axis=-1, kind="stable")
    probabilities = np.take_along_axis(probabilities_of(logits), order, axis=-1)
    kept_sorted = np.cumsum(probabilities, axis=-1) - probabilities < mass
    kept = np.zeros(logits.shape, dtype=bool)
    np.put_along_axis(kept, order, kept_sorted, axis=-1)
    return np.where(kept, logits, -np.inf)


def min_p(logits: Logits, share: float) -> Logits:
    """Keeps tokens at least ``share`` (0-1) times as likely as the likeliest."""
    return np.where(logits >= logits.max(axis=-1, keepdims=True) + np.log(share), logits, -np.inf)


def probabilities_of(logits: Logits) -> Logits:
    """Softmax; at least one logit must be finite."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def draw(logits: Logits, uniform: float) -> int:
    """The token of one distribution (V,) at ``uniform`` in [0, 1) of its cumulated probability."""
    cumulated: Logits = np.cumsum(probabilities_of(logits))
    below: NDArray[np.bool_] = cumulated <= uniform * float(cumulated[-1])
    place = min(int(below.sum()), len(logits) - 1)
    while logits[place] == -np.inf:  # rounding may point past the last possible token
        place -= 1
    return place
