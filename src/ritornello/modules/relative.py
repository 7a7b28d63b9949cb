"""Relative attention: beside its content a key is heard by a learned vector for its distance.

    logit(i, j) = (q_i + u).k_j / sqrt(K) + (q_i + v).E[i - j] / sqrt(K)

**Source**: Music Transformer, arXiv 1809.04281, equation 3: two terms, a table per head, no u and no
v. Those belong to Transformer-XL (arXiv 1901.02860, section 3.3), whose distances are sinusoids
through a matrix; here u and v stand beside the same table. Distances from ``max_distance`` on share
a vector of zeros, as in the released code (tensor2tensor pads with zeros), not the last vector.

**Differs in** what is kept: the paper's skew makes the T x T logits out of T x T products; this never
holds more than a few rows of them. Queries go in tiles of N; a tile's logits with all M keys that it
hears exist for the length of a step, and the gradient computes them again. Memory is linear in T.

The skew of a tile needs no padding. The products X of N queries with the vectors of N + M - 1
distances, farthest first, stand in a buffer of N rows; the logit of query n and key m is that of
column N - 1 - n + m, so a view that begins N - 1 numbers late, with rows one number shorter than the
buffer's, holds all of them in their places.

Shapes: H heads, B batch, T queries, S keys, K head width, R distances, N queries and M keys of a
tile, W distances between them. A part of the work has J heads and G pairs of a head and a piece,
L = G / J * N rows of queries for each head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ritornello.modules.horizons import Horizon
from ritornello.modules.memory import LongCache

TILE = 128
GROUP_NUMBERS = 2**18
"""Logits that exist at once, about, unless the tile of one head is larger: they are to fit a processor's cache."""
GPU_GROUP_NUMBERS = 2**25
"""The same where there are cores for all of them; 64 MiB in bfloat16."""


class RelativeAttention(nn.Module):
    """The table of distances, and u and v if wanted."""

    def __init__(self, num_heads: int, head_width: int, max_distance: int, *, with_uv: bool) -> None:
        super().__init__()
        self.distances_HRK = nn.Parameter(torch.randn(num_heads, max_distance, head_width) * head_width**-0.5)
        """The last row is distance 0, the first one distance R - 1."""
        zeros = torch.zeros(num_heads, head_width)
        self.content_bias_HK = nn.Parameter(zeros.clone()) if with_uv else None
        self.distance_bias_HK = nn.Parameter(zeros) if with_uv else None

    def forward(self, q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, horizon: Horizon, start: int) -> Tensor:
        """As ``fused.fused_attention``."""
        return relative_attention(q_BHTK, k_BHSK, v_BHSK, self.distances_HRK, self._biases(), horizon, start)

    def in_pieces(self, q_BH1K: Tensor, cache: LongCache, horizon: Horizon, start: int) -> Tensor:
        """The same (B, H, 1, K) of a query that hears all of the cache, in one piece again."""
        return self(q_BH1K, *cache.joined(), horizon, start)

    def logits(self, q_BHNK: Tensor, k_BHSK: Tensor, distances_NS: Tensor) -> Tensor:
        """Of some queries and all keys (B, H, N, S), the horizon left aside."""
        return relative_logits(q_BHNK, k_BHSK, self.distances_HRK, self._biases(), distances_NS)

    def _biases(self) -> tuple[Tensor, Tensor] | None:
        u_HK, v_HK = self.content_bias_HK, self.distance_bias_HK
        return None if u_HK is None or v_HK is None else (u_HK, v_HK)


def relative_attention(
    q_BHTK: Tensor,
    k_BHSK: Tensor,
    v_BHSK: Tensor,
    distances_HRK: Tensor,
    biases_HK: tuple[Tensor, Tensor] | None,
    horizon: Horizon,
    start: int,
) -> Tensor:
    """As ``fused.fused_attention``, with a table of vectors whose last row is distance 0, and with u and v, or None."""
    by_content, by_distance = _scaled(q_BHTK.transpose(0, 1), biases_HK)
    heard_HBTK = cast(
        "Tensor",
        _Relative.apply(  # pyright: ignore[reportUnknownMemberType]
            by_content,
            by_distance,
            k_BHSK.transpose(0, 1).contiguous(),
            v_BHSK.transpose(0, 1).contiguous(),
            distances_HRK.to(q_BHTK.dtype),
            horizon,
            start,
        ),
    )
    return heard_HBTK.transpose(0, 1)


