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

``token_nats`` gives what each token costs in streamed whole pieces, and what it costs when all before some
earlier token is forgotten.

The figures are in ``figures.py``. *Voices* is nats per voice and 16th, the field's unit for
chorales: every 16th counts four tokens, held notes too, over all voice-steps of all pieces.

Shapes: B batch, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ritornello.data.batch import Batch
from ritornello.data.form_levels import NOTES as NOTES_OF_FORM
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import NO_SOURCE, by_context, collate
from ritornello.data.transposition import Transposer
from ritornello.models.base import Conditions
from ritornello.training.figures import Likelihood, is_performance, summed
from ritornello.training.streaming import StreamReader, next_nats, side_by_side

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
    if data.name in ("notes", NOTES_OF_FORM):
        protocol += ", plan given" if with_plan else ", no plan"
    nats = planned_nats(model, data, pieces, with_plan=with_plan, batch_tokens=batch_tokens)
    return summed(protocol, data, pieces, nats)


def planned_nats(
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    *,
    with_plan: bool = True,
    batch_tokens: int = BATCH_TOKENS,
) -> dict[int, NDArray[np.float64]]:
    """Nats of every token (T,) of chorales, plans and planned pieces; 0 where a token does not count."""
    nats: dict[int, NDArray[np.float64]] = {}
    for batch in data.whole_batches(list(pieces), batch_tokens):
        scores = _token_nats(model, batch if with_plan else without_plan(batch))
        for piece, score in zip(batch.pieces, scores, strict=True):
            nats[piece] = score[: data.entries[piece].length]
    return nats


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
    nats = token_nats(model, data, pieces, batch_tokens=batch_tokens, chunk_tokens=chunk_tokens, bf16=bf16).whole
    return summed(_named("streamed whole pieces", bf16=bf16), data, pieces, nats)


class TokenNats(NamedTuple):
    """Nats of tokens, by piece."""

    whole: dict[int, NDArray[np.float32]]
    """Of every token (T,), all before it heard; 0 for the first, which nothing predicts."""
    forgetting: dict[int, dict[int, NDArray[np.float32]]]
    """By piece and start, of the tokens of each stretch, nothing before its start heard; 0 for its first."""


