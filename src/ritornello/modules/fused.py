"""Attention to what a horizon lets be heard, through torch's fused kernel, in tiles.

Time and memory are linear in the length for a given horizon: a tile of queries meets only the keys
that one of them hears.

Shapes: B batch, H heads, T queries, S remembered and new keys, K head width, N queries and M keys of a tile, or N
queries that are asked about.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ritornello.modules.ears import content_logits
from ritornello.modules.horizons import Horizon
from ritornello.modules.memory import LongCache, attended_in_pieces
from ritornello.modules.positions import alibi_slopes

TILE = 256
MOST_KEPT_KEYS = 2048
"""Above so many keys a query's weights are never kept for the gradient."""


def fused_attention(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, horizon: Horizon, start: int) -> Tensor:
    """What each query hears (B, H, T, K); logits are q.k / sqrt(K).

    Args:
        q_BHTK: queries at the absolute positions start ... start + T - 1.
        k_BHSK: keys of the S positions that end with the last query; no earlier one is heard.
        v_BHSK: their values.
        horizon: which of them a query hears.
        start: absolute position of the first query.
    """
    T, S = q_BHTK.shape[2], k_BHSK.shape[2]
    if T == 1:
        return scaled_dot_product_attention(q_BHTK, k_BHSK, v_BHSK)
    if T == S and horizon.first_heard(start + T - 1) <= start and not _is_slow(q_BHTK, S):
        return scaled_dot_product_attention(q_BHTK, k_BHSK, v_BHSK, is_causal=True)
    return _in_tiles(q_BHTK, k_BHSK, v_BHSK, horizon, start, lambda n, m: _heard_in(n, m, horizon.reach, q_BHTK.device))


class FusedAttention(nn.Module):
    """The same as a strategy of attention (``local_attention.Attend``)."""

    def forward(self, q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, horizon: Horizon, start: int) -> Tensor:
        """As ``fused_attention``."""
        return fused_attention(q_BHTK, k_BHSK, v_BHSK, horizon, start)

    def in_pieces(self, q_BH1K: Tensor, cache: LongCache, horizon: Horizon, start: int) -> Tensor:
        """The same (B, H, 1, K) of a query that hears all of the cache."""
        del horizon, start
        return attended_in_pieces(q_BH1K, cache)

    def logits(self, q_BHNK: Tensor, k_BHSK: Tensor, distances_NS: Tensor) -> Tensor:
        """By content alone."""
        del distances_NS
        return content_logits(q_BHNK, k_BHSK)


class AlibiAttention(nn.Module):
    """The same with -slope * distance added to the logits of each head.

    **Source**: ALiBi, arXiv 2108.12409. The slopes are no parameters, so the sum goes through the
    fused kernel as its mask.
    """

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        slopes_H11 = torch.tensor(alibi_slopes(num_heads), dtype=torch.float64)[:, None, None]
        self.register_buffer("slopes_H11", slopes_H11, persistent=False)
        self.slopes_H11: Tensor

    def forward(self, q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, horizon: Horizon, start: int) -> Tensor:
        """As ``fused_attention``."""

        def bias(num_queries: int, num_keys: int) -> Tensor:
            positions_M = torch.arange(num_keys, device=q_BHTK.device)
            distances_NM = positions_M[num_keys - num_queries :, None] - positions_M
            bias_HNM = (-self.slopes_H11 * distances_NM).to(q_BHTK.dtype)
            unheard_NM = ~_heard_in(num_queries, num_keys, horizon.reach, q_BHTK.device)
            return bias_HNM.masked_fill_(unheard_NM, float("-inf"))

        return _in_tiles(q_BHTK, k_BHSK, v_BHSK, horizon, start, bias)

    def in_pieces(self, q_BH1K: Tensor, cache: LongCache, horizon: Horizon, start: int) -> Tensor:
        """The same (B, H, 1, K) of a query that hears all of the cache, in one piece again."""
        return self(q_BH1K, *cache.joined(), horizon, start)

    def logits(self, q_BHNK: Tensor, k_BHSK: Tensor, distances_NS: Tensor) -> Tensor:
        """By content, less the slope for every position between."""
        return content_logits(q_BHNK, k_BHSK) - (self.slopes_H11 * distances_NS).to(q_BHNK.dtype)


