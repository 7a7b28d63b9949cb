"""Fits the weights of ``form/long.json`` to people's labels on 135 movements by Bach.

    python benchmarks/fit_long_bach.py NEW.json [--epochs 30]

Needs RITORNELLO_DATA with ``dcml-bach-suites`` and ``dcml-bach-solo``, and about two minutes on one core. Movements
whose BWV number is divisible by 5 are never seen.

Local keys: the chain of ``form/local_keys.py`` is a conditional random field over keys; its log-likelihood, given a
person's key in every beat slot, is climbed by Adam; every seventh movement is held out to watch. Cadences: a logistic
regression over all slots; its threshold is that of the best F in five-fold cross-validation over movements.

Shapes: B pieces, S slots, 24 keys.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from long_bach import persons_keys
from numpy.typing import NDArray
from torch import Tensor

from ritornello.data.corpora.dcml_bach import Movement, movements
from ritornello.evaluation.events import Hits, hits
from ritornello.form.analyse import Analysis, analyse_harmony
from ritornello.form.chords import Slots, best_path, candidates_of, relations
from ritornello.form.closes import chosen, signs
from ritornello.form.evidence import Evidence, chord_of_state, evidence_of
from ritornello.form.grid import FRAMES_PER_BEAT, Range
from ritornello.form.local_keys import NUM_NOTE_FEATURES, KeyWeights, local_keys, note_features
from ritornello.scores.score import IntArray

NUM_BATCHES = 8
LEARNING_RATE = 0.05
L2, L2_SIGNS = 1.0, 3.0
THRESHOLDS = (-2.0, -1.75, -1.5, -1.25, -1.0, -0.75)
_RELATIONS = torch.from_numpy(relations())


class Piece(NamedTuple):
    """A movement as the weights in place analyse it."""

    movement: Movement
    analysis: Analysis
    slots: list[Range]
    evidence: Evidence
    on_barline: NDArray[np.bool_]
    truth: IntArray
    """(S,) a person's keys"""


class Examples(NamedTuple):
    """The slots of a piece for the cadences."""

    piece: Piece
    signs: NDArray[np.float64]
    arrives: NDArray[np.float64]
    """(S,) 1 where a cadence arrives"""


class Batch(NamedTuple):
    """Pieces of like length, padded at the end."""

    notes: Tensor
    """(B, S, 4, 12)"""
    barline: Tensor
    """(B, S) 1 on a barline"""
    key: Tensor
    """(B, S)"""
    home: Tensor
    """(B,)"""
    there: Tensor
    """(B, S) whether the slot is one"""


class Weights(NamedTuple):
    """As ``local_keys.KeyWeights``."""

    note: Tensor
    home: Tensor
    change: Tensor


