"""Local keys of a piece of any texture, beat by beat.

A chorale's keys are found together with its chords (``chords.best_path``). Instrumental music often lets a chord
last longer than a beat, or spells it out in one line, so that the chord of a single beat says little. Here the keys
alone are the states of a chain over the beats: the pitch classes that sound speak for keys, keys change seldom, more
easily on barlines, and lie near the home key.

The weights in ``long.json`` were fitted as a conditional random field by ``benchmarks/fit_long_bach.py`` to the
local keys that people have written on 135 movements of Bach's suites and solo works (``dcml-bach-suites`` and
``dcml-bach-solo``, CC BY-NC-SA 4.0). ``benchmarks/long_bach.py`` measures them on others.

Shapes: S slots, 24 keys (0-11 major, 12-23 minor).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.chords import NUM_KEYS, relations
from ritornello.form.evidence import NUM_CLASSES, Evidence, FloatArray
from ritornello.scores.score import IntArray

NUM_NOTE_FEATURES = 4
"""Time of a pitch class in the upper voices and in the bass, whether it sounds at all, whether the slot's bass begins
with it."""


class KeyWeights(NamedTuple):
    """How much each feature counts, in nats."""

    note: FloatArray
    """(2, 4, 12) per mode, feature, and semitones above the tonic."""
    home: FloatArray
    """(48,) for a key against the home key, per slot; index as in ``chords.relations``."""
    change: FloatArray
    """(2, 48) for a key against that of the slot before: inside a bar, on a barline."""


@cache
def key_weights() -> KeyWeights:
    """The fitted weights."""
    table = json.loads(files("ritornello.form").joinpath("long.json").read_text(encoding="utf-8"))
    return KeyWeights(*(np.array(table[name], dtype=np.float64) for name in KeyWeights._fields))


def note_features(evidence: Evidence) -> FloatArray:
    """(S, 4, 12) per feature and pitch class."""
    half = NUM_CLASSES // 2
    upper, bass = evidence.weight[:, :half].sum(axis=1), evidence.weight[:, half:].sum(axis=1)
    return np.stack([upper, bass, evidence.present, evidence.bass[:, 0]], axis=1)


def key_scores(features: FloatArray, weights: KeyWeights) -> FloatArray:
    """(S, 24) how much the notes of each slot (S, 4, 12) speak for each key."""
    above = (np.arange(12)[:, None] + np.arange(12)) % 12  # (tonic, interval) -> pitch class
    return np.einsum("sfti,mfi->smt", features[:, :, above], weights.note).reshape(len(features), NUM_KEYS)


def local_keys(
    evidence: Evidence, on_barline: NDArray[np.bool_], home: int, weights: KeyWeights | None = None
) -> IntArray:
    """The most likely keys (S,) of a piece with the home key ``home``, by the fitted weights if no others are given."""
    if not len(on_barline):
        return np.zeros(0, dtype=np.int64)
    weights, relation = weights or key_weights(), relations()
    scores = key_scores(note_features(evidence), weights) + weights.home[relation[home]]
    change = weights.change[:, relation]
    best = scores[0]
    back: list[IntArray] = []
    for slot in range(1, len(scores)):
        through = best[:, None] + change[int(on_barline[slot])]
        back.append(through.argmax(axis=0))
        best = through.max(axis=0) + scores[slot]
    path = [int(best.argmax())]
    for before in reversed(back):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
