"""Where a stretch of symbols was heard before: the latest earlier place behind the same last ones, the longest first.

A token is a symbol in each of several *views*. In some of them all tokens are one thread; in others each names the one
before it in its own, so that a part may be followed through the tokens of others. Sought are the last n symbols of a
thread, for several n (*orders*); the place of the largest n that is found anywhere says what followed there. Nothing is
attended to: one token after the other, places are compared with all before them; many at once by 64-bit hashes of their
stretches, which are taken for the stretches.

**Source**: contexts of several orders, the longest first, are those of prediction by partial matching (Cleary and
Witten 1984); here they point, and what that is worth is learned.

Shapes: B batch, V views, T new tokens, S all tokens, N places, L symbols up to a place, the last one first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ORDERS = (3, 4, 6, 8, 12, 16, 24, 32, 48)
"""How many of the last symbols must have been the same."""
NOTHING = -1
_FACTOR = 6364136223846793005
_UNLIKE, _MANY = -2, 8


class HeardBefore(NamedTuple):
    """What is known after each of T tokens, in each view; int64."""

    match_end_BVT: Tensor
    """Where the last of the same symbols stands; ``NOTHING`` if they were not heard before."""
    order_index_BVT: Tensor
    """Which of ``ORDERS`` was found there, from 0; ``NOTHING`` likewise."""


def heard_before(symbol_BVS: Tensor, before_BS: Tensor, has_threads: Sequence[bool], num_tokens: int) -> HeardBefore:
    """Of the last ``num_tokens`` of all tokens so far.

    Args:
        symbol_BVS: of each token in each view; ``NOTHING`` has none and is like nothing, not even itself.
        before_BS: where the token before it in its thread stands, which is earlier; ``NOTHING`` for the first.
        has_threads: which views have those threads; in the others all tokens are one.
        num_tokens: 0 to S.
    """
    if not num_tokens:
        nothing = symbol_BVS[..., :0].long()
        return HeardBefore(nothing, nothing)
    if num_tokens == 1:
        return _after_the_last(symbol_BVS, before_BS, torch.tensor(has_threads, device=symbol_BVS.device))
    before_BS = before_BS.long()
    one_BS = torch.arange(-1, before_BS.shape[1] - 1, device=before_BS.device).expand(before_BS.shape)
    found = [
        _after_each(symbol_BS.long(), before_BS if has_own else one_BS)
        for symbol_BS, has_own in zip(symbol_BVS.unbind(dim=1), has_threads, strict=True)
    ]
    return HeardBefore(*(torch.stack(column, dim=1)[..., -num_tokens:] for column in zip(*found, strict=True)))


def _after_each(symbol_BS: Tensor, before_BS: Tensor) -> tuple[Tensor, Tensor]:
    """By sorting the hashes of all stretches."""
    B, S = symbol_BS.shape
    end_BS, index_BS = torch.full_like(symbol_BS, NOTHING), torch.full_like(symbol_BS, NOTHING)
    hash_BS = symbol_BS + 1 + torch.arange(B, device=symbol_BS.device)[:, None] * _FACTOR
    reached_BS, is_whole_BS, length = before_BS, symbol_BS != NOTHING, 1
    for number, order in enumerate(ORDERS):
        for _ in range(length, order):
            earlier_BS = symbol_BS.gather(1, reached_BS.clamp(min=0))
            is_whole_BS = is_whole_BS & (reached_BS >= 0) & (earlier_BS != NOTHING)
            hash_BS = hash_BS * _FACTOR + earlier_BS + 1
            reached_BS = before_BS.gather(1, reached_BS.clamp(min=0))
        length = order
        places = is_whole_BS.flatten().nonzero().flatten()
        hashes, by = hash_BS.flatten()[places].sort(stable=True)
        again = (hashes[1:] == hashes[:-1]).nonzero().flatten()
        now = places[by[again + 1]]
        end_BS.view(-1)[now] = places[by[again]] % S
        index_BS.view(-1)[now] = number
    return end_BS, index_BS


def _after_the_last(symbol_BVS: Tensor, before_BS: Tensor, has_threads_V: Tensor) -> HeardBefore:
    """By comparing what led to each place where the last symbol stood, in all views at once."""
    (B, V, S), now_BV1 = symbol_BVS.shape, symbol_BVS[..., -1:]
    at_N3 = (
        symbol_BVS == torch.where(now_BV1 == NOTHING, _UNLIKE, now_BV1)
    ).nonzero()  # row, view, place; the last too
    first_B1 = S * torch.arange(B, dtype=before_BS.dtype, device=before_BS.device)[:, None]
    chains = torch.where(before_BS >= 0, before_BS + first_B1, B * S)
    chains = torch.cat([chains.flatten(), chains.new_tensor([B * S])])  # a thread's first leads to nowhere, for good

    def num_same(at_N3: Tensor, most: int) -> Tensor:
        """How many symbols up to each place are those up to the last one, at most so many."""
        row_N, view_N, place_N = at_N3.unbind(dim=1)
        reached_NL = place_N[:, None] - torch.arange(most, device=place_N.device)
        in_thread_N = has_threads_V[view_N]
        first_N = S * row_N[in_thread_N]
        steps = [place_N[in_thread_N] + first_N]
        for _ in range(most - 1):
            steps.append(chains[steps[-1]])
        reached = torch.stack(steps, dim=1)
        reached_NL[in_thread_N] = torch.where(reached < B * S, reached - first_N[:, None], NOTHING)
        symbol_NL = symbol_BVS[row_N[:, None], view_N[:, None], reached_NL.clamp(min=0)]
        symbol_NL = torch.where(reached_NL >= 0, symbol_NL, NOTHING)
        is_now_N = place_N == S - 1
        now_BVL = symbol_NL.new_full((B, V, most), NOTHING)
        now_BVL[row_N[is_now_N], view_N[is_now_N]] = symbol_NL[is_now_N]
        return ((symbol_NL == now_BVL[row_N, view_N]) & (symbol_NL != NOTHING)).cumprod(dim=1).sum(dim=1)

    num_same_N = num_same(at_N3, _MANY)
    far_M = (num_same_N == _MANY).nonzero().flatten()  # most places turn out to be unlike after a few symbols
    num_same_N[far_M] = num_same(at_N3[far_M], ORDERS[-1])
    row_N, view_N, place_N = at_N3.unbind(dim=1)
    num_same_N[place_N == S - 1] = 0
    order_N = torch.bucketize(num_same_N, torch.tensor(ORDERS, device=row_N.device), right=True) - 1
    best = place_N.new_full((B * V,), NOTHING).scatter_reduce(0, row_N * V + view_N, order_N * S + place_N, "amax")
    columns = (torch.where(best >= 0, column, NOTHING).view(B, V, 1) for column in (best % S, best // S))
    return HeardBefore(*columns)
