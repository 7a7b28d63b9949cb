"""Many small integer features as one vector: the sum of one embedding each.

Shapes: N features, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from ritornello.modules.dropout import dropped


class FeatureSum(nn.Module):
    """Feature n, a value in [0, sizes[n]) or ``NOTHING``, has its own table; the sum of the rows is the vector.

    While training each feature is left out with probability ``dropout``, the sum unscaled: the model
    learns to do with what is there.
    """

    NOTHING = -1

    def __init__(self, sizes: Sequence[int], width: int, dropout: float = 0.0, scale: float = 0.25) -> None:
        super().__init__()
        self.dropout = dropout
        # one table for all features, row 0 for those that are left out
        self.table = nn.EmbeddingBag(1 + sum(sizes), width, mode="sum", padding_idx=0)
        nn.init.normal_(self.table.weight, std=scale)
        nn.init.zeros_(self.table.weight[:1].detach())
        offsets = torch.tensor(list(accumulate([1, *sizes[:-1]] if sizes else [])), dtype=torch.int64)
        self.register_buffer("offsets_N", offsets, persistent=False)
        self.offsets_N: Tensor

    def forward(self, features_N: Tensor) -> Tensor:
        """Vectors (..., W) of features (..., N)."""
        if not features_N.shape[-1]:
            return self.table.weight.new_zeros(*features_N.shape[:-1], self.table.embedding_dim)
        rows = torch.where(features_N < 0, 0, features_N + self.offsets_N)
        if self.training and self.dropout:
            rows = rows.masked_fill(dropped(rows.shape, self.dropout, rows.device), 0)
        return self.table(rows.flatten(0, -2)).unflatten(0, rows.shape[:-1])
