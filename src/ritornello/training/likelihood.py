"""Likelihood: one function that scores prepared data with a model, by a protocol that it names.

Validation while training and ``ritornello evaluate`` are both this. Every protocol scores each
token of a piece exactly once, all but BOS, headers and padding; what differs is how much of the
past the model is given:

* **whole pieces**: a piece in one forward pass, for chorales and their plans;
* **streamed whole pieces**: a piece in chunks with the model's state carried from its beginning to
  its end, as the model would hear it; several pieces side by side, in constant memory;
* **disjoint windows of N**: N tokens at a time and nothing carried over (Music Transformer's);
* **sliding windows of N, stride S**: every window but the first scores its last S tokens alone, so
  that each token but the first N has at least N - S tokens of context.

The figures are in ``figures.py``. *Voices* is nats per voice and 16th, the field's unit for
chorales: every 16th counts four tokens, held notes too, over all voice-steps of all pieces.

Shapes: B batch, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ritornello.data.batch import Batch
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import NO_SOURCE, collate
from ritornello.data.transposition import Transposer
from ritornello.models.base import Conditions
from ritornello.models.states import rows_of_state
from ritornello.scores.score import IntArray
from ritornello.training.figures import Likelihood, is_performance, summed

BATCH_TOKENS = 16384
CHUNK_TOKENS = 2048
MIXTURE_SEMITONES = (-3, 3)
_IGNORED = -100


def likelihood(
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    *,
    with_plan: bool = True,
    batch_tokens: int = BATCH_TOKENS,
    bf16: bool = False,
) -> Likelihood:
    """The protocol of the house: chorales and plans whole, performances streamed.

    Args:
        model: a ``LanguageModel``; it is left in the mode that it was in.
        data: a prepared level.
        pieces: indices into ``data.entries``.
        with_plan: false hides all conditions.
        batch_tokens: tokens scored at once, about.
        bf16: let matrix products run in bfloat16; stated in the protocol.
    """
    if is_performance(data.name):
        return streamed(model, data, pieces, batch_tokens=batch_tokens, bf16=bf16)
    with_plan = with_plan and bool(data.condition_sizes)
    protocol = "whole pieces, teacher-forced"
    if data.name == "notes":
        protocol += ", plan given" if with_plan else ", no plan"
    nats: dict[int, NDArray[np.float64]] = {}
    for batch in data.whole_batches(list(pieces), batch_tokens):
        scores = _token_nats(model, batch if with_plan else without_plan(batch))
        nats |= dict(zip(batch.pieces, scores, strict=True))
    return summed(protocol, data, pieces, nats)


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
    return summed(protocol, data, pieces, nats)


def streamed(
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    *,
    batch_tokens: int = BATCH_TOKENS,
    chunk_tokens: int = CHUNK_TOKENS,
    bf16: bool = False,
) -> Likelihood:
    """Pieces without conditions from their beginning to their end, the state carried; see ``likelihood``.

    Pieces of like length go side by side in lanes, ``batch_tokens // chunk_tokens`` of them; a lane
    ends with its piece. ``chunk_tokens`` changes the speed, never the figures.
    """
    lanes = max(1, batch_tokens // chunk_tokens)
    ordered = sorted(pieces, key=lambda i: (-data.entries[i].length, i))
    nats: dict[int, NDArray[np.float32]] = {}
    with _scoring(model, bf16=bf16):
        for first in range(0, len(ordered), lanes):
            members = ordered[first : first + lanes]
            rows = [data.ids(i) for i in members]
            nats |= dict(zip(members, _streamed_nats(model, rows, chunk_tokens), strict=True))
    return summed(_named("streamed whole pieces", bf16=bf16), data, pieces, nats)


def windowed(
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    *,
    window_tokens: int,
    stride_tokens: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    bf16: bool = False,
) -> Likelihood:
    """Pieces without conditions in windows that predict ``window_tokens`` tokens each; see ``likelihood``.

    ``stride_tokens`` (at most the window) is how far the next window lies; None = the window: disjoint.
    """
    stride = window_tokens if stride_tokens is None else stride_tokens
    nats = {i: np.zeros(data.entries[i].length, dtype=np.float32) for i in pieces}
    windows = [window for i in pieces for window in _windows(i, data.entries[i].length, window_tokens, stride)]
    windows.sort(key=lambda w: (w.stop - w.start, w.piece, w.start))
    size = max(1, batch_tokens // window_tokens)
    with _scoring(model, bf16=bf16):
        for first in range(0, len(windows), size):
            batch = windows[first : first + size]
            ids_BT = _padded([data.ids(w.piece, w.start, w.stop) for w in batch])
            losses_BT = _next_nats(model, ids_BT, None)[0]
            for window, losses in zip(batch, losses_BT, strict=True):
                kept = losses[window.scored_from - window.start - 1 : window.stop - window.start - 1]
                nats[window.piece][window.scored_from : window.stop] = kept
    name = f"disjoint windows of {window_tokens:,}"
    if stride < window_tokens:
        name = f"sliding windows of {window_tokens:,}, stride {stride:,}"
    return summed(_named(name, bf16=bf16), data, pieces, nats)


def summed_nats(model: nn.Module, batch: Batch) -> Tensor:
    """The training loss before it is divided: minus the log probabilities of the scored tokens, summed, in nats."""
    logits_BTV, targets_BT = _predictions(model, batch)
    flat = logits_BTV.float().flatten(0, 1)
    return nn.functional.cross_entropy(flat, targets_BT.flatten(), ignore_index=_IGNORED, reduction="sum")


def num_scored(batch: Batch) -> int:
    """How many tokens of a batch are scored."""
    return int(batch.scored_BT[:, 1:].sum())


def without_plan(batch: Batch) -> Batch:
    """The same batch with every condition unknown."""
    channels, source = batch.channels_BTC, batch.source_BT
    return replace(
        batch,
        channels_BTC=None if channels is None else torch.zeros_like(channels),
        source_BT=None if source is None else torch.full_like(source, NO_SOURCE),
    )


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    channels, source = (None if t is None else t.to(device) for t in (batch.channels_BTC, batch.source_BT))
    return Batch(batch.ids_BT.to(device), batch.scored_BT.to(device), channels, source, batch.pieces)


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
    with _scoring(model):
        logits_BTV, targets_BT = _predictions(model, to_device(batch, device))
        losses_BT = nn.functional.cross_entropy(
            logits_BTV.float().transpose(1, 2), targets_BT, ignore_index=_IGNORED, reduction="none"
        )
    padded = nn.functional.pad(losses_BT.double(), (1, 0)).cpu().numpy()
    return list(padded)


def _streamed_nats(model: nn.Module, rows: list[IntArray], chunk_tokens: int) -> list[NDArray[np.float32]]:
    """Nats of every token of pieces side by side, longest first; 0 for the first token of each."""
    nats = [np.zeros(len(row), dtype=np.float32) for row in rows]
    lanes, state = len(rows), None
    for start in range(0, len(rows[0]) - 1, chunk_tokens):
        going_on = sum(len(row) - 1 > start for row in rows)
        if state is not None and going_on < lanes:
            state = rows_of_state(state, torch.arange(going_on, device=next(model.parameters()).device))
        lanes = going_on
        ids_BT = _padded([row[start : start + chunk_tokens + 1] for row in rows[:lanes]])
        losses_BT, state = _next_nats(model, ids_BT, state)
        for mine, losses in zip(nats, losses_BT, strict=False):
            part = mine[start + 1 : start + 1 + chunk_tokens]
            part[:] = losses[: len(part)]
    return nats


def _next_nats(model: nn.Module, ids_BT: Tensor, state: Any) -> tuple[NDArray[np.float32], Any]:
    """Nats of all ids but the first of each row, (B, T - 1), and the state after all but the last."""
    ids_BT = ids_BT.to(next(model.parameters()).device)
    logits_BTV, state = model(ids_BT[:, :-1], state, None)
    flat = nn.functional.cross_entropy(logits_BTV.float().flatten(0, 1), ids_BT[:, 1:].flatten(), reduction="none")
    return flat.reshape(logits_BTV.shape[:2]).cpu().numpy(), state


class _Window(NamedTuple):
    """Ids ``start`` to ``stop`` of a piece are read; those from ``scored_from`` on are scored."""

    piece: int
    start: int
    stop: int
    scored_from: int


def _windows(piece: int, length: int, window_tokens: int, stride: int) -> Iterator[_Window]:
    """Windows over the targets 1 to ``length`` - 1, each of which is scored in one of them."""
    scored_from = 1
    for start in range(0, length - 1, stride):
        stop = min(start + window_tokens + 1, length)
        if scored_from < stop:
            yield _Window(piece, start, stop, scored_from)
        scored_from = stop


def _padded(rows: list[IntArray]) -> Tensor:
    table = np.zeros((len(rows), max(len(row) for row in rows)), dtype=np.int64)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(table)  # pyright: ignore[reportUnknownMemberType]


def _named(protocol: str, *, bf16: bool) -> str:
    return f"{protocol}, bf16 autocast" if bf16 else protocol


@contextmanager
def _scoring(model: nn.Module, *, bf16: bool = False) -> Generator[None]:
    """Evaluation mode, no gradients, and bfloat16 products where asked for."""
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            yield
    finally:
        model.train(was_training)