def attended(q_BHNK: Tensor, k_BHMK: Tensor, v_BHMK: Tensor, mask: Tensor) -> Tensor:
    """One tile (B, H, N, K) of queries that meet all keys.

    ``mask`` (N, M) or (H, N, M) says what is heard (bool) or is added to the logits.
    """
    if not _is_slow(q_BHNK, k_BHMK.shape[2]):
        return scaled_dot_product_attention(q_BHNK, k_BHMK, v_BHMK, attn_mask=mask)
    bias = mask if mask.is_floating_point() else q_BHNK.new_zeros(mask.shape).masked_fill_(~mask, float("-inf"))
    logits_BHNM = (q_BHNK * q_BHNK.shape[-1] ** -0.5) @ k_BHMK.mT + bias
    return logits_BHNM.softmax(dim=-1) @ v_BHMK


def _heard_in(num_queries: int, num_keys: int, reach: int, device: torch.device) -> Tensor:
    """Which keys the last ``num_queries`` positions of them hear (N, M), none more than ``reach`` before itself."""
    offset = num_keys - num_queries
    heard_NM = torch.ones(num_queries, num_keys, dtype=torch.bool, device=device).tril_(offset)
    return heard_NM if reach >= num_keys else heard_NM.triu_(offset - reach)


def _in_tiles(
    q_BHTK: Tensor,
    k_BHSK: Tensor,
    v_BHSK: Tensor,
    horizon: Horizon,
    start: int,
    mask_of: Callable[[int, int], Tensor],
) -> Tensor:
    """Each tile of queries against the keys up to its end; ``mask_of`` makes a mask (N, M) for so many of both."""
    stop = start + q_BHTK.shape[2]
    first = stop - k_BHSK.shape[2]
    tiles = list(horizon.tiles(start, stop, TILE))
    # chunks of keys put together again: the gradient of a chunk is then no larger than the chunk
    borders = sorted({first, stop, *(max(first, t.first) for t in tiles), *(t.stop for t in tiles)})
    sizes = [end - begin for begin, end in itertools.pairwise(borders)]
    keys, values = k_BHSK.split_with_sizes(sizes, dim=2), v_BHSK.split_with_sizes(sizes, dim=2)
    widest: dict[int, int] = {}
    for tile in tiles:
        size = tile.stop - tile.start
        widest[size] = max(widest.get(size, 0), tile.stop - max(first, tile.first))
    masks = {size: mask_of(size, num_keys) for size, num_keys in widest.items()}  # a narrower one is its right end
    heard: list[Tensor] = []
    for tile, queries in zip(tiles, q_BHTK.split_with_sizes([t.stop - t.start for t in tiles], dim=2), strict=True):
        low = max(first, tile.first)
        chunks = slice(borders.index(low), borders.index(tile.stop))
        mask = masks[tile.stop - tile.start][..., low - tile.stop :].contiguous()  # kernels want it aligned
        tile_keys, tile_values = torch.cat(keys[chunks], dim=2), torch.cat(values[chunks], dim=2)
        heard.append(attended(queries, tile_keys, tile_values, mask))
    return torch.cat(heard, dim=2)


def _is_slow(x: Tensor, num_keys: int) -> bool:
    """Whether the fused kernel is: on a CPU in bfloat16 it takes longer than the products one by one.

    These keep their weights for the gradient, so they are taken for few keys only.
    """
    return x.dtype == torch.bfloat16 and x.device.type == "cpu" and num_keys <= MOST_KEPT_KEYS
