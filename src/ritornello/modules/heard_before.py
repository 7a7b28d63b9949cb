"""Where a stretch of symbols was heard before: the latest earlier place behind the same last ones, the longest first.

A token is a symbol in each of several *views*. In the first of them all tokens are one thread; in the others each names
the one before it in its own, so that a part may be followed through the tokens of others. Sought are the last n symbols
of a thread, for several n (*orders*); the place of the largest n that is found anywhere says what followed there.
Nothing is attended to. Many tokens at once are sought by 64-bit hashes of their stretches, which are taken for the
stretches. One after the other, it is known of every place how much of what led to it led to the last token of a thread
too: where the next symbol is the same, it is one more. So a step looks once at each place, however long the stretches.

**Source**: contexts of several orders, the longest first, are those of prediction by partial matching (Cleary and
Witten 1984); here they point, and what that is worth is learned. Lengths that grow by one along diagonals are those of
the longest common substring.

Shapes: B batch, V views, T new tokens, S all tokens, N those before the last, P threads, R rows: one for each of the
first views, P for each of the others, view by view.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

ORDERS = (3, 4, 6, 8, 12, 16, 24, 32, 48)
"""How many of the last symbols must have been the same."""
NOTHING = -1
_FACTOR = 6364136223846793005
_UNLIKE = -2
_FEW = 32
"""So many tokens are sooner looked for one by one than all at once."""


class HeardBefore(NamedTuple):
    """What is known after each of T tokens, in each view; int64."""

    match_end_BVT: Tensor
    """Where the last of the same symbols stands; ``NOTHING`` if they were not heard before."""
    order_index_BVT: Tensor
    """Which of ``ORDERS`` was found there, from 0; ``NOTHING`` likewise."""


def num_rows(num_views: int, num_plain: int, num_threads: int) -> int:
    """R."""
    return num_plain + (num_views - num_plain) * num_threads


def heard_before(
    symbol_BVS: Tensor, before_BS: Tensor, last_BP: Tensor, thread_BT: Tensor, num_same_BRS: Tensor, num_plain: int
) -> tuple[HeardBefore, Tensor]:
    """Of the last T of all tokens so far; and how much is the same then.

    Args:
        symbol_BVS: of each token in each view; ``NOTHING`` has none and is like nothing, not even itself.
        before_BS: where the token before it in its thread stands, which is earlier; ``NOTHING`` for the first.
        last_BP: where the last token of each thread stands; ``NOTHING`` if there is none.
        thread_BT: which thread each of the last tokens is in, 0 to P - 1.
        num_same_BRS: of the S - T tokens before those, how many symbols up to each are those up to the last one of each
            thread, at most the largest order; int8.
        num_plain: in so many views, the first, all tokens are one thread.
    """
    T, S = thread_BT.shape[1], symbol_BVS.shape[2]
    if not T:
        nothing = symbol_BVS[..., :0].long()
        return HeardBefore(nothing, nothing), num_same_BRS
    if T <= _FEW and T < S:
        return _one_by_one(symbol_BVS, before_BS, last_BP, thread_BT, num_same_BRS, num_plain)
    one_BS = torch.arange(-1, S - 1, device=before_BS.device).expand(before_BS.shape)
    before_BS, last_of_all_B1 = before_BS.long(), torch.full_like(last_BP[:, :1], S - 1)
    ends, indices, rows = list[Tensor](), list[Tensor](), list[Tensor]()
    for number, symbol_BS in enumerate(symbol_BVS.long().unbind(dim=1)):
        is_plain = number < num_plain
        chain_BS, lasts = (one_BS, last_of_all_B1) if is_plain else (before_BS, last_BP)
        end_BS, index_BS = _after_each(symbol_BS, chain_BS)
        ends.append(end_BS[:, -T:])
        indices.append(index_BS[:, -T:])
        rows.append(_same_as_the_last(symbol_BS, chain_BS, lasts))
    return HeardBefore(torch.stack(ends, dim=1), torch.stack(indices, dim=1)), torch.cat(rows, dim=1)


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


def _same_as_the_last(symbol_BS: Tensor, before_BS: Tensor, last_BP: Tensor) -> Tensor:
    """Of each place and thread of one view, how many symbols up to it are those up to the thread's last (B, P, S).

    None of the last itself: what comes after it will have no other to follow.
    """
    B, S = symbol_BS.shape
    symbols_BS1 = torch.cat([symbol_BS, torch.full_like(symbol_BS[:, :1], NOTHING)], dim=1)
    chains_BS1 = torch.cat([torch.where(before_BS < 0, S, before_BS), torch.full_like(before_BS[:, :1], S)], dim=1)
    reached_BS = torch.arange(S, device=symbol_BS.device).expand(B, -1)
    own_BP = torch.where(last_BP < 0, S, last_BP)
    is_same_BPS = own_BP[..., None] != reached_BS[:, None]
    num_same_BPS = torch.zeros_like(is_same_BPS, dtype=torch.int8)
    for _ in range(ORDERS[-1]):
        now_BP = symbols_BS1.gather(1, own_BP)
        now_BP = torch.where(now_BP == NOTHING, _UNLIKE, now_BP)
        is_same_BPS = is_same_BPS & (symbols_BS1.gather(1, reached_BS)[:, None] == now_BP[..., None])
        num_same_BPS += is_same_BPS
        reached_BS, own_BP = chains_BS1.gather(1, reached_BS), chains_BS1.gather(1, own_BP)
    return num_same_BPS


def _one_by_one(
    symbol_BVS: Tensor, before_BS: Tensor, last_BP: Tensor, thread_BT: Tensor, num_same_BRS: Tensor, num_plain: int
) -> tuple[HeardBefore, Tensor]:
    """As ``heard_before``, for a few tokens; before the first of them there is another."""
    (B, V, stop), T = symbol_BVS.shape, thread_BT.shape[1]
    start = stop - T
    lasts = [last_BP]  # after each, from the last to the first: a token hides the one before it in its thread
    for place in range(stop - 1, start, -1):
        column = slice(place, place + 1)
        lasts.append(lasts[-1].scatter(1, thread_BT[:, place - start, None], before_BS[:, column].to(last_BP.dtype)))
    new_BRS = num_same_BRS.new_empty(B, num_same_BRS.shape[1], stop)
    new_BRS[..., :start] = num_same_BRS
    num_same_BVTN = num_same_BRS.new_zeros(B, V, T, stop - 1)
    for number, last in enumerate(reversed(lasts)):
        S = start + number + 1
        symbols, chain, known = symbol_BVS[..., :S], before_BS[:, :S], new_BRS[..., :S]
        num_same_BVN = _follow(symbols, chain, last, thread_BT[:, number], known, num_plain)
        num_same_BVTN[:, :, number, : S - 1] = num_same_BVN
    return _latest_of_the_longest(num_same_BVTN), new_BRS


def _follow(
    symbol_BVS: Tensor, before_BS: Tensor, last_BP: Tensor, thread_B: Tensor, num_same_BRS: Tensor, num_plain: int
) -> Tensor:
    """How much of what led to each earlier place led to the last token (B, V, N), by what is known of those before.

    What is known of the last token's thread, and of the place of the last token, is set in ``num_same_BRS``.
    """
    (B, V, S), P, device = symbol_BVS.shape, last_BP.shape[1], symbol_BVS.device
    rows_B = torch.arange(B, device=device)
    same_as_BVPS = num_same_BRS[:, num_plain:].view(B, V - num_plain, P, S)
    before_BVN = (before_BS[:, None, :-1].long() + 1).expand(-1, V - num_plain, -1)
    none_BV1 = num_same_BRS.new_zeros(B, V, 1)  # is the same before a thread's first
    own_BVN = same_as_BVPS.transpose(1, 2)[rows_B, thread_B][..., :-1]
    grown_BVN = torch.cat(
        [
            torch.cat([none_BV1[:, :num_plain], num_same_BRS[:, :num_plain, :-2]], dim=2),
            torch.cat([none_BV1[:, num_plain:], own_BVN], dim=2).gather(2, before_BVN),
        ],
        dim=1,
    )
    now_BV1 = symbol_BVS[..., -1:]
    is_same_BVN = symbol_BVS[..., :-1] == torch.where(now_BV1 == NOTHING, _UNLIKE, now_BV1)
    num_same_BVN = (grown_BVN.clamp_(max=ORDERS[-1] - 1) + 1) * is_same_BVN
    num_same_BVS = torch.cat([num_same_BVN, none_BV1], dim=2)
    num_same_BRS[:, :num_plain] = num_same_BVS[:, :num_plain]
    at_BVP = last_BP.clamp(min=0, max=S - 1)[:, None].expand(-1, V - num_plain, -1)  # the last of others are places too
    same_as_BVPS[..., -1] = num_same_BVS[:, num_plain:].gather(2, at_BVP) * (last_BP >= 0)[:, None]
    same_as_BVPS.transpose(1, 2)[rows_B, thread_B] = num_same_BVS[:, num_plain:]
    return num_same_BVN


def _latest_of_the_longest(num_same_BVTN: Tensor) -> HeardBefore:
    """Where the largest order is reached for the last time, and which it is."""
    orders = torch.tensor(ORDERS, dtype=num_same_BVTN.dtype, device=num_same_BVTN.device)
    index_BVT1 = torch.bucketize(num_same_BVTN.amax(dim=3, keepdim=True), orders, right=True) - 1
    place_N = torch.arange(num_same_BVTN.shape[3], dtype=torch.int32, device=num_same_BVTN.device)
    is_long_BVTN = num_same_BVTN >= orders[index_BVT1.clamp(min=0)]
    end_BVT = torch.where(is_long_BVTN, place_N, NOTHING).amax(dim=3).long()
    index_BVT = index_BVT1[..., 0]
    return HeardBefore(torch.where(index_BVT < 0, NOTHING, end_BVT), index_BVT)
