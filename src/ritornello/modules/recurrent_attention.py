"""Attention to a memory that everyone hears whole, and to the own segment up to oneself.

The two parts are never put together: a memory costs no copy and, where it is detached, no gradient. Many logits are
made tile by tile, and once more for the gradient, so that what is kept is linear in the length and a tile stays in a
processor's cache; on a GPU torch's fused kernel does the same.

Shapes: B batch, H heads, G key/value heads (H is a multiple), T queries, M remembered positions, S positions of the
own segment (the queries are the last T of them), K head width; J = B G, P = H / G queries' heads to a key/value head,
N queries of a tile, or queries that are asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from ritornello.modules.memory import KVCache

TILE = 256
MOST_LOGITS = 2**18
"""Of one head: so many exist at once, and are kept for the gradient. More are made in tiles."""


def recurrent_attention(
    q_BHTK: Tensor, memory: KVCache, own: KVCache, reach: int | None = None, loudness_H: Tensor | None = None
) -> Tensor:
    """What each query hears (B, H, T, K); logits are q.k / sqrt(K), with ``loudness`` added for the memory.

    Args:
        q_BHTK: queries.
        memory: M positions (B, G, M, K), heard by all queries.
        own: S positions (B, G, S, K); a query hears those up to itself.
        reach: the largest distance heard; the M positions must then be the last before the own S. None = any.
        loudness_H: by how much (log) each head hears the memory louder than its own segment; None = 0.
    """
    (B, H, T, K), G = q_BHTK.shape, own.keys_BHSK.shape[1]
    M, S = memory.length, own.length
    positions_S = torch.arange(S, device=q_BHTK.device)
    own_bias_TS = _bias(positions_S[S - T :], positions_S, reach, q_BHTK)
    memory_bias_TM = None
    if reach is not None:
        memory_bias_TM = _bias(positions_S[S - T :], torch.arange(-M, 0, device=q_BHTK.device), reach, q_BHTK)
    if loudness_H is None:
        loudness_H = q_BHTK.new_zeros(H)
    if q_BHTK.is_cuda:
        return _fused(q_BHTK, memory, own, own_bias_TS, memory_bias_TM, loudness_H)
    q_JPTK = (q_BHTK * K**-0.5).reshape(B * G, H // G, T, K)
    parts = [tensor.to(q_BHTK.dtype).flatten(0, 1) for tensor in (*memory, *own)]
    attend: Callable[..., Tensor] = _at_once if T * (M + S) <= MOST_LOGITS else _in_tiles
    loudness_JP = loudness_H.to(q_BHTK.dtype).view(G, H // G).repeat(B, 1)
    return attend(q_JPTK, *parts, loudness_JP, own_bias_TS, memory_bias_TM).reshape(B, H, T, K)


def recurrent_weights(
    q_BHNK: Tensor,
    memory: KVCache,
    own: KVCache,
    places_N: Tensor,
    reach: int | None = None,
    loudness_H: Tensor | None = None,
) -> Tensor:
    """How much each query hears of the memory, then of the own segment (B, H, N, M + S), all at once.

    Arguments as of ``recurrent_attention``, but that the queries are any: those that stand at ``places`` of the S.
    """
    (B, H, N, K), G, S = q_BHNK.shape, own.keys_BHSK.shape[1], own.length
    positions = torch.arange(-memory.length, S, device=q_BHNK.device)
    bias = _bias(places_N, positions, reach, q_BHNK).repeat(H, 1, 1)
    if loudness_H is not None:
        bias[:, :, : memory.length] += loudness_H.to(bias.dtype)[:, None, None]
    keys = memory.extended(*own).keys_BHSK.to(q_BHNK.dtype)
    logits = (q_BHNK.reshape(B, G, -1, K) @ keys.mT).view(B, H, N, -1) * K**-0.5
    return (logits + bias).softmax(dim=-1)


def _bias(queries_T: Tensor, keys_S: Tensor, reach: int | None, like: Tensor) -> Tensor:
    """0 where a key is heard and minus infinity elsewhere (T, S), from positions."""
    distances_TS = queries_T[:, None] - keys_S
    unheard_TS = distances_TS < 0
    if reach is not None:
        unheard_TS = unheard_TS | (distances_TS > reach)
    return like.new_zeros(unheard_TS.shape).masked_fill_(unheard_TS, float("-inf"))


def _fused(
    q_BHTK: Tensor,
    memory: KVCache,
    own: KVCache,
    own_bias_TS: Tensor,
    memory_bias_TM: Tensor | None,
    loudness_H: Tensor,
) -> Tensor:
    """Through torch's kernel, the parts put together."""
    together = memory.extended(*own)
    if memory_bias_TM is None:
        memory_bias_TM = own_bias_TS.new_zeros(own_bias_TS.shape[0], memory.length)
    memory_bias_HTM = memory_bias_TM + loudness_H[:, None, None].to(memory_bias_TM.dtype)
    mask = torch.cat([memory_bias_HTM, own_bias_TS.expand(len(loudness_H), -1, -1)], dim=2)
    shared = together.keys_BHSK.shape[1] < q_BHTK.shape[1]
    return scaled_dot_product_attention(q_BHTK, *together, attn_mask=mask, enable_gqa=shared)


