"""Positions in attention: rotary angles, and a learned bias by distance.

Both depend on the distance between two positions alone, so a passage means the same wherever it
stands, and a cache never has to be revised.

Shapes: B batch, H heads, T positions, S remembered and new positions, K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def rotate(x_BHTK: Tensor, start: int, base: float = 1000.0) -> Tensor:
    """Turns every pair of channels by an angle that grows with the position.

    **Source**: RoPE, arXiv 2104.09864, equation 34. **Differs in** the base (1,000 instead of
    10,000: a chorale has hundreds of frames) and in pairing channel m with m + K/2 (as GPT-NeoX does).

    Args:
        x_BHTK: queries or keys at the absolute positions start, start + 1, ...; K is even.
        start: position of the first.
        base: the slowest pair turns by about 1/base per position.
    """
    half = x_BHTK.shape[-1] // 2
    # angles in float64: in float32 those of distant positions would depend on where a chunk begins
    positions_T1 = torch.arange(start, start + x_BHTK.shape[2], dtype=torch.float64, device=x_BHTK.device)[:, None]
    speeds = base ** (-torch.arange(half, dtype=torch.float64, device=x_BHTK.device) / half)
    angles = positions_T1 * speeds
    cos, sin = angles.cos().to(x_BHTK.dtype), angles.sin().to(x_BHTK.dtype)
    first, second = x_BHTK[..., :half], x_BHTK[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class DistanceBias(nn.Module):
    """One learned number per head and distance, added to the attention logits.

    **Source**: the relative bias of T5 (arXiv 1910.10683), **without** its logarithmic buckets: in
    music a distance of 16 sixteenths differs from one of 17. All distances from ``max_distance - 1``
    on share one number.
    """

    def __init__(self, num_heads: int, max_distance: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(num_heads, max_distance))

    def forward(self, distances_TS: Tensor) -> Tensor:
        """Bias (H, T, S) for distances query minus key; negative ones are as 0, and for the mask."""
        return self.bias[:, distances_TS.clamp(0, self.bias.shape[1] - 1)]
