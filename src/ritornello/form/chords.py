"""Harmony: the most likely chord of every beat slot, together with its key.

A chain over all slots of the piece whose states are pairs of key and chord: each slot's notes speak for
chords (``evidence.py``), a key says which chords are likely in it and which follow each other, and keys
change seldom, at phrase borders less seldom than inside a phrase. The best path through the chain is
the analysis.

The weights in ``harmony.json`` were fitted as a conditional random field by ``benchmarks/fit_harmony.py``,
from weights set by hand, to people's analyses of the chorales 1-249: ``when-in-rome-bach`` (CC BY-SA 4.0)
over ``bach-370-chorales`` (CC BY-NC-SA 4.0). ``benchmarks/analysis.py`` measures them on others.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.chord import QUALITIES
from ritornello.form.evidence import (
    NUM_QUALITIES,
    NUM_STATES,
    Evidence,
    FloatArray,
    Weights,
    score_states,
)
from ritornello.scores.score import IntArray

NUM_CANDIDATES = 16
"""Chords per slot that are considered further."""
NOT_KNOWN = 1e6
"""Nats against a key that is known not to hold."""
NUM_KEYS = 24
"""Key k < 12 is major on tonic k, k >= 12 minor on tonic k - 12."""


class Context(NamedTuple):
    """What a key says about chords, in nats; roots are counted from the tonic."""

    prior: FloatArray
    """(2, 12, 9) per mode (major, minor), root and quality."""
    step: FloatArray
    """(2, 12, 12) per mode, root and next root."""
    change: FloatArray
    """(4,) added where the root changes: at a barline, on another beat; and where only quality or
    inversion changes, and where nothing changes."""
    last: FloatArray
    """(2, 12, 9) per mode, root and quality, for the chord of a phrase's cadence."""
    cadence: FloatArray
    """(2, 12, 12) per mode, root and next root, where the next chord is that of the cadence."""
    home: FloatArray
    """(48,) for a key against the home key, per slot; index as in ``relations``."""
    inside: FloatArray
    """(48,) for a key against the key of the slot before, inside a phrase."""
    near: FloatArray
    """(48,) the same where a phrase begins."""


class Slots(NamedTuple):
    """What is known of S beat slots beside their notes, (S,) each."""

    on_barline: NDArray[np.bool_]
    begins_phrase: NDArray[np.bool_]
    at_cadence: NDArray[np.bool_]


class Candidates(NamedTuple):
    """The best chords of S slots by their notes alone."""

    state: IntArray
    """(S, 16) chord states."""
    score: FloatArray
    """(S, 16) scores."""


@cache
def harmony_weights() -> tuple[Weights, Context]:
    """The fitted weights."""
    table = json.loads(files("ritornello.form").joinpath("harmony.json").read_text(encoding="utf-8"))
    arrays = {name: np.array(values, dtype=np.float64) for name, values in table.items()}
    inversion = arrays["inversion"].copy()
    inversion[:4, 3] = -np.inf  # a triad has no third inversion
    weights = Weights(arrays["role"], arrays["missing"], arrays["bass"], inversion)
    return weights, Context(**{name: arrays[name] for name in Context._fields})


def candidates_of(evidence: Evidence) -> Candidates:
    """The chords that fit each slot's notes best; where they hardly differ, those of the piece's usual notes."""
    scores = score_states(evidence, harmony_weights()[0])
    assert scores.shape[1] == NUM_STATES
    if not len(scores):
        return Candidates(np.zeros((0, NUM_CANDIDATES), np.int64), np.zeros((0, NUM_CANDIDATES)))
    rank = np.argsort(-(scores + _usual_notes(evidence)), axis=1, kind="stable")
    state = np.ascontiguousarray(rank[:, :NUM_CANDIDATES])
    return Candidates(state, np.take_along_axis(scores, state, axis=1))