def relative_logits(
    q_BHNK: Tensor,
    k_BHSK: Tensor,
    distances_HRK: Tensor,
    biases_HK: tuple[Tensor, Tensor] | None,
    distances_NS: Tensor,
) -> Tensor:
    """Of some queries and all keys (B, H, N, S), all at once; what lies ahead of a query means nothing."""
    by_content, by_distance = _scaled(q_BHNK.transpose(0, 1), biases_HK)
    none_H1K = torch.zeros_like(distances_HRK[:, :1])  # for all distances beyond the table
    nearest_first_HRK = torch.cat([distances_HRK.flip(1), none_H1K], dim=1).to(q_BHNK.dtype)
    products_HBNR = by_distance @ nearest_first_HRK[:, None].mT
    places_NS = distances_NS.clamp(0, distances_HRK.shape[1])
    by_key_HBNS = products_HBNR.gather(-1, places_NS.expand(*products_HBNR.shape[:2], -1, -1))
    return (by_content @ k_BHSK.transpose(0, 1).mT + by_key_HBNS).transpose(0, 1)


def _scaled(q_HBTK: Tensor, biases_HK: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Queries as they meet the keys, and as they meet the vectors of distances."""
    scale = q_HBTK.shape[-1] ** -0.5
    if biases_HK is None:
        scaled_HBTK = (q_HBTK * scale).contiguous()
        return scaled_HBTK, scaled_HBTK
    u_HK, v_HK = (bias_HK[:, None, None].to(q_HBTK.dtype) for bias_HK in biases_HK)
    return ((q_HBTK + u_HK) * scale).contiguous(), ((q_HBTK + v_HK) * scale).contiguous()


class _Relative(torch.autograd.Function):
    """Logits tile by tile, forward and once more backward; queries come scaled, once for each term."""

    @staticmethod
    def forward(
        ctx: Any,
        q_HBTK: Tensor,
        p_HBTK: Tensor,
        k_HBSK: Tensor,
        v_HBSK: Tensor,
        e_HRK: Tensor,
        horizon: Horizon,
        start: int,
    ) -> Tensor:
        """What the queries hear (H, B, T, K); ``q`` meet the keys, ``p`` the vectors of distances."""
        heard_HBTK = torch.empty_like(q_HBTK)
        parts = list(_parts(q_HBTK, k_HBSK, e_HRK, horizon, start))
        logits = _Logits(q_HBTK, p_HBTK, k_HBSK, e_HRK, parts)
        for part in parts:
            weights_GNM = logits.softmax(part)
            part.of_queries(heard_HBTK).copy_(weights_GNM @ part.of_keys(v_HBSK))
        ctx.save_for_backward(q_HBTK, p_HBTK, k_HBSK, v_HBSK, e_HRK, heard_HBTK)
        ctx.horizon, ctx.start = horizon, start
        return heard_HBTK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator hides names
        q_HBTK, p_HBTK, k_HBSK, v_HBSK, e_HRK, heard_HBTK = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        d_heard_HBTK = grad_outputs[0].contiguous()
        # gradients that many tiles add to are summed in float32 at least
        sums = torch.promote_types(q_HBTK.dtype, torch.float32)
        d_q_HBTK, d_p_HBTK = torch.empty_like(q_HBTK), torch.empty_like(p_HBTK)
        d_k_HBSK, d_v_HBSK = (torch.zeros_like(x, dtype=sums) for x in (k_HBSK, v_HBSK))
        d_e_HRK = torch.zeros_like(e_HRK, dtype=sums)
        parts = list(_parts(q_HBTK, k_HBSK, e_HRK, ctx.horizon, ctx.start))
        logits, d_products = _Logits(q_HBTK, p_HBTK, k_HBSK, e_HRK, parts), _ProductGradient(q_HBTK, parts)
        for part in parts:
            weights_GNM = logits.softmax(part)
            d_heard_GNK = part.of_queries(d_heard_HBTK)
            _add_product(part.of_keys(d_v_HBSK), weights_GNM.mT, d_heard_GNK)
            d_logits_GNM = logits.buffer(part)  # those of the forward pass are used up
            torch.bmm(d_heard_GNK, part.of_keys(v_HBSK).mT, out=d_logits_GNM)
            d_logits_GNM.sub_((d_heard_GNK * part.of_queries(heard_HBTK)).sum(-1, keepdim=True)).mul_(weights_GNM)
            part.of_queries(d_q_HBTK).copy_(d_logits_GNM @ part.of_keys(k_HBSK))
            _add_product(part.of_keys(d_k_HBSK), d_logits_GNM.mT, part.of_queries(q_HBTK))
            d_products_JLW = d_products.unskewed(part, d_logits_GNM)
            part.of_queries(d_p_HBTK).copy_((d_products_JLW @ part.of_distances(e_HRK)).view_as(d_heard_GNK))
            _add_product(part.of_distances(d_e_HRK), d_products_JLW.mT, part.by_head(p_HBTK))
        gradients = (d_q_HBTK, d_p_HBTK, d_k_HBSK.to(q_HBTK.dtype), d_v_HBSK.to(q_HBTK.dtype), d_e_HRK.to(e_HRK.dtype))
        return (*gradients, None, None)


class _Part(NamedTuple):
    """One tile of queries for some heads and pieces: either one head, or all pieces."""

    heads: slice
    pieces: slice
    queries: slice
    keys: slice
    offset: int
    """First query minus first key."""
    reach: int
    """The largest distance that is heard."""
    num_far: int
    """How many of the first keys lie beyond the table for all queries."""
    distances: slice
    """Rows of the table that any query needs."""
    columns: slice
    """Columns of the products where these stand."""

    @property
    def num_heads(self) -> int:
        """J."""
        return self.heads.stop - self.heads.start

    @property
    def shape(self) -> tuple[int, int, int]:
        """G, N and M."""
        num_pairs = self.num_heads * (self.pieces.stop - self.pieces.start)
        return num_pairs, self.queries.stop - self.queries.start, self.keys.stop - self.keys.start

    @property
    def products_shape(self) -> tuple[int, int, int]:
        """J, L and W."""
        G, N, M = self.shape
        return self.num_heads, G // self.num_heads * N, N + M - self.num_far - 1

    def of_queries(self, x_HBTK: Tensor) -> Tensor:
        """A view (G, N, K)."""
        return self._pairs(x_HBTK, self.queries)

    def of_keys(self, x_HBSK: Tensor) -> Tensor:
        """A view (G, M, K)."""
        return self._pairs(x_HBSK, self.keys)

    def of_distances(self, x_HRK: Tensor) -> Tensor:
        """A view (J, up to W, K)."""
        return x_HRK[self.heads, self.distances]

    def by_head(self, x_HBTK: Tensor) -> Tensor:
        """Queries (J, L, K)."""
        return x_HBTK[self.heads, self.pieces, self.queries].reshape(self.num_heads, -1, x_HBTK.shape[-1])

    def skewed(self, products_JLW: Tensor) -> Tensor:
        """A view (G, N, M - num_far) of products by key instead of by distance."""
        G, N, M = self.shape
        W = products_JLW.shape[-1]
        offset = products_JLW.storage_offset() + N - 1
        return products_JLW.as_strided((G, N, M - self.num_far), (N * W, W - 1, 1), offset)

    def _pairs(self, x: Tensor, positions: slice) -> Tensor:
        chosen = x[self.heads, self.pieces, positions]
        return chosen.view(-1, *chosen.shape[2:])


def _parts(q_HBTK: Tensor, k_HBSK: Tensor, e_HRK: Tensor, horizon: Horizon, start: int) -> Iterator[_Part]:
    """All queries of all heads and pieces, in parts of limited numbers of logits."""
    H, B, T, _ = q_HBTK.shape
    R, stop = e_HRK.shape[1], start + T
    first = stop - k_HBSK.shape[2]
    num_numbers = GROUP_NUMBERS if q_HBTK.device.type == "cpu" else GPU_GROUP_NUMBERS
    for tile in horizon.tiles(start, stop, TILE):
        low = max(first, tile.first)
        N, M, offset = tile.stop - tile.start, tile.stop - low, tile.start - low
        num_far = max(0, offset - R + 1)
        farthest = offset - num_far + N - 1  # the distance of column 0
        num_distances = min(R, farthest + 1)
        num_pairs = max(1, num_numbers // (N * M))
        num_heads, num_pieces = (num_pairs // B, B) if num_pairs >= B else (1, num_pairs)
        for head in range(0, H, num_heads):
            for piece in range(0, B, num_pieces):
                yield _Part(
                    heads=slice(head, min(head + num_heads, H)),
                    pieces=slice(piece, min(piece + num_pieces, B)),
                    queries=slice(tile.start - start, tile.stop - start),
                    keys=slice(low - first, tile.stop - first),
                    offset=offset,
                    reach=horizon.reach,
                    num_far=num_far,
                    distances=slice(R - num_distances, R),
                    columns=slice(farthest + 1 - num_distances, farthest + 1),
                )


class _Logits:
    """Logits of one part after the other, in the same memory."""

    def __init__(self, q_HBTK: Tensor, p_HBTK: Tensor, k_HBSK: Tensor, e_HRK: Tensor, parts: list[_Part]) -> None:
        self.q_HBTK, self.p_HBTK, self.k_HBSK, self.e_HRK = q_HBTK, p_HBTK, k_HBSK, e_HRK
        num_logits = max(math.prod(part.shape) for part in parts)
        self.logits, self.weights = q_HBTK.new_empty(num_logits), q_HBTK.new_empty(num_logits)
        self.products = q_HBTK.new_empty(max(math.prod(part.products_shape) for part in parts))

    def buffer(self, part: _Part) -> Tensor:
        """Where the logits (G, N, M) of a part stand."""
        return self.logits[: math.prod(part.shape)].view(part.shape)

    def softmax(self, part: _Part) -> Tensor:
        """The weights (G, N, M) of a part; the next call overwrites them."""
        products_JLW = self.products[: math.prod(part.products_shape)].view(part.products_shape)
        products_JLW[..., : part.columns.start].zero_()
        products_JLW[..., part.columns.stop :].fill_(float("-inf"))  # what comes after the query
        by_head_JLK, vectors_JKR = part.by_head(self.p_HBTK), part.of_distances(self.e_HRK).mT
        torch.bmm(by_head_JLK, vectors_JKR, out=products_JLW[..., part.columns])
        logits_GNM = self.buffer(part)
        torch.bmm(part.of_queries(self.q_HBTK), part.of_keys(self.k_HBSK).mT, out=logits_GNM)
        logits_GNM[..., part.num_far :] += part.skewed(products_JLW)
        _hide_beyond(part.reach - part.offset, logits_GNM)
        return torch.softmax(logits_GNM, dim=-1, out=self.weights[: logits_GNM.numel()].view(part.shape))


def _hide_beyond(reach: int, logits_GNM: Tensor) -> None:
    """Sets logits of keys that lie more than ``reach`` places before their query's row number to minus infinity."""
    num_rows = logits_GNM.shape[1]
    num_columns = num_rows - 1 - reach
    if num_columns > 0:
        hidden = logits_GNM.new_full((num_rows, num_columns), float("-inf")).tril_(-reach - 1)
        logits_GNM[..., :num_columns] += hidden


class _ProductGradient:
    """Gradients of products, in the same memory for one part after the other."""

    def __init__(self, like: Tensor, parts: list[_Part]) -> None:
        self.products = like.new_empty(max(math.prod(part.products_shape) for part in parts))
        self.last: tuple[tuple[int, int, int], int] | None = None

    def unskewed(self, part: _Part, d_logits_GNM: Tensor) -> Tensor:
        """Gradients (J, L, up to W) by distance of those by key."""
        d_products_JLW = self.products[: math.prod(part.products_shape)].view(part.products_shape)
        if (part.shape, part.num_far) != self.last:  # what lies outside the skewed view stays zero from then on
            d_products_JLW.zero_()
            self.last = (part.shape, part.num_far)
        part.skewed(d_products_JLW).copy_(d_logits_GNM[..., part.num_far :])
        return d_products_JLW[..., part.columns]


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Adds a batch of products in place."""
    if total.dtype == left.dtype:
        total.baddbmm_(left, right)
    else:
        total += left @ right
