"""Likelihood: one function that scores prepared data with a model.

Validation while training and ``ritornello evaluate`` are both this. Figures are nats per token, by
group of tokens: for notes the four voices and the marks, for plans all scored tokens. Headers and
padding are never counted. *Voices* is nats per voice and 16th, the field's unit for chorales: every
16th counts four tokens, held notes too, and the mean is over all voice-steps of all pieces.

Shapes: B batch, T tokens.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ritornello.data.batch import Batch
from ritornello.data.loader import PreparedLevel
from ritornello.data.rows import NO_SOURCE, collate
from ritornello.data.transposition import Transposer
from ritornello.errors import UserError
from ritornello.models.base import Conditions

BATCH_TOKENS = 16384
MIXTURE_SEMITONES = (-3, 3)
_VOICES = ("soprano", "alto", "tenor", "bass")
_NOTE_GROUPS = ("marks", *_VOICES)  # the slots of a frame, in order
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Sums of nats and numbers of tokens, (pieces, groups) each, with their names and the protocol."""

    protocol: str
    groups: tuple[str, ...]
    pieces: tuple[str, ...]
    nats: NDArray[np.float64]
    tokens: NDArray[np.int64]

    def of(self, *groups: str) -> float:
        """Nats per token over all pieces in these groups together; nan without tokens."""
        columns = [self.groups.index(group) for group in groups]
        tokens = int(self.tokens[:, columns].sum())
        return float(self.nats[:, columns].sum() / tokens) if tokens else float("nan")

    @property
    def headline(self) -> float:
        """What training watches: nats per voice-step for notes, nats per token for plans."""
        return self.of(*self._watched)

    @property
    def mean_over_pieces(self) -> float:
        """The same for each piece, then the mean: short pieces weigh as much as long ones."""
        columns = [self.groups.index(group) for group in self._watched]
        nats: NDArray[np.float64] = self.nats[:, columns].sum(axis=1)
        tokens: NDArray[np.int64] = self.tokens[:, columns].sum(axis=1)
        return float((nats / tokens).mean())

    @property
    def _watched(self) -> tuple[str, ...]:
        return _VOICES if self.groups == _NOTE_GROUPS else self.groups

    def table(self) -> dict[str, float]:
        """Nats per token by group; ``voices`` are the four together."""
        table = {group: self.of(group) for group in self.groups}
        return {"voices": self.headline, **table} if self.groups == _NOTE_GROUPS else table


def likelihood(
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    *,
    with_plan: bool = True,
    batch_tokens: int = BATCH_TOKENS,
) -> Likelihood:
    """Scores whole pieces, teacher-forced, each from its beginning, untransposed.

    ``pieces`` are indices into ``data.entries``; ``with_plan`` false hides all conditions.
    """
    with_plan = with_plan and data.conditions is not None
    protocol = "whole pieces, teacher-forced"
    if data.name == "notes":
        protocol += ", plan given" if with_plan else ", no plan"
    nats: dict[int, NDArray[np.float64]] = {}
    for batch in data.whole_batches(list(pieces), batch_tokens):
        scores = _token_nats(model, batch if with_plan else without_plan(batch))
        nats |= dict(zip(batch.pieces, scores, strict=True))
    return _summed(protocol, data, pieces, nats)


def likelihood_of_mixture(
    model: nn.Module, data: PreparedLevel, pieces: Sequence[int], semitones: tuple[int, int] = MIXTURE_SEMITONES
) -> Likelihood:
    """The same, each token's probability being the mean over transpositions of the piece; without a plan.

    The set of transpositions is the same for every piece, so the mixture is itself a distribution
    over the next token that uses the past alone: an honest likelihood, of a dearer model.
    """
    transposer = Transposer(*semitones, states_keys=data.states_keys)
    nats: dict[int, NDArray[np.float64]] = {}
    for piece in pieces:
        row = data.row(piece).without_plan()
        batch = collate([transposer.move(row, step) for step in transposer.tables])
        scores = np.stack(_token_nats(model, batch))
        nats[piece] = -np.logaddexp.reduce(-scores, axis=0) + np.log(len(scores))
    low, high = semitones
    protocol = f"whole pieces, teacher-forced, no plan, mixture of transpositions {low} to {high}"
    return _summed(protocol, data, pieces, nats)


