"""Attention to a memory that everyone hears whole, and to the own segment up to oneself.

Shapes: B batch, H heads, G key/value heads (H is a multiple), T queries, M remembered positions, S positions of the
own segment (the queries are the last T of them), K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ritornello.modules.memory import KVCache


def recurrent_attention(q_BHTK: Tensor, memory: KVCache, own: KVCache, reach: int | None = None) -> Tensor:
    """What each query hears (B, H, T, K); logits are q.k / sqrt(K).

    The two parts are never put together: a memory costs no copy, and where it is detached no gradient.

    Args:
        q_BHTK: queries.
        memory: M positions (B, G, M, K), heard by all queries.
        own: S positions (B, G, S, K); a query hears those up to itself.
        reach: the largest distance heard; the M positions must then be the last before the own S. None = any.
    """
    (B, H, T, K), G = q_BHTK.shape, own.keys_BHSK.shape[1]
    M, S = memory.length, own.length
    q_BGRK = (q_BHTK * K**-0.5).reshape(B, G, H // G * T, K)
    own_BGTS = _masked(q_BGRK @ own.keys_BHSK.mT, T, _distances(T, 0, S, S, q_BHTK.device), reach)
    if not M:
        return (own_BGTS.softmax(dim=-1) @ own.values_BHSK).reshape(B, H, T, K)
    memory_BGTM = q_BGRK @ memory.keys_BHSK.mT
    if reach is not None:
        memory_BGTM = _masked(memory_BGTM, T, _distances(T, M, M, S, q_BHTK.device), reach)
    weights = torch.cat([memory_BGTM, own_BGTS], dim=-1).softmax(dim=-1)
    heard = weights[..., :M] @ memory.values_BHSK + weights[..., M:] @ own.values_BHSK
    return heard.reshape(B, H, T, K)


def _distances(num_queries: int, before: int, num_keys: int, num_own: int, device: torch.device) -> Tensor:
    """Query minus key (T, keys); the first key lies ``before`` positions before the own segment."""
    queries_T1 = torch.arange(num_own - num_queries, num_own, device=device)[:, None]
    return queries_T1 - torch.arange(-before, num_keys - before, device=device)


def _masked(logits_BGRS: Tensor, num_queries: int, distances_TS: Tensor, reach: int | None) -> Tensor:
    """Minus infinity where nothing is heard; R are the queries of one head after those of another."""
    unheard_TS = distances_TS < 0
    if reach is not None:
        unheard_TS = unheard_TS | (distances_TS > reach)
    B, G, R, S = logits_BGRS.shape
    by_head = logits_BGRS.view(B, G, R // num_queries, num_queries, S)
    return by_head.masked_fill(unheard_TS, float("-inf")).view(B, G, R, S)
