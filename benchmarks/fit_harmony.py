"""Fits the weights of ``form/harmony.json`` to people's analyses of the chorales 1-249.

    python benchmarks/fit_harmony.py NEW.json [--epochs 6]

Needs RITORNELLO_DATA as ``analysis.py`` does, and about five minutes on one core. The chain of
``form/chords.py`` is a conditional random field over (key, chord); its log-likelihood, given a person's
key and main chord in every beat slot, is climbed by Adam from the weights in place. Where a person's
chord is not among the candidates, or is none of ours, the slot is left open. Chorales 250-319 are for
choosing the number of epochs; 320-370 are never seen.

Shapes: B pieces, S slots, K candidates, 24 keys.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from analysis import Piece, persons_labels, pieces
from numpy.typing import NDArray
from torch import Tensor

from ritornello.data.corpora.when_in_rome import opening_repeat
from ritornello.form.chord import QUALITIES
from ritornello.form.chords import NUM_CANDIDATES, NUM_KEYS, candidates_of, harmony_weights, relations
from ritornello.form.evidence import NUM_CLASSES, NUM_ROLES, QUALITY_NAMES, evidence_of, role_table
from ritornello.form.grid import Range

TRAINING, VALIDATION = range(1, 250), range(250, 320)
NUM_BATCHES = 12
LEARNING_RATES = (0.027, 0.002)
L2 = 0.02
FORBIDDEN = -1e4
_INTERVALS = np.array([[*intervals, 0][:4] for intervals in QUALITIES.values()])
_RELATIONS = torch.from_numpy(relations())
_TONICS = torch.arange(12)

Row = dict[str, NDArray[Any]]
Weights = dict[str, Tensor]
Batch = dict[str, Tensor]


def main() -> None:
    """Fits, reports each epoch on the validation chorales, and writes the weights."""
    parser = argparse.ArgumentParser(description="Fits the weights of the harmonic analysis.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    torch.manual_seed(0)
    training = sorted((row_of(piece) for piece in pieces(TRAINING)), key=lambda row: len(row["root"]))
    validation = [row_of(piece) for piece in pieces(VALIDATION)]
    batches = [batch_of(training[i::NUM_BATCHES]) for i in range(NUM_BATCHES)]
    checks = [batch_of(validation[i::4]) for i in range(4)]
    weights = starting_weights()
    start_inversion = weights["inversion"].detach().clone()
    optimiser = torch.optim.Adam(list(weights.values()))
    order = np.random.default_rng(0)
    for epoch in range(options.epochs):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATES[0] * (1 - epoch / options.epochs) + LEARNING_RATES[1]
        for number in order.permutation(NUM_BATCHES):
            loss = loss_of(weights, batches[number])
            size = sum(
                (w - start_inversion if name == "inversion" else w).square().sum() for name, w in weights.items()
            )
            optimiser.zero_grad()
            (loss + L2 / int(batches[number]["length"].sum()) * size).backward()
            optimiser.step()
        with torch.no_grad():
            print(f"epoch {epoch + 1}: {sum(float(loss_of(weights, check)) for check in checks) / 4:.4f} nats a slot")
    rounded = {name: np.round(w.detach().numpy(), 2).tolist() for name, w in weights.items()}
    options.out.write_text(json.dumps(rounded), encoding="utf-8")


def starting_weights() -> Weights:
    """The weights in place; an impossible inversion is only very unlikely while gradients flow."""
    own, context = harmony_weights()
    arrays = {**own._asdict(), **context._asdict()}
    return {
        name: torch.tensor(np.maximum(array, -50.0), dtype=torch.float32, requires_grad=True)
        for name, array in arrays.items()
    }


def row_of(piece: Piece) -> Row:
    """Features and labels of a chorale's slots, without the repeat of its opening."""
    analysis = piece.analysis
    repeat = opening_repeat(analysis.frames)
    slots: list[Range] = []
    begins: list[int] = []
    cadences: list[int] = []
    for harmony, span in zip(analysis.harmony, analysis.phrases, strict=True):
        own = [slot for slot in harmony.slots if slot[1] <= len(piece.person.holding)]
        if own and not repeat <= span.start < 2 * repeat:
            begins.append(len(slots))
            cadences.append(len(slots) + max(0, sum(slot[0] <= span.fermata for slot in own) - 1))
            slots += own
    numbers = np.arange(len(slots))
    row = _features(piece, slots) | {
        "bar": np.isin([slot[0] for slot in slots], [bar[0] for bar in analysis.grid.bars]),
        "begins": np.isin(numbers, begins),
        "cadence": np.isin(numbers, cadences),
    }
    return row | _labels(piece, slots, row) | {"home": np.array(analysis.home)}


