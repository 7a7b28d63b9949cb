"""Relative attention in three other ways: a gathered vector for every pair, and the published skews.

All take queries (B, H, T, K), keys and values (B, H, S, K), S >= T, and a table (H, R, K) whose last row is
distance 0; u and v (H, K) come from outside. None is linear in memory.

* ``naive`` holds T x S x K numbers per head; any horizon.
* ``global_skew`` pads and reshapes T x S products (methods of arXiv 1809.04281, section 3.4.1, with carried keys).
* ``local_skew`` does so in blocks, each with the block before (section 3.5).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from ritornello.modules.horizons import Horizon


def naive(q: Tensor, k: Tensor, v: Tensor, table: Tensor, uv: tuple[Tensor, Tensor], horizon: Horizon, start: int):
    T, S, R = q.shape[2], k.shape[2], table.shape[1]
    queries = torch.arange(start, start + T)[:, None]
    keys = torch.arange(start + T - S, start + T)
    distances = queries - keys
    vectors = table[:, (R - 1 - distances).clamp(0, R - 1)]  # (H, T, S, K)
    vectors = vectors * ((distances >= 0) & (distances < R))[..., None]
    by_distance = torch.einsum("bhtk,htsk->bhts", q + uv[1][:, None], vectors)
    first_heard = torch.tensor([horizon.first_heard(int(position)) for position in queries])[:, None]
    return _heard(q, k, v, uv[0], by_distance, (keys <= queries) & (keys >= first_heard))


def global_skew(q: Tensor, k: Tensor, v: Tensor, table: Tensor, uv: tuple[Tensor, Tensor]) -> Tensor:
    T, S = q.shape[2], k.shape[2]
    products = (q + uv[1][:, None]) @ _rows(table, S).mT
    padded = pad(products, (1, 0))
    by_distance = padded.reshape(*products.shape[:2], S + 1, T)[:, :, 1:].reshape(products.shape)
    return _heard(q, k, v, uv[0], by_distance, torch.ones(T, S, dtype=torch.bool).tril(S - T))


def local_skew(q: Tensor, k: Tensor, v: Tensor, table: Tensor, uv: tuple[Tensor, Tensor], block: int) -> Tensor:
    """T is a multiple of ``block`` and nothing is carried; products by the own block and by the one before."""
    N, heard = block, []
    for start in range(0, q.shape[2], N):
        own = slice(start, start + N)
        if start == 0:
            heard.append(global_skew(q[:, :, own], k[:, :, own], v[:, :, own], table, uv))
            continue
        queries = q[:, :, own]
        shifted = queries + uv[1][:, None]
        padded = pad(shifted @ _rows(table, N).mT, (1, 0))
        of_own = padded.reshape(*q.shape[:2], N + 1, N)[:, :, 1:]
        products = shifted @ _rows(table, 2 * N)[:, :-1].mT  # distances 2N - 1 down to 1
        flat = pad(pad(products, (0, 1)).flatten(2), (0, N - 1))
        of_before = flat.reshape(*q.shape[:2], N + 1, 2 * N - 1)[:, :, :N, N - 1 :]
        both = slice(start - N, start + N)
        mask = torch.ones(N, 2 * N, dtype=torch.bool).tril(N)
        by_distance = torch.cat([of_before, of_own], dim=-1)
        heard.append(_heard(queries, k[:, :, both], v[:, :, both], uv[0], by_distance, mask))
    return torch.cat(heard, dim=2)


def _rows(table: Tensor, count: int) -> Tensor:
    """The vectors of ``count`` distances, zeros beyond the table."""
    missing = count - table.shape[1]
    return pad(table, (0, 0, missing, 0)) if missing > 0 else table[:, -count:]


def _heard(q: Tensor, k: Tensor, v: Tensor, u: Tensor, by_distance: Tensor, mask: Tensor) -> Tensor:
    logits = ((q + u[:, None]) @ k.mT + by_distance) * q.shape[-1] ** -0.5
    return logits.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ v
