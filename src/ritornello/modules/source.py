"""Hearing the passage that a plan names as the source, finely.

Shapes: B batch, F new frames, S all frames, D width, H heads, K head width, N new frames that are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear, heard_of_the_last
from ritornello.modules.memory import KVCache

FRAMES_BEFORE, FRAMES_AFTER = 8, 16
"""How far around the aligned frame of the source one hears."""


class SourceAttention(nn.Module):
    """Every frame to come hears the frames around the one that it derives from.

    Keys and values are the contents of earlier frames as they were written, not what the backbone
    made of them: a source is to be heard, not remembered. Logits are q.k / sqrt(K) + bias[offset],
    the offset counted from the aligned frame. A key that says nothing stands beside them, and alone
    where no source is named.
    """

    def __init__(self, width: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(width)
        self.project_query = nn.Linear(width, width, bias=False)
        self.project_memory = nn.Linear(width, 2 * width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)
        self.offset_bias = nn.Parameter(torch.zeros(num_heads, FRAMES_BEFORE + 1 + FRAMES_AFTER))
        self.dropout = Dropout(dropout)

    def remember(self, content_BFD: Tensor, cache: KVCache) -> KVCache:
        """The cache with F more frames in it."""
        B, F, _ = content_BFD.shape
        keys, values = self.project_memory(content_BFD).view(B, F, 2, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        return cache.extended(keys, values)

    def forward(self, x_BFD: Tensor, source_BF: Tensor, cache: KVCache) -> Tensor:
        """What the frame after each of F frames hears (B, F, D).

        Args:
            x_BFD: states, the last of S frames' first F... see ``cache``.
            source_BF: frame from which the frame after each derives; negative where none is named.
            cache: contents of all S frames up to the last of the F.
        """
        B, F, D = x_BFD.shape
        weights_BHFS = self.weights(x_BFD, source_BF, cache, torch.arange(F, device=x_BFD.device))
        heard_BHFK = self.dropout(weights_BHFS) @ cache.values_BHSK
        return self.project_out(heard_BHFK.transpose(1, 2).reshape(B, F, D))

    def weights(self, x_BFD: Tensor, source_BF: Tensor, cache: KVCache, asked_N: Tensor) -> Tensor:
        """How much those of the F frames that are named hear of each (B, H, N, S): 1 less what hears nothing."""
        B, N, S, offsets = len(x_BFD), len(asked_N), cache.length, self.offset_bias.shape[1]
        source_BN, frames_S = source_BF[:, asked_N], torch.arange(S, device=x_BFD.device)
        offsets_BNS = frames_S - source_BN[..., None] + FRAMES_BEFORE
        heard_BNS = (offsets_BNS >= 0) & (offsets_BNS < offsets)
        heard_BNS &= (source_BN >= 0)[..., None] & (frames_S <= (S - x_BFD.shape[1] + asked_N)[:, None])
        bias_HBNS = self.offset_bias[:, offsets_BNS.clamp(0, offsets - 1)]
        q_BHNK = self.project_query(self.norm(x_BFD[:, asked_N])).view(B, N, self.num_heads, -1).transpose(1, 2)
        logits_BHNS = q_BHNK @ cache.keys_BHSK.transpose(-1, -2) * q_BHNK.shape[-1] ** -0.5
        logits_BHNS = (logits_BHNS + bias_HBNS.transpose(0, 1)).masked_fill(~heard_BNS[:, None], float("-inf"))
        nothing = logits_BHNS.new_zeros(*logits_BHNS.shape[:-1], 1)
        weights_BHNS = torch.cat([nothing, logits_BHNS], dim=-1).softmax(dim=-1)[..., 1:]
        return weights_BHNS.to(cache.values_BHSK.dtype)

    def ear(self, name: str) -> Ear:
        """What tells of each frame how much the one after it hears of others."""

        def read(asked_A: Tensor, x_BFD: Tensor, source_BF: Tensor, cache: KVCache) -> Iterator[Attended]:
            weights = partial(self.weights, x_BFD, source_BF, cache)
            return heard_of_the_last(asked_A, cache.length - x_BFD.shape[1], cache.length, weights)

        return Ear(name, self, read)