def mean_nats(model: nn.Module, batch: Batch) -> Tensor:
    """The training loss: mean negative log probability of the scored tokens, in nats."""
    logits_BTV, targets_BT = _predictions(model, batch)
    return nn.functional.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten(), ignore_index=_IGNORED)


def without_plan(batch: Batch) -> Batch:
    """The same batch with every condition unknown."""
    channels, source = batch.channels_BTC, batch.source_BT
    return replace(
        batch,
        channels_BTC=None if channels is None else torch.zeros_like(channels),
        source_BT=None if source is None else torch.full_like(source, NO_SOURCE),
    )


def _predictions(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits (B, T-1, V), and the token each of them predicts, or -100 where it does not count."""
    conditions = None
    if batch.channels_BTC is not None:
        source_BT = torch.full_like(batch.ids_BT, NO_SOURCE) if batch.source_BT is None else batch.source_BT
        conditions = Conditions(batch.channels_BTC[:, :-1], source_BT[:, :-1])
    logits_BTV, _ = model(batch.ids_BT[:, :-1], None, conditions)
    return logits_BTV, batch.ids_BT[:, 1:].masked_fill(~batch.scored_BT[:, 1:], _IGNORED)


def _token_nats(model: nn.Module, batch: Batch) -> list[NDArray[np.float64]]:
    """Nats of every token of every row, (T,) each; 0 where a token does not count."""
    device = next(model.parameters()).device
    with torch.inference_mode(), _evaluating(model):
        logits_BTV, targets_BT = _predictions(model, to_device(batch, device))
        losses_BT = nn.functional.cross_entropy(
            logits_BTV.float().transpose(1, 2), targets_BT, ignore_index=_IGNORED, reduction="none"
        )
    padded = nn.functional.pad(losses_BT.double(), (1, 0)).cpu().numpy()
    return list(padded)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    channels, source = (None if t is None else t.to(device) for t in (batch.channels_BTC, batch.source_BT))
    return Batch(batch.ids_BT.to(device), batch.scored_BT.to(device), channels, source, batch.pieces)


@contextmanager
def _evaluating(model: nn.Module) -> Generator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _summed(
    protocol: str, data: PreparedLevel, pieces: Sequence[int], nats: dict[int, NDArray[np.float64]]
) -> Likelihood:
    groups = _NOTE_GROUPS if data.name == "notes" else ("tokens",)
    sums, counts = np.zeros((len(pieces), len(groups))), np.zeros((len(pieces), len(groups)), dtype=np.int64)
    for place, piece in enumerate(pieces):
        scored = data.row(piece).scored
        group = np.arange(len(scored)) % len(groups)
        sums[place] = np.bincount(group[scored], nats[piece][: len(scored)][scored], len(groups))
        counts[place] = np.bincount(group[scored], minlength=len(groups))
    return Likelihood(protocol, groups, tuple(data.entries[i].id for i in pieces), sums, counts)


def evaluate(checkpoint: Path, data_folder: Path) -> str:
    """Scores the validation and test pieces of a prepared folder; returns a table as text.

    Args:
        checkpoint: a weights folder, or the folder of a run.
        data_folder: a prepared folder.
    """
    from ritornello.training.weights import find_weights, load_weights, read_facts

    folder = find_weights(checkpoint)
    facts: dict[str, Any] = read_facts(folder)
    data = PreparedLevel(data_folder, facts["level"])
    model = load_weights(folder, data.vocabulary_hash)
    if list(facts["config"].get("condition_sizes", data.condition_sizes)) != list(data.condition_sizes):
        raise UserError("was prepared with other conditions", where=str(data_folder), mend="prepare it again")
    heard_plans = "plan given" in str(facts["measured"].get("protocol"))
    lines: list[str] = []
    for split in ("validation", "test"):
        pieces = data.of_split(split)
        if not pieces:
            continue
        results = [likelihood(model, data, pieces)] if heard_plans or data.name != "notes" else []
        if data.name == "notes":
            results.append(likelihood(model, data, pieces, with_plan=False))
            results.append(likelihood_of_mixture(model, data, pieces))
        for result in results:
            figures = "  ".join(f"{name} {value:.4f}" for name, value in result.table().items())
            mean = f"mean over pieces {result.mean_over_pieces:.4f}"
            lines.append(f"{split} ({len(pieces)} pieces; {result.protocol}): {figures}  {mean}")
    if not lines:
        raise UserError("has no validation or test pieces", where=str(data_folder))
    return "\n".join([f"{folder}, nats per token", *lines])
