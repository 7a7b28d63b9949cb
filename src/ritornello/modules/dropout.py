"""Dropout at a resolution of 1/256, eight decisions from one random 64-bit word.

On a CPU ``torch.nn.Dropout`` spends as long on its Bernoulli draws as a small model spends on its
matrix products; this takes a tenth of that. Draws come from torch's own generator, so a seed still
decides them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def dropped(shape: torch.Size | tuple[int, ...], rate: float, device: torch.device) -> Tensor:
    """A random mask (bool, ``shape``): True with probability ``rate`` < 1, rounded to 1/256."""
    assert 0 <= rate < 1 - 1 / 512, "at least one byte of 256 must stay"
    count = torch.Size(shape).numel()
    words = torch.empty((count + 7) // 8, dtype=torch.int64, device=device).random_(-(2**63), None)
    return (words.view(torch.uint8)[:count] < round(256 * rate)).view(shape)


class Dropout(nn.Module):
    """Sets a share of the elements to 0 while training, and scales the others to keep the mean."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = round(256 * rate) / 256

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        if not self.training or not self.rate:
            return x
        kept = ~dropped(x.shape, self.rate, x.device)
        return x * (kept.to(x.dtype) / (1 - self.rate))
