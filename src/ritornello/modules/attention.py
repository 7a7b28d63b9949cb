"""Causal self-attention with an explicit cache, and the block around it.

Shapes: B batch, T new positions, S remembered and new positions, D width, H heads, K head width,
N new positions that are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear, heard_of_the_last
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.memory import KVCache
from ritornello.modules.positions import DistanceBias, rotate


class CausalSelfAttention(nn.Module):
    """Every position hears itself and all before it.

    **Source**: arXiv 1706.03762, section 3.2, with rotary positions and a learned bias by distance
    (``positions.py``). Logits are q.k / sqrt(K) + bias[distance].
    """

    def __init__(self, width: int, num_heads: int, max_distance: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.project_in = nn.Linear(width, 3 * width, bias=False)
        self.project_out = nn.Linear(width, width)
        self.distance_bias = DistanceBias(num_heads, max_distance)
        self.dropout = Dropout(dropout)

    def forward(self, x_BTD: Tensor, cache: KVCache) -> tuple[Tensor, KVCache]:
        """What the T new positions hear (B, T, D), and the cache with them in it."""
        B, T, D = x_BTD.shape
        q_BHTK, after = self._asked(x_BTD, cache)
        positions_T = torch.arange(cache.length, after.length, device=x_BTD.device)
        weights_BHTS = self.dropout(self._weights(q_BHTK, after, positions_T))
        heard_BTD = (weights_BHTS @ after.values_BHSK).transpose(1, 2).reshape(B, T, D)
        return self.project_out(heard_BTD), after

    def weights(self, x_BTD: Tensor, cache: KVCache, asked_N: Tensor) -> Tensor:
        """How much those of the T new positions that are named hear of each (B, H, N, S); see ``ears.py``."""
        q_BHTK, after = self._asked(x_BTD, cache)
        return self._weights(q_BHTK[:, :, asked_N], after, cache.length + asked_N)

    def ear(self, name: str) -> Ear:
        """What tells of each position how much it hears of others."""

        def read(asked_A: Tensor, x_BTD: Tensor, cache: KVCache) -> Iterator[Attended]:
            stop = cache.length + x_BTD.shape[1]
            return heard_of_the_last(asked_A, cache.length, stop, partial(self.weights, x_BTD, cache))

        return Ear(name, self, read)

    def _asked(self, x_BTD: Tensor, cache: KVCache) -> tuple[Tensor, KVCache]:
        """Queries (B, H, T, K), and the cache with the new positions in it."""
        B, T, _ = x_BTD.shape
        queries, keys, values = self.project_in(x_BTD).view(B, T, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        return rotate(queries, cache.length), cache.extended(rotate(keys, cache.length), values)

    def _weights(self, q_BHNK: Tensor, heard: KVCache, positions_N: Tensor) -> Tensor:
        distances_NS = positions_N[:, None] - torch.arange(heard.length, device=q_BHNK.device)
        bias_HNS = self.distance_bias(distances_NS).masked_fill(distances_NS < 0, float("-inf"))
        logits_BHNS = q_BHNK @ heard.keys_BHSK.transpose(-1, -2) * q_BHNK.shape[-1] ** -0.5
        return (logits_BHNS + bias_HNS).softmax(dim=-1).to(heard.values_BHSK.dtype)


class Block(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual path (pre-norm, arXiv 2002.04745)."""

    def __init__(
        self,
        width: int,
        num_heads: int,
        feedforward_width: int,
        max_distance: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, num_heads, max_distance, attention_dropout)
        self.feedforward_norm = nn.LayerNorm(width)
        self.feedforward = FeedForward(width, feedforward_width, dropout)
        self.dropout = Dropout(dropout)

    def forward(self, x_BTD: Tensor, cache: KVCache) -> tuple[Tensor, KVCache]:
        """Same shape, and the cache of its attention."""
        heard_BTD, cache = self.attention(self.attention_norm(x_BTD), cache)
        x_BTD = x_BTD + self.dropout(heard_BTD)
        return x_BTD + self.dropout(self.feedforward(self.feedforward_norm(x_BTD))), cache


def ears_of(blocks: nn.ModuleList) -> list[Ear]:
    """What tells of each block, named by its layer from 1, how much its positions hear of others."""
    own = [block for block in blocks if isinstance(block, Block)]
    return [block.attention.ear(f"layer {number}") for number, block in enumerate(own, start=1)]