def token_nats(  # noqa: PLR0913 (most say how it is read, not what)
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    stretches: Mapping[int, Mapping[int, int]] | None = None,
    *,
    until: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    chunk_tokens: int = CHUNK_TOKENS,
    bf16: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> TokenNats:
    """What each token of pieces without conditions costs, as ``streamed``, also with memory taken away.

    Args:
        model: a ``LanguageModel``; with stretches it must have ``forget``.
        data: a prepared level.
        pieces: indices into ``data.entries``.
        stretches: by piece ``{start: stop}``, start at least 1, stop at most ``until``: tokens ``start`` to ``stop``
            are read once more by the model that has forgotten all before ``start`` (position and keyboard go on). The
            first token that this can make dearer is ``start + 1``; a stretch without one has no entry in the result.
        until: pieces are read up to this token only; None = to their end.
        batch_tokens: tokens scored at once, about.
        chunk_tokens: changes the speed, never the figures.
        bf16: let matrix products run in bfloat16.
        on_progress: called with the number of tokens that were read, and that will be in all.
    """
    taken = stretches or {}
    length = {i: data.entries[i].length if until is None else min(until, data.entries[i].length) for i in pieces}
    to_read = [(0, length[i]) for i in pieces] + [stretch for i in pieces for stretch in taken.get(i, {}).items()]
    total = sum(max(0, stop - start - 1) for start, stop in to_read)
    lanes = max(1, batch_tokens // chunk_tokens)
    ordered = sorted(pieces, key=lambda i: (-length[i], i))
    reader, result = StreamReader(model, chunk_tokens, total, on_progress), TokenNats({}, {})
    with _scoring(model, bf16=bf16):
        for first in range(0, len(ordered), lanes):
            members = ordered[first : first + lanes]
            rows = [data.ids(i, 0, length[i]) for i in members]
            whole, forgetting = reader.nats_with_stretches(rows, [taken.get(i, {}) for i in members])
            result.whole.update(zip(members, whole, strict=True))
            result.forgetting.update(zip(members, forgetting, strict=True))
    return result


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
            ids_BT = side_by_side([data.ids(w.piece, w.start, w.stop) for w in batch])
            losses_BT = next_nats(model, ids_BT, None)[0]
            for window, losses in zip(batch, losses_BT, strict=True):
                kept = losses[window.scored_from - window.start - 1 : window.stop - window.start - 1]
                nats[window.piece][window.scored_from : window.stop] = kept
    name = f"disjoint windows of {window_tokens:,}"
    if stride < window_tokens:
        name = f"sliding windows of {window_tokens:,}, stride {stride:,}"
    return summed(_named(name, bf16=bf16), data, pieces, nats)


def summed_nats(model: nn.Module, batch: Batch, state: Any = None) -> tuple[Tensor, Any]:
    """The training loss before it is divided, and the state after all ids but the last.

    The loss is minus the log probabilities of the scored tokens, summed, in nats; ``state`` is what
    the model remembers of what stands before the batch (None = nothing). Where rows have contexts,
    the model absorbs these and predicts what follows; then there is no state after.
    """
    if batch.context_tokens:
        model_: Any = model
        parts = [
            summed_nats(model, rest, model_.absorb(context_BT) if context_BT.shape[1] else None)[0]
            for context_BT, rest in by_context(batch)
        ]
        return torch.stack(parts).sum(), None
    logits_BTV, targets_BT, state = _predictions(model, batch, state)
    flat = logits_BTV.float().flatten(0, 1)
    nats = nn.functional.cross_entropy(flat, targets_BT.flatten(), ignore_index=_IGNORED, reduction="sum")
    return nats, state


def num_scored(batch: Batch) -> int:
    """How many tokens of a batch are scored."""
    return int(batch.scored_BT[:, 1:].sum())


def without_plan(batch: Batch) -> Batch:
    """The same batch with all that is said by the plan unknown."""
    channels, source = batch.channels_BTC, batch.source_BT
    if channels is not None:
        channels = channels * (torch.arange(channels.shape[-1]) < batch.place_channels)
    return replace(
        batch,
        channels_BTC=channels,
        source_BT=None if source is None else torch.full_like(source, NO_SOURCE),
    )


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    channels, source = (None if t is None else t.to(device) for t in (batch.channels_BTC, batch.source_BT))
    ids_BT, scored_BT = batch.ids_BT.to(device), batch.scored_BT.to(device)
    return replace(batch, ids_BT=ids_BT, scored_BT=scored_BT, channels_BTC=channels, source_BT=source)


def _predictions(model: nn.Module, batch: Batch, state: Any = None) -> tuple[Tensor, Tensor, Any]:
    """Logits (B, T-1, V), the token each of them predicts, or -100 where it does not count, and the state after."""
    conditions = None
    if batch.channels_BTC is not None:
        source_BT = torch.full_like(batch.ids_BT, NO_SOURCE) if batch.source_BT is None else batch.source_BT
        conditions = Conditions(batch.channels_BTC[:, :-1], source_BT[:, :-1])
    logits_BTV, state = model(batch.ids_BT[:, :-1], state, conditions)
    return logits_BTV, batch.ids_BT[:, 1:].masked_fill(~batch.scored_BT[:, 1:], _IGNORED), state


def _token_nats(model: nn.Module, batch: Batch) -> list[NDArray[np.float64]]:
    """Nats of every token of every row, (T,) each; 0 where a token does not count."""
    device = next(model.parameters()).device
    with _scoring(model):
        logits_BTV, targets_BT, _ = _predictions(model, to_device(batch, device))
        losses_BT = nn.functional.cross_entropy(
            logits_BTV.float().transpose(1, 2), targets_BT, ignore_index=_IGNORED, reduction="none"
        )
    padded = nn.functional.pad(losses_BT.double(), (1, 0)).cpu().numpy()
    return list(padded)


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
