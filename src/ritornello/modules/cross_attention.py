"""Cross-attention of a Perceiver AR: every position asks once, and hears far.

Shapes: B batch, T new positions, S remembered and new positions, D width, H heads, K head width, N queries of a tile
or new positions that are asked about, M keys that were kept.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.modules import fused
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import content_logits, weights_within
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.horizons import Horizon
from ritornello.modules.memory import KVCache, LongCache, attended_in_pieces, is_step, joined_every
from ritornello.modules.positions import Turns, turned


class CrossAttention(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual path of the queries.

    **Source**: the cross-attend block of Perceiver AR (arXiv 2202.07765) and its code. While it
    trains, a share ``prefix_dropout`` of the positions heard before the call is not heard.
    **Differs in** dropping the same positions in all rows of the batch, and no attention weights.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        feedforward_width: int,
        horizon: Horizon,
        dropout: float,
        prefix_dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads, self.horizon, self.prefix_dropout = num_heads, horizon, prefix_dropout
        self.joined_every = joined_every(horizon)
        self.query_norm = nn.LayerNorm(width)
        self.heard_norm = nn.LayerNorm(width)
        self.project_query = nn.Linear(width, width, bias=False)
        self.project_heard = nn.Linear(width, 2 * width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)
        self.feedforward_norm = nn.LayerNorm(width)
        self.feedforward = FeedForward(width, feedforward_width, dropout)
        self.dropout = Dropout(dropout)

    @staticmethod
    def num_parameters(width: int, feedforward_width: int) -> int:
        """Exactly."""
        D, F = width, feedforward_width
        return 4 * D * D + 2 * D * F + F + D + 6 * D

    def absorb(self, x_BTD: Tensor, cache: LongCache, start: int, by: Turns) -> LongCache:
        """What later positions can still hear after the T positions from ``start`` on, of which none asks."""
        stop = start + x_BTD.shape[1]
        skipped = max(0, self.horizon.first_heard(stop) - start)
        new = self._keys_and_values(x_BTD[:, skipped:], Turns(*(turn_TK[skipped:] for turn_TK in by)))
        return LongCache.of(self._still_heard(cache.joined(new), stop), stop, self.joined_every)

    def forward(
        self, queries_BTD: Tensor, x_BTD: Tensor, cache: LongCache, start: int, by: Turns
    ) -> tuple[Tensor, LongCache]:
        """What becomes of the queries (B, T, D), and what later ones can still hear.

        Args:
            queries_BTD: one for each of the T positions from ``start`` on.
            x_BTD: what is to be heard at these positions.
            cache: keys and values of the positions before.
            start: absolute position of the first.
            by: turns queries and keys; keys are remembered turned.
        """
        B, T, _ = x_BTD.shape
        q_BHTK, new, stop = self._asked(queries_BTD, by), self._keys_and_values(x_BTD, by), start + T
        if is_step(start, stop, self.joined_every):
            cache = cache.extended(new)
            heard_BHTK = attended_in_pieces(q_BHTK, cache)
            cache = cache.last(stop - self.horizon.first_heard(stop))
        else:
            remembered = cache.joined(new)
            heard_BHTK = self._attended(q_BHTK, remembered, start)
            cache = LongCache.of(self._still_heard(remembered, stop), stop, self.joined_every)
        heard_BTD = self.project_out(heard_BHTK.transpose(1, 2).reshape(B, T, -1))
        z_BTD = queries_BTD + self.dropout(heard_BTD)
        return z_BTD + self.dropout(self.feedforward(self.feedforward_norm(z_BTD))), cache

    def weights(
        self, queries_BTD: Tensor, x_BTD: Tensor, cache: LongCache, start: int, by: Turns, asked_N: Tensor
    ) -> Tensor:
        """How much those of the T new positions that are named hear of each (B, H, N, S), none left out."""
        remembered = cache.joined(self._keys_and_values(x_BTD, by))
        logits_BHNS = content_logits(self._asked(queries_BTD, by)[:, :, asked_N], remembered.keys_BHSK)
        return weights_within(self.horizon, logits_BHNS, start + asked_N, start + x_BTD.shape[1])

    def _asked(self, queries_BTD: Tensor, by: Turns) -> Tensor:
        B, T, _ = queries_BTD.shape
        asked = self.project_query(self.query_norm(queries_BTD)).view(B, T, self.num_heads, -1).transpose(1, 2)
        return turned(asked, by)

    def _keys_and_values(self, x_BTD: Tensor, by: Turns) -> KVCache:
        B, T, D = x_BTD.shape
        heard = self.project_heard(self.heard_norm(x_BTD)).view(B, T, 2, self.num_heads, D // self.num_heads)
        keys, values = heard.permute(2, 0, 3, 1, 4)
        return KVCache(turned(keys, by), values)

    def _still_heard(self, cache: KVCache, stop: int) -> KVCache:
        return cache.last(min(cache.length, stop - self.horizon.first_heard(stop)))

    def _attended(self, q_BHTK: Tensor, remembered: KVCache, start: int) -> Tensor:
        """What each query hears (B, H, T, K)."""
        before = remembered.length - q_BHTK.shape[2]
        kept = before - round(self.prefix_dropout * before)
        if self.training and kept < before:
            return self._attended_to_some(q_BHTK, remembered, before, kept)
        return fused.fused_attention(q_BHTK, *remembered, self.horizon, start)

    def _attended_to_some(self, q_BHTK: Tensor, remembered: KVCache, before: int, kept: int) -> Tensor:
        """The same with only ``kept`` of the ``before`` positions before the first query, drawn evenly."""
        new_T = torch.arange(before, remembered.length, device=q_BHTK.device)
        drawn = torch.randperm(before, device=q_BHTK.device)[:kept].sort().values
        places_M = torch.cat([drawn, new_T])
        k_BHMK, v_BHMK = (part.index_select(2, places_M) for part in remembered)
        heard: list[Tensor] = []
        for queries, asking_N in zip(
            torch.split(q_BHTK, fused.TILE, dim=2), torch.split(new_T, fused.TILE), strict=True
        ):
            distances_NM = asking_N[:, None] - places_M
            mask_NM = (distances_NM >= 0) & (distances_NM <= self.horizon.reach)
            heard.append(fused.attended(queries, k_BHMK, v_BHMK, mask_NM))
        return torch.cat(heard, dim=2)
