"""Harmony: the most likely chord of every beat slot, given the local key.

A chain over the slots of a phrase: each slot's notes speak for chords (``evidence.py``), the key says
which chords are likely in it and which follow each other. The weights in ``harmony.json`` were fitted
to people's analyses by ``benchmarks/fit_harmony.py``.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

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
    """(48,) for a phrase's key against the home key, see ``keys.relations``."""
    near: FloatArray
    """(48,) for a phrase's key against the key of the phrase before."""


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
    """The chords that fit each slot's notes best."""
    scores = score_states(evidence, harmony_weights()[0])
    assert scores.shape[1] == NUM_STATES
    if not len(scores):
        return Candidates(np.zeros((0, NUM_CANDIDATES), np.int64), np.zeros((0, NUM_CANDIDATES)))
    state: IntArray = np.argpartition(-scores, NUM_CANDIDATES, axis=1)[:, :NUM_CANDIDATES]
    # A fixed order makes ties fall the same way whatever the transposition of the piece.
    score = np.take_along_axis(scores, state, axis=1)
    order = np.argsort(-score, axis=1, kind="stable")
    return Candidates(np.take_along_axis(state, order, axis=1), np.take_along_axis(score, order, axis=1))


def phrase_paths(candidates: Candidates, on_barline: IntArray, cadence_slot: int) -> tuple[FloatArray, IntArray]:
    """How well one phrase fits each of the 24 keys, and its best chords in each.

    Args:
        candidates: of the phrase's S > 0 slots.
        on_barline: (S,) 1 where a slot begins at a barline.
        cadence_slot: index of the slot with the phrase's last chord.

    Returns:
        (24,) log of the summed weight of all paths, and (24, S) the chord states of the best one.
    """
    unary = _unary(candidates, cadence_slot)
    best = total = unary[:, 0]
    back: list[IntArray] = []
    for slot in range(1, unary.shape[1]):
        step = _steps(candidates.state[slot - 1 : slot + 1], int(on_barline[slot]), at_cadence=slot == cadence_slot)
        through = best[:, :, None] + step
        back.append(through.argmax(axis=1))
        best = through.max(axis=1) + unary[:, slot]
        total = np.logaddexp.reduce(total[:, :, None] + step, axis=1) + unary[:, slot]
    choice: IntArray = best.argmax(axis=1)
    path = [choice]
    for pointers in reversed(back):
        choice = pointers[np.arange(NUM_KEYS), choice]
        path.append(choice)
    chosen = np.stack(path[::-1], axis=1)
    states = np.stack([candidates.state[slot][chosen[:, slot]] for slot in range(unary.shape[1])], axis=1)
    return np.logaddexp.reduce(total, axis=1), states


def _unary(candidates: Candidates, cadence_slot: int) -> FloatArray:
    """(24, S, 16) score of each candidate in each key."""
    context = harmony_weights()[1]
    root, quality = _root_quality(candidates.state)
    above = (root[None] - np.arange(12)[:, None, None]) % 12
    unary = np.concatenate([context.prior[mode][above, quality[None]] for mode in (0, 1)])
    last = np.concatenate([context.last[mode][above[:, cadence_slot], quality[None, cadence_slot]] for mode in (0, 1)])
    unary[:, cadence_slot] += last
    return unary + candidates.score[None]


def _steps(states: IntArray, on_barline: int, *, at_cadence: bool) -> FloatArray:
    """(24, 16, 16) score of each change from the first to the second row of (2, 16) states in each key."""
    context = harmony_weights()[1]
    roots = _root_quality(states)[0]
    above = (roots[:, None] - np.arange(12)[:, None]) % 12  # (2, 12, 16)
    table = context.step + context.cadence if at_cadence else context.step
    step = np.concatenate([table[mode][above[0][:, :, None], above[1][:, None, :]] for mode in (0, 1)])
    same_root, same = roots[0][:, None] == roots[1], states[0][:, None] == states[1]
    return step + np.select([~same_root, same], [context.change[1 - on_barline], context.change[3]], context.change[2])


def _root_quality(state: IntArray) -> tuple[IntArray, IntArray]:
    return state // (4 * NUM_QUALITIES), state // 4 % NUM_QUALITIES