def main() -> None:
    """Fits, reports, and writes the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    torch.manual_seed(0)
    pieces = [piece_of(movement) for movement in movements(test=False)]
    weights = fit_keys(pieces, options.epochs)
    table = {name: np.round(w.detach().numpy(), 3).tolist() for name, w in weights._asdict().items()}
    keys = KeyWeights(*(np.array(table[name]) for name in KeyWeights._fields))
    examples = [examples_of(piece, keys) for piece in pieces]
    print(f"cadences, five-fold: threshold {(threshold := best_threshold(examples)):g}")
    table["signs"], table["threshold"] = np.round(fit_signs(examples), 3).tolist(), threshold
    options.out.write_text(json.dumps(table) + "\n", encoding="utf-8")


def piece_of(movement: Movement) -> Piece:
    """What the fit needs of a movement."""
    analysis = analyse_harmony(movement.score)
    slots = [slot for phrase in analysis.harmony for slot in phrase.slots]
    on_barline = np.isin([start for start, _ in slots], [start for start, _ in analysis.grid.bars])
    evidence = evidence_of(analysis.frames, slots)
    return Piece(movement, analysis, slots, evidence, on_barline, persons_keys(movement, slots))


def examples_of(piece: Piece, weights: KeyWeights) -> Examples:
    """The signs of every slot, with the keys that these weights find."""
    analysis = piece.analysis
    keys = local_keys(piece.evidence, piece.on_barline, analysis.home, weights)
    nowhere = np.zeros(len(keys), dtype=np.bool_)
    flags = Slots(piece.on_barline, nowhere, nowhere)
    states = best_path(candidates_of(piece.evidence), flags, analysis.home, keys)[1]
    chords = [chord_of_state(state, key % 12) for state, key in zip(states.tolist(), keys.tolist(), strict=True)]
    starts = np.array([start for start, _ in piece.slots])
    onsets = np.array([cadence.onset_beats * FRAMES_PER_BEAT for cadence in piece.movement.cadences])
    arrives = np.zeros(len(keys))
    arrives[np.maximum(np.searchsorted(starts, onsets, side="right") - 1, 0)] = 1.0
    return Examples(piece, signs(analysis.frames, analysis.grid, piece.slots, keys, chords), arrives)


def fit_signs(examples: Sequence[Examples]) -> NDArray[np.float64]:
    """Log-odds of the signs, by penalised logistic regression."""
    from scipy.optimize import minimize

    table, arrives = np.concatenate([e.signs for e in examples]), np.concatenate([e.arrives for e in examples])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        merit = table @ weights
        slope = 1.0 / (1.0 + np.exp(-merit)) - arrives
        value = np.logaddexp(0.0, merit).sum() - merit @ arrives + L2_SIGNS * (weights @ weights)
        return float(value), table.T @ slope + 2 * L2_SIGNS * weights

    return np.asarray(minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B").x)


def best_threshold(examples: Sequence[Examples]) -> float:
    """The threshold of the best F on pieces that the weights have not seen, in five parts."""
    totals: dict[float, list[Hits]] = {threshold: [] for threshold in THRESHOLDS}
    for part in range(5):
        weights = fit_signs([e for i, e in enumerate(examples) if i % 5 != part])
        for example in examples[part::5]:
            merit, slots = example.signs @ weights, example.piece.slots
            true = [cadence.onset_beats for cadence in example.piece.movement.cadences]
            for threshold, total in totals.items():
                found = [slots[slot][0] / FRAMES_PER_BEAT for slot in chosen(merit, slots, threshold)]
                total.append(hits(found, true, 1.0))
    shares = {threshold: Hits(*np.sum(total, axis=0).tolist()) for threshold, total in totals.items()}
    for threshold, total in shares.items():
        print(f"  {threshold:g}: precision {total.precision:.3f}, recall {total.recall:.3f}, F {total.f_measure:.3f}")
    return max(shares, key=lambda threshold: shares[threshold].f_measure)


def fit_keys(pieces: list[Piece], epochs: int) -> Weights:
    """The weights of the keys."""
    training = sorted((p for i, p in enumerate(pieces) if i % 7), key=lambda p: len(p.truth))
    batches = [batch_of([training[i] for i in part]) for part in np.array_split(np.arange(len(training)), NUM_BATCHES)]
    check = batch_of([p for i, p in enumerate(pieces) if not i % 7])
    weights = Weights(
        torch.zeros(2, NUM_NOTE_FEATURES, 12, requires_grad=True),
        torch.zeros(48, requires_grad=True),
        torch.full((2, 48), -4.0).index_fill_(1, _RELATIONS.diagonal()[[0, 12]], 0.0).requires_grad_(),
    )
    optimiser = torch.optim.Adam(list(weights), lr=LEARNING_RATE)
    num_slots = sum(int(batch.there.sum()) for batch in batches)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - epoch / epochs)
        for batch in batches:
            optimiser.zero_grad()
            size = sum(w.square().sum() for w in (weights.note, weights.home))
            loss = loss_of(weights, batch).sum() / batch.there.sum() + L2 / num_slots * size
            loss.backward()
            optimiser.step()
        if epoch % 10 == 9:
            with torch.no_grad():
                print(f"epoch {epoch + 1}: {float(loss_of(weights, check).sum() / check.there.sum()):.4f} nats a slot")
    return weights


def loss_of(weights: Weights, batch: Batch) -> Tensor:
    """(B,) nats of the person's keys."""
    tonic, interval = torch.arange(12)[:, None], torch.arange(12)
    rolled = batch.notes[..., (tonic + interval) % 12]  # (B, S, 4, tonic, interval)
    scores = torch.einsum("bsfti,mfi->bsmt", rolled, weights.note).flatten(2)
    scores = scores + weights.home[_RELATIONS[batch.home]][:, None]
    change = weights.change[:, _RELATIONS]  # (2, 24, 24)
    total = scores[:, 0]
    for slot in range(1, scores.shape[1]):
        step = change[batch.barline[:, slot]]
        on = torch.logsumexp(total[:, :, None] + step, dim=1) + scores[:, slot]
        total = torch.where(batch.there[:, slot, None], on, total)
    own = torch.gather(scores, 2, batch.key[..., None])[..., 0]
    steps = change[batch.barline[:, 1:], batch.key[:, :-1], batch.key[:, 1:]]
    own = (own * batch.there).sum(dim=1) + (steps * batch.there[:, 1:]).sum(dim=1)
    return torch.logsumexp(total, dim=1) - own


def batch_of(pieces: list[Piece]) -> Batch:
    """Pads pieces to the longest."""
    longest = max(len(piece.truth) for piece in pieces)
    batch = Batch(
        torch.zeros(len(pieces), longest, NUM_NOTE_FEATURES, 12),
        torch.zeros(len(pieces), longest, dtype=torch.long),
        torch.zeros(len(pieces), longest, dtype=torch.long),
        torch.zeros(len(pieces), dtype=torch.long),
        torch.zeros(len(pieces), longest, dtype=torch.bool),
    )
    for row, piece in enumerate(pieces):
        length = len(piece.truth)
        batch.notes[row, :length] = torch.from_numpy(note_features(piece.evidence)).float()
        batch.barline[row, :length] = torch.from_numpy(piece.on_barline).long()
        batch.key[row, :length] = torch.from_numpy(piece.truth)
        batch.home[row] = piece.analysis.home
        batch.there[row, :length] = True
    return batch


if __name__ == "__main__":
    main()