def _features(piece: Piece, slots: list[Range]) -> Row:
    evidence = evidence_of(piece.analysis.frames, slots)
    state = candidates_of(evidence).state
    root, quality, inversion = state // 36, state // 4 % 9, state % 4
    roles = role_table()[quality[:, :, None], (np.arange(12) - root[:, :, None]) % 12]  # (S, K, 12)
    role = np.stack([np.einsum("scp,skp->skc", evidence.weight, roles == r) for r in range(NUM_ROLES)], axis=-1)
    tones = (root[:, :, None] + _INTERVALS[quality]) % 12  # (S, K, 4)
    exists = np.arange(4) < np.array([len(i) for i in QUALITIES.values()])[quality][:, :, None]
    slot = np.arange(len(slots))[:, None, None]
    bass = np.take_along_axis(tones, inversion[:, :, None], axis=2)[:, :, 0]
    return {
        "role": role.reshape(len(slots), NUM_CANDIDATES, NUM_CLASSES * NUM_ROLES).astype(np.float32),
        "missing": (exists * (1 - evidence.present[slot, tones])).astype(np.float32),
        "bass": np.moveaxis(evidence.bass, 1, 2)[slot[:, :, 0], bass].astype(np.float32),
        "lowest": bass,
        "state": state,
        "root": root,
        "quality": quality,
        "inversion": inversion,
    }


def _labels(piece: Piece, slots: list[Range], row: Row) -> Row:
    """Which candidates are the person's (all if unknown), and the person's key (-1 if unknown)."""
    gold = np.ones(row["root"].shape, dtype=np.bool_)
    key = np.full(len(slots), -1)
    for number, slot in enumerate(slots):
        for label in persons_labels(piece.person, slot)[:1]:
            key[number] = label.key
            chord = (row["root"][number] == label.root) & (row["quality"][number] == QUALITY_NAMES.index(label.quality))
            exact = chord & (row["lowest"][number] == label.bass)
            if chord.any():
                gold[number] = exact if exact.any() else chord
    return {"gold": gold, "key": key}


def batch_of(rows: list[Row]) -> Batch:
    """Rows padded to one length; padding says nothing."""
    length = [len(row["root"]) for row in rows]
    fill = {"gold": True, "key": -1}
    batch = {"length": torch.tensor(length), "home": torch.tensor([int(row["home"]) for row in rows])}
    for name in rows[0].keys() - {"home"}:
        example = rows[0][name]
        padded = np.full((len(rows), max(length), *example.shape[1:]), fill.get(name, 0), dtype=example.dtype)
        for number, row in enumerate(rows):
            padded[number, : length[number]] = row[name]
        batch[name] = torch.from_numpy(padded)
    return batch


def loss_of(weights: Weights, batch: Batch) -> Tensor:
    """Negative log-likelihood of keys and chords, nats per slot."""
    unary = _unary(weights, batch)
    wrong_key = (batch["key"][:, None] >= 0) & (torch.arange(NUM_KEYS)[:, None] != batch["key"][:, None])
    forbidden = ~batch["gold"][:, None] | wrong_key[..., None]
    right = _log_sum(weights, batch, unary.masked_fill(forbidden, FORBIDDEN))
    return (_log_sum(weights, batch, unary) - right).sum() / batch["length"].sum()


def _unary(weights: Weights, batch: Batch) -> Tensor:
    """(B, 24, S, K) score of each chord in each key."""
    notes = batch["role"] @ weights["role"].reshape(-1) + batch["bass"] @ weights["bass"]
    notes = notes + (batch["missing"] * weights["missing"][batch["quality"]]).sum(-1)
    notes = notes + weights["inversion"][batch["quality"], batch["inversion"]]
    above = (batch["root"][:, None] - _TONICS[:, None, None]) % 12
    quality = batch["quality"][:, None].expand(-1, 12, -1, -1)
    prior, last = (torch.cat([weights[name][m][above, quality] for m in (0, 1)], 1) for name in ("prior", "last"))
    home = weights["home"][_RELATIONS][batch["home"]]
    return prior + last * batch["cadence"][:, None, :, None] + notes[:, None] + home[:, :, None, None]


def _log_sum(weights: Weights, batch: Batch, unary: Tensor) -> Tensor:
    """(B,) log of the summed weight of all paths."""
    near, inside = weights["near"][_RELATIONS][..., None], weights["inside"][_RELATIONS][..., None]
    total = unary[:, :, 0]
    for slot in range(1, unary.shape[2]):
        begins = batch["begins"][:, slot][:, None, None, None]
        through = torch.logsumexp(total[:, :, None] + torch.where(begins, near, inside), 1)
        step = torch.where(begins, 0.0, _steps(weights, batch, slot))
        following = torch.logsumexp(through[..., None] + step, 2) + unary[:, :, slot]
        total = torch.where((slot < batch["length"])[:, None, None], following, total)
    return torch.logsumexp(total.flatten(1), 1)


def _steps(weights: Weights, batch: Batch, slot: int) -> Tensor:
    """(B, 24, K, K) score of each change of chord."""
    root, following = batch["root"][:, slot - 1], batch["root"][:, slot]
    rows, columns = ((r[:, None] - _TONICS[:, None]) % 12 for r in (root, following))
    cadence = batch["cadence"][:, slot][:, None, None, None]
    tables = (weights["step"], weights["step"] + weights["cadence"])
    plain, closing = (
        torch.cat([table[mode][rows[..., None], columns[..., None, :]] for mode in (0, 1)], 1) for table in tables
    )
    bar = batch["bar"][:, slot][:, None, None]
    moved = torch.where(bar, weights["change"][0], weights["change"][1])
    same = batch["state"][:, slot - 1, :, None] == batch["state"][:, slot, None]
    kept = torch.where(same, weights["change"][3], weights["change"][2])
    change = torch.where(root[:, :, None] != following[:, None], moved, kept)
    return torch.where(cadence, closing, plain) + change[:, None]


if __name__ == "__main__":
    main()
