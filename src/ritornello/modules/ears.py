"""Ears: what each position heard, read off a model while it reads a piece, without changing what it makes of it.

A module that attends says its weights in a method beside ``forward``: of the same arguments and with the same
projections, but as a softmax over all keys at once, never through tiles or a fused kernel. An ear knows one such
module, and at which positions of the piece the keys of a call stand. Nobody listens unless asked: then the modules are
hooked for as long as that lasts, and every call costs its weights too.

Shapes: B batch, H heads, A positions that are asked about, N those of them in one call, S keys, K head width.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.horizons import Interval, heard_at


class Attended(NamedTuple):
    """What some positions of one piece heard."""

    asked_N: Tensor
    """Which of the positions asked about: places in the list of them."""
    columns_S: Tensor
    """Position at which each key stands. Several may stand at one; their weights belong together."""
    weights_HNS: Tensor
    """Of each head, what sums to 1 over the keys; to less where something that says nothing was heard too."""


class Ear(NamedTuple):
    """One module that attends, for one piece, read from its beginning."""

    name: str
    module: nn.Module
    read: Callable[..., Iterator[Attended]]
    """Of the positions asked about (A,), ascending, and the arguments of a call of the module."""


@contextmanager
def overhearing(ears: Sequence[Ear], asked_A: Tensor, take: Callable[[str, Attended], None]) -> Generator[None]:
    """While this lasts, ``take`` is given all that the asked positions hear, by the name of the ear."""
    with ExitStack() as hooks:
        for ear in ears:
            hooks.enter_context(ear.module.register_forward_hook(_hook(ear, asked_A, take)))
        yield


def heard_of_the_last(
    asked_A: Tensor, start: int, stop: int, weights: Callable[[Tensor], Tensor]
) -> Iterator[Attended]:
    """What the positions from ``start`` to ``stop`` heard, if the keys are the last ones before ``stop``.

    ``weights`` says of some of them, counted from ``start``, their weights (1, H, N, S).
    """
    asked_N = ((asked_A >= start) & (asked_A < stop)).nonzero().flatten()
    if len(asked_N):
        weights_HNS = weights(asked_A[asked_N] - start)[0]
        columns_S = torch.arange(stop - weights_HNS.shape[-1], stop, device=asked_A.device)
        yield Attended(asked_N, columns_S, weights_HNS)


def of_frames(ear: Ear, frame_tokens: int) -> Ear:
    """What tokens heard, from what frames heard.

    A token hears what its frame was made of: the state after the frame before. What was heard of a frame is spread
    evenly over its tokens.
    """

    def read(asked_A: Tensor, *arguments: Any) -> Iterator[Attended]:
        for asked_N, frames_S, weights_HNS in ear.read((asked_A + 1) // frame_tokens - 1, *arguments):
            slots = torch.arange(frame_tokens, device=frames_S.device)
            tokens = (frames_S[:, None] * frame_tokens + slots).flatten()
            yield Attended(asked_N, tokens, weights_HNS.repeat_interleave(frame_tokens, dim=-1) / frame_tokens)

    return Ear(ear.name, ear.module, read)


def content_logits(q_BHNK: Tensor, k_BHSK: Tensor) -> Tensor:
    """q.k / sqrt(K) of all pairs (B, H, N, S)."""
    return q_BHNK @ k_BHSK.to(q_BHNK.dtype).mT * q_BHNK.shape[-1] ** -0.5


def weights_within(horizon: Interval, logits_BHNS: Tensor, positions_N: Tensor, stop: int) -> Tensor:
    """The softmax over what the horizon lets be heard (B, H, N, S); the keys are the last positions before ``stop``."""
    heard_NS = heard_at(horizon, positions_N.to(logits_BHNS.device), stop, logits_BHNS.shape[-1])
    return logits_BHNS.masked_fill(~heard_NS, float("-inf")).softmax(dim=-1)


def _hook(ear: Ear, asked_A: Tensor, take: Callable[[str, Attended], None]) -> Callable[..., None]:
    def hook(module: nn.Module, arguments: tuple[Any, ...], result: Any) -> None:
        del module, result
        for attended in ear.read(asked_A, *arguments):
            take(ear.name, attended)

    return hook