def _usual_notes(evidence: Evidence) -> FloatArray:
    """(432,) share of the piece's time that a chord's notes take, on average; settles ties in empty slots."""
    share = evidence.present.mean(axis=0)
    by_quality = [share[(np.arange(12)[:, None] + intervals) % 12].mean(axis=1) for intervals in QUALITIES.values()]
    return np.repeat(np.stack(by_quality, axis=1).reshape(-1), NUM_STATES // 12 // NUM_QUALITIES)


def relations() -> IntArray:
    """(24, 24) how a key (column) stands to another (row): 24 * its mode + 12 * own mode + tonics' interval."""
    mode, tonic = np.divmod(np.arange(NUM_KEYS), 12)
    return mode[:, None] * 24 + mode * 12 + (tonic - tonic[:, None]) % 12


def key_fits(candidates: Candidates) -> FloatArray:
    """(24,) how well the chords of all slots, each for itself, fit each key."""
    return np.logaddexp.reduce(_priors(candidates) + candidates.score, axis=2).sum(axis=1)


def best_path(
    candidates: Candidates, slots: Slots, home: int, known: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """The most likely keys (S,) and chord states (S,) of a piece with the home key ``home``; S > 0.

    Where the keys are ``known`` (S,), only the chords are looked for.
    """
    context = harmony_weights()[1]
    relation = relations()
    unary = _priors(candidates) + candidates.score + context.home[relation[home]][:, None, None]
    unary += np.where(slots.at_cadence[:, None], _by_key(context.last, candidates.state), 0.0)
    if known is not None:
        unary[np.arange(NUM_KEYS)[:, None] != known] -= NOT_KNOWN
    inside, near = context.inside[relation][:, :, None], context.near[relation][:, :, None]
    best = unary[:, 0]
    key_back: list[IntArray] = []
    chord_back: list[IntArray] = []
    for slot in range(1, unary.shape[1]):
        begins = slots.begins_phrase[slot]
        through = best[:, None, :] + (near if begins else inside)  # (key before, key, chord before)
        key_back.append(through.argmax(axis=0))
        total = through.max(axis=0)[:, :, None]
        if not begins:
            total = total + _steps(candidates.state[slot - 1 : slot + 1], slots, slot)
        else:
            total = np.repeat(total, NUM_CANDIDATES, axis=2)
        chord_back.append(total.argmax(axis=1))
        best = total.max(axis=1) + unary[:, slot]
    key, chord = (int(i) for i in np.unravel_index(int(best.argmax()), best.shape))
    path = [(key, chord)]
    for keys, chords in zip(reversed(key_back), reversed(chord_back), strict=True):
        chord = int(chords[key, chord])
        key = int(keys[key, chord])
        path.append((key, chord))
    keys, chosen = np.array(path[::-1]).T
    return keys, candidates.state[np.arange(len(chosen)), chosen]


def _priors(candidates: Candidates) -> FloatArray:
    return _by_key(harmony_weights()[1].prior, candidates.state)


def _by_key(table: FloatArray, state: IntArray) -> FloatArray:
    """(24, S, 16) entries of a table (2, 12, 9) for chord states (S, 16) in each key."""
    root, quality = _root_quality(state)
    above = (root[None] - np.arange(12)[:, None, None]) % 12
    return np.concatenate([table[mode][above, quality[None]] for mode in (0, 1)])


def _steps(states: IntArray, slots: Slots, slot: int) -> FloatArray:
    """(24, 16, 16) score of each change from the first to the second row of (2, 16) states in each key."""
    context = harmony_weights()[1]
    roots = _root_quality(states)[0]
    above = (roots[:, None] - np.arange(12)[:, None]) % 12  # (2, 12, 16)
    table = context.step + context.cadence if slots.at_cadence[slot] else context.step
    step = np.concatenate([table[mode][above[0][:, :, None], above[1][:, None, :]] for mode in (0, 1)])
    same_root, same = roots[0][:, None] == roots[1], states[0][:, None] == states[1]
    change = context.change[0 if slots.on_barline[slot] else 1]
    return step + np.select([~same_root, same], [change, context.change[3]], context.change[2])


def _root_quality(state: IntArray) -> tuple[IntArray, IntArray]:
    return state // (4 * NUM_QUALITIES), state // 4 % NUM_QUALITIES
