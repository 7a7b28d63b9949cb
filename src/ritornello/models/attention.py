"""What a model heard of a piece, and what its predictions depend on: of any model, from outside.

* ``attention``: of each layer and head, how a position shares out what it hears. This says where a layer looked, in
  itself not what it made of it: above the first layer every position already holds what it heard below.
* ``heard_places``: of the same weights the mean place heard, in any measure of places, for whole pieces.
* ``influence``: through all layers together, how much the probability of the token that came would have moved with each
  token before. Defined for models without attention too.

Models are read in evaluation mode, from the beginning of a piece, in chunks with the state carried.

**Source**: gradients as saliency are Simonyan, Vedaldi and Zisserman's (arXiv 1312.6034), here their norm at the
embedding. That weights of attention need not say what a prediction depends on: Jain and Wallace (arXiv 1902.10186).

Shapes: T tokens, A positions asked about, H heads, C measures of places, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ritornello.models.base import Conditions
from ritornello.modules.ears import Attended, Ear, overhearing

CHUNK_TOKENS = 2048


class Readable(Protocol):
    """A ``LanguageModel`` that can be listened to; all in MODELS can."""

    training: bool

    def ears(self) -> list[Ear]:
        """One for each layer that attends, in the order in which they hear; new ones for every piece."""
        ...

    @property
    def entrance(self) -> tuple[nn.Module, int]:
        """The module that makes the vectors in which tokens come in, and of how many tokens it makes one."""
        ...

    def train(self, mode: bool = True) -> Any:
        """As of ``nn.Module``."""
        ...

    def eval(self) -> Any:
        """As of ``nn.Module``."""
        ...

    def __call__(self, ids_BT: Tensor, state: Any = None, conditions: Conditions | None = None, /) -> Any:
        """Logits and state."""
        ...


@torch.no_grad()
def attention(
    model: Readable, ids_T: Tensor, asked_A: Tensor | None = None, conditions: Conditions | None = None
) -> dict[str, Tensor]:
    """What positions hear of each token, by the name of the layer, in order; nothing of a model that does not attend.

    Args:
        model: any of MODELS.
        ids_T: the piece, from its beginning.
        asked_A: the positions that hear, rising; None = all. Memory is H A T numbers for each layer.
        conditions: of one piece (1, T, ...), for a model that takes some.

    Returns:
        Weights (H, A, T). A row sums to 1; to less where a key that says nothing was heard too (the source of a note
        level), and to 0 before the first frame of a note level was heard. What is heard through a summary or a frame
        is spread over its tokens; see ``ears`` of the model.
    """
    T = len(ids_T)
    asked_A = torch.arange(T, device=ids_T.device) if asked_A is None else asked_A
    weights: dict[str, Tensor] = {}

    def take(name: str, attended: Attended) -> None:
        asked_N, columns_S, weights_HNS = attended
        if name not in weights:
            weights[name] = weights_HNS.new_zeros(weights_HNS.shape[0], len(asked_A), T)
        weights[name][:, asked_N] = weights[name][:, asked_N].index_add(2, columns_S, weights_HNS)

    _listen(model, ids_T, asked_A, conditions, take)
    return weights


@torch.no_grad()
def heard_places(
    model: Readable, ids_T: Tensor, asked_A: Tensor, places_TC: Tensor, conditions: Conditions | None = None
) -> dict[str, Tensor]:
    """The mean of ``places`` (its index, its time ...) over what each asked position hears, (H, A, C) by layer.

    nan where nothing was heard. Never holds more than one layer's weights of one chunk.
    """
    places_TC = places_TC.double()
    sums: dict[str, Tensor] = {}

    def take(name: str, attended: Attended) -> None:
        asked_N, columns_S, weights_HNS = attended
        if name not in sums:
            shape = (weights_HNS.shape[0], len(asked_A), 1 + places_TC.shape[1])
            sums[name] = places_TC.new_zeros(shape)
        parts_SC = torch.cat([torch.ones_like(places_TC[:, :1]), places_TC], dim=1)[columns_S]
        sums[name][:, asked_N] += weights_HNS.double() @ parts_SC

    _listen(model, ids_T, asked_A, conditions, take)
    return {name: parts_HAC[..., 1:] / parts_HAC[..., :1] for name, parts_HAC in sums.items()}


def influence(
    model: Readable,
    ids_T: Tensor,
    asked_A: Tensor,
    conditions: Conditions | None = None,
    *,
    reach: int | None = None,
) -> Tensor:
    """How much each token moves what was thought of the next one (A, T): rows sum to 1, or to 0 where nothing does.

    The norm of the gradient of the log probability of token a + 1, by the vector that token t comes in as, for each
    asked position a; so nothing after a has any. Of a note level it is the vector of a frame, spread evenly over its
    tokens; what a voice hears of the voices above it in its own frame is left out, as are keyboard and recall.

    Args:
        model: any of MODELS; its parameters get no gradients.
        ids_T: the piece, from its beginning.
        asked_A: positions, each before the last.
        conditions: of one piece (1, T, ...), for a model that takes some.
        reach: only so many tokens, the last before the last asked position, get a share, as whole frames; what comes
            before is heard, and not asked about. All that is computed of the tokens asked about is in memory at once.
    """
    vectors: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, result: Tensor) -> Tensor:
        del module, arguments
        vectors.append(result.detach().requires_grad_())
        return vectors[-1]

    stop, (entrance, tokens_of_vector) = int(asked_A.max()) + 1, model.entrance
    start = 0 if reach is None else max(0, stop - reach) // tokens_of_vector * tokens_of_vector
    asked_here = asked_A[asked_A >= start]
    with _evaluating(model), ExitStack() as hooks:
        state = _read(model, ids_T[:start], conditions)
        hooks.callback(entrance.register_forward_hook(keep).remove)
        with torch.enable_grad():
            logits_TV = model(ids_T[None, start:stop], state, _part(conditions, start, stop))[0][0]
            targets = ids_T[asked_here + 1]
            nats_A = nn.functional.cross_entropy(logits_TV[asked_here - start], targets, reduction="none")
            norms_AX = torch.stack([_norms(nats, vectors) for nats in nats_A])
    norms_AT = (norms_AX / tokens_of_vector).repeat_interleave(tokens_of_vector, dim=1)
    shares_AT = norms_AT / norms_AT.sum(dim=1, keepdim=True).clamp(min=torch.finfo(norms_AT.dtype).tiny)
    before = len(asked_A) - len(asked_here)
    return nn.functional.pad(shares_AT, (start, len(ids_T) - start - shares_AT.shape[1], before, 0))


def _norms(nats: Tensor, vectors: list[Tensor]) -> Tensor:
    """Of the gradient by each of X vectors (1, X, D); there are none before a first frame is over."""
    if not vectors:
        return nats.new_zeros(0)
    (gradient_1XD,) = torch.autograd.grad(nats, vectors, retain_graph=True, allow_unused=True, materialize_grads=True)
    return gradient_1XD[0].square().sum(dim=-1).sqrt()


def _listen(
    model: Readable,
    ids_T: Tensor,
    asked_A: Tensor,
    conditions: Conditions | None,
    take: Callable[[str, Attended], None],
) -> None:
    """Reads the piece as far as it is asked about."""
    stop = int(asked_A.max()) + 1 if len(asked_A) else 0
    with _evaluating(model), overhearing(model.ears(), asked_A, take):
        _read(model, ids_T[:stop], conditions)


@torch.no_grad()
def _read(model: Readable, ids_T: Tensor, conditions: Conditions | None) -> Any:
    """The state after these tokens, read in chunks; None after nothing."""
    state = None
    for start in range(0, len(ids_T), CHUNK_TOKENS):
        end = min(start + CHUNK_TOKENS, len(ids_T))
        _, state = model(ids_T[None, start:end], state, _part(conditions, start, end))
    return state


def _part(conditions: Conditions | None, start: int, end: int) -> Conditions | None:
    return None if conditions is None else Conditions(*(column[:, start:end] for column in conditions))


@contextmanager
def _evaluating(model: Readable) -> Generator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(mode=was_training)
