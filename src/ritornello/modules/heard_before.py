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

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ORDERS = (3, 4, 6, 8, 12, 16, 24, 32, 48)
"""How many of the last symbols must have been the same."""
_ORDERS = np.array(ORDERS, dtype=np.int8)
NOTHING = -1
_FACTOR = 6364136223846793005
_UNLIKE = -2

Integers = NDArray[np.integer[Any]]
Bytes = NDArray[np.int8]


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


def heard_before_one_by_one(
    symbol_VS: Integers,
    before_S: Integers,
    last_P: Integers,
    thread_T: Sequence[int],
    num_same_RS: Bytes,
    num_plain: int,
) -> tuple[Integers, Integers, Bytes]:
    """``heard_before`` for a few tokens of one piece, of which there was one before; in numpy, from int32 and int64.

    For arrays of this size numpy takes a third of torch's time.
    """
    (V, stop), T = symbol_VS.shape, len(thread_T)
    start = stop - T
    lasts = [last_P]  # after each, from the last to the first: a token hides the one before it in its thread
    for number in range(T - 1, 0, -1):
        earlier_P = lasts[-1].copy()
        earlier_P[thread_T[number]] = before_S[start + number]
        lasts.append(earlier_P)
    new_RS = np.empty((len(num_same_RS), stop), dtype=np.int8)
    new_RS[:, :start] = num_same_RS
    end_VT, index_VT = np.empty((2, V, T), dtype=np.int64)
    for number, last_now_P in enumerate(reversed(lasts)):
        S = start + number + 1
        num_same_VN = _follow(
            symbol_VS[:, :S], before_S[: S - 1], last_now_P, thread_T[number], new_RS[:, :S], num_plain
        )
        end_VT[:, number], index_VT[:, number] = _latest_of_the_longest(num_same_VN)
    return end_VT, index_VT, new_RS


def _follow(
    symbol_VS: Integers, before_N: Integers, last_P: Integers, thread: int, num_same_RS: Bytes, num_plain: int
) -> Bytes:
    """How much of what led to each earlier place led to the last token (V, N), by what is known of those before.

    What is known of the last token's thread, and of the place of the last token, is set in ``num_same_RS``.
    """
    V, S = symbol_VS.shape
    same_as_VPS = num_same_RS[num_plain:].reshape(V - num_plain, len(last_P), S)
    grown_VN = np.zeros((V, S - 1), dtype=np.int8)  # none is the same before a thread's first
    grown_VN[:num_plain, 1:] = num_same_RS[:num_plain, : S - 2]
    padded_VS = np.zeros((V - num_plain, S), dtype=np.int8)
    padded_VS[:, 1:] = same_as_VPS[:, thread, : S - 1]
    grown_VN[num_plain:] = padded_VS.take(before_N.astype(np.int64) + 1, axis=1)
    np.minimum(grown_VN, ORDERS[-1] - 1, out=grown_VN)
    grown_VN += 1
    now_V1 = symbol_VS[:, -1:]
    is_same_VN = symbol_VS[:, :-1] == np.where(now_V1 == NOTHING, _UNLIKE, now_V1)
    num_same_VS = np.zeros((V, S), dtype=np.int8)
    num_same_VN = num_same_VS[:, :-1]
    np.multiply(grown_VN, is_same_VN.view(np.int8), out=num_same_VN)
    num_same_RS[:num_plain] = num_same_VS[:num_plain]
    at_P = np.clip(last_P, 0, S - 1)  # the last of other threads are places too
    same_as_VPS[..., -1] = num_same_VS[num_plain:, at_P] * (last_P >= 0)
    same_as_VPS[:, thread] = num_same_VS[num_plain:]
    return num_same_VN


def _latest_of_the_longest(num_same_VN: Bytes) -> tuple[Integers, Integers]:
    """Where the largest order is reached for the last time, and which it is (V,)."""
    index_V = (num_same_VN.max(axis=1)[:, None] >= _ORDERS).sum(axis=1) - 1
    is_long_VN = num_same_VN >= _ORDERS[np.maximum(index_V, 0)][:, None]
    end_V = num_same_VN.shape[1] - 1 - is_long_VN[:, ::-1].argmax(axis=1)
    return np.where(index_V < 0, NOTHING, end_V), index_V
