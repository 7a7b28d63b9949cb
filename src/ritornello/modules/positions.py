"""Positions: sinusoids to add, rotary angles, a learned bias by distance, ALiBi's slopes.

Sinusoids tell where a token stands; the others depend on the distance between two positions alone,
so a passage means the same wherever it stands. None of them ever makes a cache be revised.

Shapes: B batch, H heads, T positions, S remembered and new positions, D width, K head width.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

_TABLE = 1024
"""Positions whose turns are made together."""


def _angles(start: int, length: int, num_speeds: int, base: float, device: torch.device) -> Tensor:
    """Positions times speeds (T, num_speeds), in float64.

    In float32 the angles of distant positions would depend on where a chunk begins.
    """
    positions_T1 = torch.arange(start, start + length, dtype=torch.float64, device=device)[:, None]
    return positions_T1 * base ** (-torch.arange(num_speeds, dtype=torch.float64, device=device) / num_speeds)


def sinusoids(start: int, length: int, like: Tensor, base: float = 10000.0) -> Tensor:
    """Sines, then cosines (T, D) of the absolute positions, D even, in the dtype and on the device of ``like_D``.

    **Source**: arXiv 1706.03762, section 3.5. **Differs in** the order of the channels (all sines
    first, as in tensor2tensor).
    """
    angles = _angles(start, length, like.shape[-1] // 2, base, like.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).to(like.dtype)


class Turns(NamedTuple):
    """By how much the pairs of channels are turned at every position; a column for each channel that is turned."""

    cos_TK: Tensor
    sin_TK: Tensor
    """Of the first channel of each pair negative."""


def turns(start: int, length: int, num_channels: int, like: Tensor, base: float = 10000.0) -> Turns:
    """The turns of ``length`` positions from ``start`` on, in the dtype and on the device of ``like``.

    **Source**: RoPE, arXiv 2104.09864, equation 34.

    Args:
        start: position of the first.
        length: number of positions.
        num_channels: of a head, that are turned; even.
        like: gives dtype and device.
        base: the slowest pair turns by about 1/base per position.
    """
    block, first = divmod(start, _TABLE)
    if first + length > _TABLE:
        return _turns(start, length, num_channels, base, like.dtype, like.device)
    table = _turns_of_block(block, num_channels, base, like.dtype, like.device)
    return Turns(table.cos_TK[first : first + length], table.sin_TK[first : first + length])


def _turns(start: int, length: int, num_channels: int, base: float, dtype: torch.dtype, device: torch.device) -> Turns:
    angles = _angles(start, length, num_channels // 2, base, device)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    return Turns(torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1))


@lru_cache(maxsize=8)
def _turns_of_block(block: int, num_channels: int, base: float, dtype: torch.dtype, device: torch.device) -> Turns:
    """Of ``_TABLE`` positions: in a step, to make them would take far longer than to look them up."""
    with torch.inference_mode(mode=False):  # they may be looked up again for a gradient
        return _turns(block * _TABLE, _TABLE, num_channels, base, dtype, device)


def turned(x_BHTK: Tensor, by: Turns) -> Tensor:
    """Queries or keys, the first channels of every head turned; same shape.

    **Differs from** RoPE in pairing channel m with m + K/2 of the K that are turned (as GPT-NeoX does).
    """
    num_channels = by.cos_TK.shape[-1]
    if num_channels < x_BHTK.shape[-1]:
        return torch.cat([turned(x_BHTK[..., :num_channels], by), x_BHTK[..., num_channels:]], dim=-1)
    cos, sin = by.cos_TK.to(x_BHTK.dtype), by.sin_TK.to(x_BHTK.dtype)
    first, second = x_BHTK.chunk(2, dim=-1)
    return torch.addcmul(x_BHTK * cos, torch.cat([second, first], dim=-1), sin)


def rotate(x_BHTK: Tensor, start: int, base: float = 1000.0) -> Tensor:
    """Queries or keys at the absolute positions start, start + 1, ..., turned.

    The base is 1,000 instead of 10,000: a chorale has hundreds of frames.
    """
    by = turns(start, x_BHTK.shape[2], x_BHTK.shape[-1], x_BHTK, base)
    return turned(x_BHTK, by)


def alibi_slopes(num_heads: int) -> tuple[float, ...]:
    """How fast each head forgets, in logits per position.

    A power of two of heads has 2^(-8h/H), h = 1 ... H; any other number those of the power of two
    below, then every second one of its double. **Source**: ALiBi, arXiv 2108.12409, and its code.
    """
    whole = 1 << (num_heads.bit_length() - 1)
    slopes = [2 ** (-8 * head / whole) for head in range(1, whole + 1)]
    between = [2 ** (-4 * head / whole) for head in range(1, 2 * whole + 1, 2)]
    return (*slopes, *between[: num_heads - whole])


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
