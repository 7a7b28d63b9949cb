"""Causal self-attention with an explicit cache, and the block around it.

Shapes: B batch, T new positions, S remembered and new positions, D width, H heads, K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.modules.dropout import Dropout
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
        past = cache.length
        queries, keys, values = self.project_in(x_BTD).view(B, T, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        cache = cache.extended(rotate(keys, past), values)
        positions = torch.arange(past + T, device=x_BTD.device)
        distances_TS = positions[past:, None] - positions
        bias_HTS = self.distance_bias(distances_TS).masked_fill(distances_TS < 0, float("-inf"))
        logits_BHTS = rotate(queries, past) @ cache.keys_BHSK.transpose(-1, -2) * (D // self.num_heads) ** -0.5
        weights_BHTS = self.dropout((logits_BHTS + bias_HTS).softmax(dim=-1).to(values.dtype))
        heard_BTD = (weights_BHTS @ cache.values_BHSK).transpose(1, 2).reshape(B, T, D)
        return self.project_out(heard_BTD), cache


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
