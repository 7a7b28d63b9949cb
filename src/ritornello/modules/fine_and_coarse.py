"""Who hears what among spans: some spans before token by token, all others through one summary each.

Everything here is counted on the CPU and made once for all layers. Spans are numbered from the first remembered token
on, so that span c is row c of the summaries.

Shapes: B batch, T new tokens, S remembered and new tokens, V the last of them, C room for summaries, U of it in use,
P spans that end now, N tiles, F fine distances, R rows of what comes out of a layer: all B T new tokens, then P
summaries.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ritornello.modules.gathered import Listening, Tiles, listening
from ritornello.modules.spans import SpanRule

TILE = 128
"""Most queries of a tile."""
_ALL_BEFORE = 2**31


class Hearing(NamedTuple):
    """Who hears what, as rows of tables."""

    room: int
    """C."""
    num_over: int
    """U: most spans of a piece that are over."""
    first: int
    """The first token that is still heard as a token; V = S - first."""
    slots_P: Tensor
    """Which rows (B C) the summaries of the spans are that end now: a later token is new, and none was before."""
    places_R: Tensor
    """Where each row stands, counted from ``first``; on the CPU."""
    spans: Listening | None
    """Summaries hear their tokens, rows of the last (B V), and themselves, rows behind; None if no span ends."""
    tokens: Listening
    """Tokens hear tokens, rows of the last (B V), and summaries, rows behind (B U)."""


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
    num_over = int(span_BS.max())
    begin_BC = torch.searchsorted(span_BS, torch.arange(num_over + 2).repeat(B, 1))  # S where none began
    farthest_B1 = (span_BS[:, S - num_new, None] - max((1, *fine_spans))).clamp(min=0)  # 1: what ends before it
    first = int(begin_BC.gather(1, farthest_B1).min())
    span_BV, begin_BC = span_BS[:, first:], begin_BC - first
    row_P, ending_P = _ending(span_BV, num_new)
    place_T = torch.arange(S - num_new, S) - first
    return Hearing(
        room=room(S, rule),
        num_over=num_over,
        first=first,
        slots_P=(row_P * room(S, rule) + ending_P).to(device),
        places_R=torch.cat([place_T.repeat(B), begin_BC[row_P, ending_P + 1] - 1]),
        spans=_spans(row_P, ending_P, begin_BC, S - first, device) if len(row_P) else None,
        tokens=listening(
            _token_tiles(span_BV, num_new, begin_BC, fine_spans),
            place_T.repeat(B),
            torch.cat([torch.arange(S - first).repeat(B), torch.full((B * num_over,), -1)]),
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


def _spans(row_P: Tensor, ending_P: Tensor, begin_BC: Tensor, V: int, device: torch.device) -> Listening:
    """Every summary for itself: the tokens of its span, and its own row."""
    own_P = torch.arange(len(row_P))
    begin_P, end_P = begin_BC[row_P, ending_P], begin_BC[row_P, ending_P + 1]
    first_P2 = torch.stack([row_P * V + begin_P, len(begin_BC) * V + own_P], dim=1)
    length_P2 = torch.stack([end_P - begin_P, torch.ones_like(own_P)], dim=1)
    tiles = Tiles(own_P, torch.ones_like(own_P), first_P2, length_P2)
    return listening(tiles, own_P, own_P.new_zeros(len(begin_BC) * V + len(own_P)), device)


def _token_tiles(span_BV: Tensor, num_new: int, begin_BC: Tensor, fine_spans: tuple[int, ...]) -> Tiles:
    """The new tokens in tiles that lie in one span each: its fine spans, and the summaries between these."""
    B, V = span_BV.shape
    start, num_over = V - num_new, begin_BC.shape[1] - 2
    begin_BT = begin_BC.gather(1, span_BV[:, start:]).clamp(min=start)  # of what is new of the own span
    row_N, place_N = ((torch.arange(start, V) - begin_BT) % TILE == 0).nonzero(as_tuple=True)
    stop_N = torch.cat([place_N[1:], place_N.new_tensor([0])])
    stop_N = start + torch.where(stop_N > place_N, stop_N, num_new)  # the next tile, or the end of the row
    row_N1, span_N1 = row_N[:, None], span_BV[row_N, start + place_N, None]

    fine_NF = span_N1 - torch.tensor((0, *fine_spans))
    begin_NF = begin_BC[row_N1, fine_NF.clamp(min=0)]
    end_NF = begin_BC[row_N1, fine_NF.clamp(min=0) + 1].minimum(stop_N[:, None])
    tokens_NF = (end_NF - begin_NF) * (fine_NF >= 0)

    below_NF = (span_N1 - torch.tensor((*fine_spans, _ALL_BEFORE)) + 1).clamp(min=0)
    summaries_NF = (fine_NF - below_NF).clamp(min=0)  # from the next fine span before, to this one
    firsts_NC = torch.cat([row_N1 * V + begin_NF, B * V + row_N1 * num_over + below_NF], dim=1)
    lengths_NC = torch.cat([tokens_NF, summaries_NF], dim=1)
    return Tiles(row_N * num_new + place_N, stop_N - start - place_N, firsts_NC, lengths_NC)
