"""Self-attention under a horizon, the scheme of positions passed in.

Shapes: B batch, T new positions, S remembered and new positions, D width, H heads, K head width, N new
positions that are asked about.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from ritornello.modules.ears import weights_within
from ritornello.modules.horizons import Horizon
from ritornello.modules.memory import KVCache, LongCache, is_step, joined_every
from ritornello.modules.positions import Turns, turned


class Attend(Protocol):
    """What queries hear; see ``fused.fused_attention`` for the arguments."""

    def __call__(self, q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, horizon: Horizon, start: int, /) -> Tensor:
        """(B, H, T, K)."""
        ...

    def in_pieces(self, q_BH1K: Tensor, cache: LongCache, horizon: Horizon, start: int) -> Tensor:
        """The same (B, H, 1, K) of a query that hears all of the cache; without a gradient."""
        ...

    def logits(self, q_BHNK: Tensor, k_BHSK: Tensor, distances_NS: Tensor) -> Tensor:
        """Of some queries and all keys (B, H, N, S), the horizon left aside; distances are query minus key."""
        ...


class LocalSelfAttention(nn.Module):
    """Every position hears what its horizon lets it hear.

    **Source**: arXiv 1706.03762, section 3.2. Attention weights are not dropped out (the fused
    kernel would have to draw for every pair); the residual path is.
    """

    def __init__(self, width: int, num_heads: int, horizon: Horizon, attend: Attend) -> None:
        super().__init__()
        self.num_heads, self.horizon, self.attend = num_heads, horizon, attend
        self.joined_every = joined_every(horizon)
        self.project_in = nn.Linear(width, 3 * width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)

    def forward(self, x_BTD: Tensor, cache: LongCache, start: int, by: Turns | None) -> tuple[Tensor, LongCache]:
        """What the T positions from ``start`` on hear (B, T, D), and what later ones can still hear.

        ``by`` turns queries and keys. Keys are remembered turned, so nothing has to be revised.
        """
        B, T, _ = x_BTD.shape
        (q_BHTK, new), stop = self._asked(x_BTD, by), start + T
        num_heard = stop - self.horizon.first_heard(stop)
        if is_step(start, stop, self.joined_every):
            cache = cache.extended(new)
            heard_BHTK = self.attend.in_pieces(q_BHTK, cache, self.horizon, start)
            cache = cache.last(num_heard)
        else:
            remembered = cache.joined(new)
            heard_BHTK = self.attend(q_BHTK, *remembered, self.horizon, start)
            cache = LongCache.of(remembered.last(min(remembered.length, num_heard)), stop, self.joined_every)
        return self.project_out(heard_BHTK.transpose(1, 2).reshape(B, T, -1)), cache

    def weights(self, x_BTD: Tensor, cache: LongCache, start: int, by: Turns | None, asked_N: Tensor) -> Tensor:
        """How much those of the T new positions that are named hear of each (B, H, N, S); see ``ears.py``."""
        q_BHTK, new = self._asked(x_BTD, by)
        keys_BHSK, stop, positions_N = cache.joined(new).keys_BHSK, start + x_BTD.shape[1], start + asked_N
        distances_NS = positions_N[:, None] - torch.arange(stop - keys_BHSK.shape[2], stop, device=asked_N.device)
        logits_BHNS = self.attend.logits(q_BHTK[:, :, asked_N], keys_BHSK, distances_NS)
        return weights_within(self.horizon, logits_BHNS, positions_N, stop)

    def _asked(self, x_BTD: Tensor, by: Turns | None) -> tuple[Tensor, KVCache]:
        """Queries (B, H, T, K), and the keys and values of the same positions."""
        B, T, _ = x_BTD.shape
        asked_3BHTK = self.project_in(x_BTD).view(B, T, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        both_2BHTK, values = asked_3BHTK[:2], asked_3BHTK[2]
        queries, keys = both_2BHTK if by is None else turned(both_2BHTK, by)
        return queries, KVCache(keys, values)
