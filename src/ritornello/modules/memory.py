"""Memory as values: what attention has heard, passed in and handed back, never changed in place.

Shapes: B batch, H heads, S remembered positions, T new positions, K head width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class KVCache(NamedTuple):
    """Keys and values of everything heard so far, or of its last S positions."""

    keys_BHSK: Tensor
    values_BHSK: Tensor

    @property
    def length(self) -> int:
        """S; as long as nothing was forgotten, also the absolute position of the next token."""
        return self.keys_BHSK.shape[2]

    def extended(self, keys_BHTK: Tensor, values_BHTK: Tensor) -> KVCache:
        """A new cache with the new positions behind the old ones; this one stays as it is."""
        if not self.length:
            return KVCache(keys_BHTK, values_BHTK)
        return KVCache(
            torch.cat([self.keys_BHSK, keys_BHTK.to(self.keys_BHSK.dtype)], dim=2),
            torch.cat([self.values_BHSK, values_BHTK.to(self.values_BHSK.dtype)], dim=2),
        )

    def last(self, num_positions: int) -> KVCache:
        """A cache without all but the last ``num_positions`` positions."""
        dropped = self.length - num_positions
        return KVCache(owned(self.keys_BHSK[:, :, dropped:]), owned(self.values_BHSK[:, :, dropped:]))

    def chosen(self, places_N: Tensor) -> KVCache:
        """A cache of the positions at these places alone (int64, ascending)."""
        N = len(places_N)
        if not N or (int(places_N[0]) == self.length - N and int(places_N[-1]) == self.length - 1):
            return self.last(N)
        places_N = places_N.to(self.keys_BHSK.device)
        return KVCache(self.keys_BHSK.index_select(2, places_N), self.values_BHSK.index_select(2, places_N))


def owned(view: Tensor) -> Tensor:
    """The view, or a copy if it would keep alive more than twice its own bytes; in training nobody keeps it."""
    wasteful = 2 * view.numel() * view.element_size() < view.untyped_storage().nbytes()
    return view.clone() if wasteful and not torch.is_grad_enabled() else view


def empty_cache(batch_size: int, num_heads: int, head_width: int, like: Tensor) -> KVCache:
    """A cache that has heard nothing, with the dtype and device of ``like``."""
    nothing = like.new_empty(batch_size, num_heads, 0, head_width)
    return KVCache(nothing, nothing)