def _at_once(
    q_JPTK: Tensor,
    memory_keys_JMK: Tensor,
    memory_values_JMK: Tensor,
    keys_JSK: Tensor,
    values_JSK: Tensor,
    loudness_JP: Tensor,
    own_bias_TS: Tensor,
    memory_bias_TM: Tensor | None,
) -> Tensor:
    M = memory_keys_JMK.shape[1]
    logits_JPTM = q_JPTK @ memory_keys_JMK[:, None].mT + loudness_JP[..., None, None]
    if memory_bias_TM is not None:
        logits_JPTM = logits_JPTM + memory_bias_TM
    weights = torch.cat([logits_JPTM, q_JPTK @ keys_JSK[:, None].mT + own_bias_TS], dim=-1).softmax(dim=-1)
    return weights[..., :M] @ memory_values_JMK[:, None] + weights[..., M:] @ values_JSK[:, None]


def _in_tiles(*arguments: Tensor | None) -> Tensor:
    return cast("Tensor", _InTiles.apply(*arguments))  # pyright: ignore[reportUnknownMemberType]


class _InTiles(torch.autograd.Function):
    """The same; arguments as of ``_at_once``. Kept for the gradient: inputs and result."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        queries, memory_values, values = inputs[0], inputs[2], inputs[4]
        M, heard = memory_values.shape[1], torch.empty_like(queries)
        for pair, head, rows, weights in _weights(inputs):
            tile = weights[:, :M] @ memory_values[pair]
            heard[pair, head, rows] = tile.addmm_(weights[:, M:], values[pair])
        ctx.save_for_backward(*inputs, heard)
        return heard

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        *inputs, heard = ctx.saved_tensors
        q, memory_keys, memory_values, keys, values = inputs[:5]
        M, wants = memory_keys.shape[1], ctx.needs_input_grad
        grads = [torch.zeros_like(x) if want else None for x, want in zip(inputs[:6], wants, strict=False)]
        by_q, by_memory_keys, by_memory_values, by_keys, by_values, by_loudness = grads
        outer = gradients[0]
        wide = torch.promote_types(q.dtype, torch.float32)
        expected = (outer.to(wide) * heard.to(wide)).sum(dim=-1, keepdim=True).to(q.dtype)
        for pair, head, rows, weights in _weights(inputs):
            outer_NK, q_NK = outer[pair, head, rows], q[pair, head, rows]
            by_logits = torch.empty_like(weights)
            torch.mm(outer_NK, memory_values[pair].T, out=by_logits[:, :M])
            torch.mm(outer_NK, values[pair].T, out=by_logits[:, M:])
            by_logits.sub_(expected[pair, head, rows]).mul_(weights)
            if by_q is not None:
                by_q[pair, head, rows] = (by_logits[:, :M] @ memory_keys[pair]).addmm_(by_logits[:, M:], keys[pair])
            if by_keys is not None:
                by_keys[pair].addmm_(by_logits[:, M:].T, q_NK)
            if by_values is not None:
                by_values[pair].addmm_(weights[:, M:].T, outer_NK)
            if by_memory_keys is not None:
                by_memory_keys[pair].addmm_(by_logits[:, :M].T, q_NK)
            if by_memory_values is not None:
                by_memory_values[pair].addmm_(weights[:, :M].T, outer_NK)
            if by_loudness is not None:
                by_loudness[pair, head] += by_logits[:, :M].sum()
        return (*grads, None, None)


def _weights(inputs: Any) -> Iterator[tuple[int, int, slice, Tensor]]:
    """For every tile: its place (of J, of P, rows of T) and its weights (N, M + S)."""
    q_JPTK, memory_keys_JMK, _, keys_JSK, _, loudness_JP, own_bias_TS, memory_bias_TM = inputs
    (J, P, T, _), M, S = q_JPTK.shape, memory_keys_JMK.shape[1], keys_JSK.shape[1]
    logits = q_JPTK.new_empty(min(T, TILE), M + S)
    for pair in range(J):
        for head in range(P):
            for start in range(0, T, TILE):
                rows = slice(start, min(T, start + TILE))
                q_NK = q_JPTK[pair, head, rows]
                tile = logits[: len(q_NK)]
                torch.addmm(loudness_JP[pair, head], q_NK, memory_keys_JMK[pair].T, out=tile[:, :M])
                if memory_bias_TM is not None:
                    tile[:, :M] += memory_bias_TM[rows]
                torch.addmm(own_bias_TS[rows], q_NK, keys_JSK[pair].T, out=tile[:, M:])
                yield pair, head, rows, tile.softmax(dim=-1)
