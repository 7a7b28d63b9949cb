"""Hearing the passage that a plan names as the source, finely.

Shapes: B batch, F new frames, S all frames, D width, H heads, K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.modules.dropout import Dropout
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
        frames_S = torch.arange(cache.length, device=x_BFD.device)
        offsets_BFS = frames_S - source_BF[..., None] + FRAMES_BEFORE
        heard_BFS = (offsets_BFS >= 0) & (offsets_BFS < self.offset_bias.shape[1])
        heard_BFS &= (source_BF >= 0)[..., None] & (frames_S <= frames_S[-F:, None])
        bias_HBFS = self.offset_bias[:, offsets_BFS.clamp(0, self.offset_bias.shape[1] - 1)]
        queries_BHFK = self.project_query(self.norm(x_BFD)).view(B, F, self.num_heads, -1).transpose(1, 2)
        logits_BHFS = queries_BHFK @ cache.keys_BHSK.transpose(-1, -2) * (D // self.num_heads) ** -0.5
        logits_BHFS = (logits_BHFS + bias_HBFS.transpose(0, 1)).masked_fill(~heard_BFS[:, None], float("-inf"))
        nothing = logits_BHFS.new_zeros(*logits_BHFS.shape[:-1], 1)
        weights_BHFS = torch.cat([nothing, logits_BHFS], dim=-1).softmax(dim=-1)[..., 1:]
        heard_BHFK = self.dropout(weights_BHFS.to(cache.values_BHSK.dtype)) @ cache.values_BHSK
        return self.project_out(heard_BHFK.transpose(1, 2).reshape(B, F, D))
