"""Who hears what among spans: some spans before token by token, all others through one summary each.

Everything here is counted on the CPU and made once for all layers. Spans are numbered from the first remembered token
on, so that span c is row c of the summaries.

Shapes: B batch, T new tokens, S remembered and new tokens, C room for summaries, P spans that end now, N tiles,
F fine distances, R rows of what comes out of a layer: all B T new tokens, then P summaries.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ritornello.modules.gathered import Listening, Tiles, listening
from ritornello.modules.spans import SpanRule

TILE = 64
"""Most queries of a tile."""
_ALL_BEFORE = 2**31


class Hearing(NamedTuple):
    """Who hears what, as rows of tables."""

    num_ending: int
    """P: spans of which a later token is among the new ones, and none was before."""
    num_added: int
    """By how much the room for summaries grows."""
    slots_P: Tensor
    """Rows of the summaries (B C)."""
    places_R: Tensor
    """Where each row stands, counted from the first remembered token; on the CPU."""
    spans: Listening | None
    """Summaries hear their tokens, rows of all (B S), and themselves, rows behind; None if no span ends."""
    tokens: Listening
    """Tokens hear tokens, rows of all (B S), and summaries, rows behind (B C)."""


def room(num_tokens: int, rule: SpanRule) -> int:
    """How many spans can be over when so many tokens are remembered; the first may have begun before them."""
    return max(0, (num_tokens - 1 + rule.least_tokens - 1) // rule.least_tokens)


def hearing(spans_BS: Tensor, num_new: int, fine_spans: tuple[int, ...], rule: SpanRule) -> Hearing:
    """Who hears what.

    Args:
        spans_BS: number of the span of every token, remembered and new.
        num_new: T.
        fine_spans: rising distances of the spans that are heard token by token.
        rule: that counted them.
    """
    device, (B, S) = spans_BS.device, spans_BS.shape
    span_BS = (spans_BS - spans_BS[:, :1]).cpu()
    begin_BC = torch.searchsorted(span_BS, torch.arange(int(span_BS.max()) + 2).repeat(B, 1))  # S where none began
    num_slots = room(S, rule)
    row_P, ending_P = _ending(span_BS, num_new)
    orders = (torch.arange(S).repeat(B), torch.full((B * num_slots,), -1))
    last_P = begin_BC[row_P, ending_P + 1] - 1
    to_spans = None
    if len(row_P):
        alone_P = torch.zeros_like(row_P)
        tiles = _summary_tiles(row_P, ending_P, begin_BC, S)
        to_spans = listening(tiles, alone_P, alone_P.new_zeros(B * S + len(row_P)), device)
    return Hearing(
        num_ending=len(row_P),
        num_added=num_slots - room(S - num_new, rule),
        slots_P=(row_P * num_slots + ending_P).to(device),
        places_R=torch.cat([torch.arange(S - num_new, S).repeat(B), last_P]),
        spans=to_spans,
        tokens=listening(
            _token_tiles(span_BS, num_new, begin_BC, fine_spans, num_slots),
            torch.arange(S - num_new, S).repeat(B),
            torch.cat(orders),
            device,
        ),
    )


def heard_by_spans(spans_T: Tensor, fine_spans: tuple[int, ...]) -> dict[str, Tensor]:
    """Masks (T, T) of the two stages of a layer, a summary standing at the last token of its span.

    Row = position of what hears, column = of what is heard.
    """
    distance_TT = spans_T[:, None] - spans_T
    past_TT = torch.ones_like(distance_TT, dtype=torch.bool).tril()
    is_last_T = torch.cat([spans_T[1:] != spans_T[:-1], spans_T.new_zeros(1, dtype=torch.bool)])
    fine_TT = torch.isin(distance_TT, distance_TT.new_tensor((0, *fine_spans))) & past_TT
    own_T = torch.eye(len(spans_T), dtype=torch.bool, device=spans_T.device)
    return {
        "spans to summaries": own_T | (is_last_T[:, None] & (distance_TT == 0)),
        "fine and coarse": fine_TT | (is_last_T & past_TT & (distance_TT > 0)),
    }


def _ending(span_BS: Tensor, num_new: int) -> tuple[Tensor, Tensor]:
    """Row and span (P), of every span that is over now and was not before."""
    over_B = span_BS[:, -1]
    before_B = span_BS[:, -num_new - 1] if num_new < span_BS.shape[1] else torch.zeros_like(over_B)
    span_C = torch.arange(int(over_B.max()))
    row_P, ending_P = ((span_C >= before_B[:, None]) & (span_C < over_B[:, None])).nonzero(as_tuple=True)
    return row_P, ending_P


def _summary_tiles(row_P: Tensor, ending_P: Tensor, begin_BC: Tensor, S: int) -> Tiles:
    """Every summary for itself: its tokens, and its own row."""
    own_P = torch.arange(len(row_P))
    begin_P, end_P = begin_BC[row_P, ending_P], begin_BC[row_P, ending_P + 1]
    first_P2 = torch.stack([row_P * S + begin_P, len(begin_BC) * S + own_P], dim=1)
    return Tiles(own_P, torch.ones_like(own_P), first_P2, torch.stack([end_P - begin_P, torch.ones_like(own_P)], dim=1))


def _token_tiles(span_BS: Tensor, num_new: int, begin_BC: Tensor, fine_spans: tuple[int, ...], num_slots: int) -> Tiles:
    """The new tokens in tiles that lie in one span each: its fine spans, and the summaries between these."""
    B, S = span_BS.shape
    start = S - num_new
    begin_BT = begin_BC.gather(1, span_BS[:, start:]).clamp(min=start)  # of what is new of the own span
    row_N, place_N = ((torch.arange(start, S) - begin_BT) % TILE == 0).nonzero(as_tuple=True)
    first_N = start + place_N
    next_row_N = torch.cat([row_N[1:], row_N.new_tensor([B])])
    next_N = torch.cat([first_N[1:], first_N.new_tensor([S])])
    stop_N = torch.where(next_row_N == row_N, next_N, S)
    span_N = span_BS[row_N, first_N]

    span_NF = span_N[:, None] - torch.tensor((0, *fine_spans))
    begin_NF = begin_BC[row_N[:, None], span_NF.clamp(min=0)]
    end_NF = begin_BC[row_N[:, None], span_NF.clamp(min=0) + 1].minimum(stop_N[:, None])
    tokens_NF = (end_NF - begin_NF) * (span_NF >= 0)

    above_NF = span_NF.clamp(min=0)  # the summaries from the next fine span before to this one
    below_NF = (span_N[:, None] - torch.tensor((*fine_spans, _ALL_BEFORE)) + 1).clamp(min=0)
    summaries_NF = (above_NF - below_NF).clamp(min=0)
    firsts = [row_N[:, None] * S + begin_NF, B * S + row_N[:, None] * num_slots + below_NF]
    return Tiles(
        row_N * num_new + place_N, stop_N - first_N, torch.cat(firsts, 1), torch.cat([tokens_NF, summaries_NF], 1)
    )
