"""Memory as values: what attention has heard, passed in and handed back, never changed in place.

Shapes: B batch, H heads, S remembered positions, T new positions, K head width.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ritornello.modules.horizons import Horizon

MOST_RECENT = 256
"""Most positions of the recent piece of a memory in two."""


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


class LongCache(NamedTuple):
    """Keys and values in two pieces, so that a step need not copy all of them."""

    old: KVCache
    recent: KVCache
    """Of the positions from the last multiple of ``joined_every`` on."""

    @classmethod
    def of(cls, cache: KVCache, stop: int, every: int) -> LongCache:
        """The positions of ``cache``, which end before ``stop``, joined at multiples of ``every``."""
        num_old = max(0, cache.length - stop % every)
        return cls(KVCache(*(part[:, :, :num_old] for part in cache)), cache.last(cache.length - num_old))

    @property
    def length(self) -> int:
        """Positions in both."""
        return self.old.length + self.recent.length

    def extended(self, new: KVCache) -> LongCache:
        """With new positions in the recent piece."""
        return LongCache(self.old, self.recent.extended(*new))

    def joined(self, *new: KVCache) -> KVCache:
        """In one piece, with ``new`` behind it."""
        pieces = [piece for piece in (*self, *new) if piece.length]
        if len(pieces) < 2:
            return pieces[0] if pieces else self.old
        dtype = pieces[0].keys_BHSK.dtype
        keys, values = (torch.cat([part.to(dtype) for part in parts], dim=2) for parts in zip(*pieces, strict=True))
        return KVCache(keys, values)

    def last(self, num_positions: int) -> LongCache:
        """Without all but the last ``num_positions`` positions."""
        if num_positions >= self.length:
            return self
        if num_positions >= self.recent.length:
            return LongCache(self.old.last(num_positions - self.recent.length), self.recent)
        return LongCache(self.old.last(0), self.recent.last(num_positions))


def joined_every(horizon: Horizon) -> int:
    """Once in how many positions what the horizon lets be heard is copied into one piece.

    Between copies a step copies the recent piece alone. With R positions between copies and S heard that is R / 2 + S /
    R positions a step on average, least where R is the root of 2 S.
    """
    return min(MOST_RECENT, max(1, math.isqrt(2 * horizon.reach)))


def is_step(start: int, stop: int, every: int) -> bool:
    """Whether only one position is new, and stays in the recent piece; never in training."""
    return stop - start == 1 and stays_recent(start, stop, every) and not torch.is_grad_enabled()


def stays_recent(start: int, stop: int, every: int) -> bool:
    """Whether the positions from ``start`` to ``stop`` may stay in the recent piece."""
    return start // every == stop // every


def attended_in_pieces(q_BH1K: Tensor, cache: LongCache) -> Tensor:
    """What a query makes of all of the cache (B, H, 1, K); logits are q.k / sqrt(K)."""
    q_BH1K = q_BH1K * q_BH1K.shape[-1] ** -0.5
    logits_BH1S = torch.cat([q_BH1K @ piece.keys_BHSK.mT for piece in cache], dim=-1)
    weights_BH1S = logits_BH1S.softmax(dim=-1).to(cache.old.values_BHSK.dtype)
    pieces = weights_BH1S.split_with_sizes([piece.length for piece in cache], dim=-1)
    old, recent = (weights @ piece.values_BHSK for weights, piece in zip(pieces, cache, strict=True))
    return old + recent


def owned(view: Tensor) -> Tensor:
    """The view, or a copy if it would keep alive more than twice its own bytes; in training nobody keeps it."""
    wasteful = 2 * view.numel() * view.element_size() < view.untyped_storage().nbytes()
    return view.clone() if wasteful and not torch.is_grad_enabled() else view


def empty_cache(batch_size: int, num_heads: int, head_width: int, like: Tensor) -> KVCache:
    """A cache that has heard nothing, with the dtype and device of ``like``."""
    nothing = like.new_empty(batch_size, num_heads, 0, head_width)
    return KVCache(nothing, nothing)


def empty_long_cache(batch_size: int, num_heads: int, head_width: int, like: Tensor) -> LongCache:
    """The same in two pieces."""
    nothing = empty_cache(batch_size, num_heads, head_width, like)
    return LongCache(nothing, nothing)
