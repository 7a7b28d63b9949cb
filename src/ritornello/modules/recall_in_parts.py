"""What followed when this was heard before, in music of several parts: four ways of being the same.

After each token the last ones are looked for among all tokens of the piece (``modules/heard_before.py``):

* **piece**: the tokens as they are;
* **part**: those of this part alone, each at its place in the bar, whatever other parts did meanwhile;
* **part, transposed**: the same, of pitches only the intervals;
* **rhythm**: all tokens, pitches left aside.

Each names the place behind the same tokens, that of the next token of the piece, whatever its part. From the last two
views, all pitches there are read as much higher or lower as the last pitch is now. A token outside all parts has no
part to look in.

**Source**: ours, after ``modules/recall.py``, which does so for performances.

Shapes: B batch, T new tokens, S all tokens, V views, P parts (0 = none).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ritornello.modules.arrays import as_array, as_tensor
from ritornello.modules.heard_before import NOTHING, HeardBefore, heard_before, heard_before_one_by_one, num_rows
from ritornello.modules.keyboard import NUM_PITCHES

VIEWS = ("piece", "part", "part, transposed", "rhythm")
_PLAIN, _IN_PART = ("piece", "rhythm"), ("part", "part, transposed")
"""Looked for in this order; of both the second are read as much higher or lower as they lie now."""
_MOVES = (False, True) * 2
_AS_TOLD = [(_PLAIN + _IN_PART).index(view) for view in VIEWS]
_FEW = 32
"""So many tokens are sooner looked for one by one than all at once."""
_PITCH = 2**15
"""The symbol of a pitch that is left aside, and below those of intervals; ids of tokens lie below it."""


class RecallState(NamedTuple):
    """What is remembered of the tokens so far."""

    symbol_BVS: Tensor
    """What each token is in each view, those of all tokens before those of its part (int32)."""
    before_BS: Tensor
    """Where the token before each in its own part stands, or ``NOTHING`` (int32)."""
    pitch_B2S: Tensor
    """The last pitch of the piece and of the part, each token included; ``NOTHING`` before the first (int16)."""
    num_same_BRS: Tensor
    """How much of what led to each token led to the last of each part too, see ``heard_before`` (int8)."""
    last_BP: Tensor
    """Where the last token of each part stands, or ``NOTHING``."""
    last_pitch_BP: Tensor
    """The last pitch of each part, or ``NOTHING``."""


class Recalled(NamedTuple):
    """After each of T tokens, in each of ``VIEWS``; int64."""

    place_BTV: Tensor
    """Where what followed stands, or ``NOTHING``."""
    order_index_BTV: Tensor
    """Which length of the same tokens was found, see ``HeardBefore``."""
    semitones_BTV: Tensor
    """How much higher its pitches are now."""


def nothing_recalled(batch_size: int, num_parts: int, device: torch.device) -> RecallState:
    """The state before the first token; parts are numbered below ``num_parts``, 0 = none."""
    nothing = torch.empty(batch_size, 0, dtype=torch.int32, device=device)
    last = torch.full((batch_size, num_parts), NOTHING, device=device)
    symbols, pitches = (nothing[:, None].expand(-1, count, -1) for count in (len(VIEWS), 2))
    num_same = nothing[:, None].expand(-1, num_rows(len(VIEWS), len(_PLAIN), num_parts), -1).to(torch.int8)
    return RecallState(symbols, nothing, pitches.to(torch.int16), num_same, last, last)


def recall_state_bytes(batch_size: int, num_parts: int, num_tokens: int) -> int:
    """Bytes of the state after so many tokens."""
    of_a_token = 4 * len(VIEWS) + 4 + 2 * 2 + num_rows(len(VIEWS), len(_PLAIN), num_parts)
    return batch_size * (of_a_token * num_tokens + 2 * 8 * num_parts)


def recall_in_parts(
    ids_BT: Tensor, pitch_BT: Tensor, part_BT: Tensor, place_BT: Tensor, state: RecallState
) -> tuple[Recalled, RecallState]:
    """What is known after each of these tokens, and the state after the last.

    Args:
        ids_BT: the tokens, 0 to 2^15 - 1.
        pitch_BT: of each, 0-127, or ``NOTHING`` if it is no pitch.
        part_BT: of each, from 1; 0 = none.
        place_BT: of each, in the bar: any numbers from 0 to 2^15 - 1.
        state: after all tokens before.
    """
    if 0 < ids_BT.shape[1] <= _FEW and state.before_BS.shape[1] and ids_BT.device.type == "cpu":
        tokens_BT4 = as_array(torch.stack([ids_BT, pitch_BT, part_BT, place_BT], dim=-1)).tolist()
        pieces = zip(tokens_BT4, zip(*map(as_array, state), strict=True), strict=True)
        found, after = zip(*(recall_one_by_one(tokens, before) for tokens, before in pieces), strict=True)
        found, after = ([as_tensor(np.stack(own)) for own in zip(*rows, strict=True)] for rows in (found, after))
        return Recalled(*found), RecallState(*after)
    state = _with_threads(part_BT, pitch_BT, state)
    S, T = state.before_BS.shape[1], ids_BT.shape[1]
    is_pitch_BT, before_BT = pitch_BT >= 0, state.before_BS[:, S - T :].long()
    pitch_before_BT = state.pitch_B2S[:, 1].gather(1, before_BT.clamp(min=0)).long()
    has_interval_BT = is_pitch_BT & (before_BT >= 0) & (pitch_before_BT >= 0)
    interval_BT = torch.where(has_interval_BT, _PITCH + NUM_PITCHES + pitch_BT - pitch_before_BT, ids_BT)
    in_part = [torch.where(part_BT > 0, what * 2**15 + place_BT, NOTHING) for what in (ids_BT, interval_BT)]
    new_BVT = torch.stack([ids_BT, torch.where(is_pitch_BT, _PITCH, ids_BT), *in_part], dim=1)
    symbol_BVS = torch.cat([state.symbol_BVS, new_BVT.to(torch.int32)], dim=2)
    found, num_same_BRS = heard_before(
        symbol_BVS, state.before_BS, state.last_BP, part_BT, state.num_same_BRS, len(_PLAIN)
    )
    return _recalled(found, state.pitch_B2S), state._replace(symbol_BVS=symbol_BVS, num_same_BRS=num_same_BRS)


def _recalled(found: HeardBefore, pitch_B2S: Tensor) -> Recalled:
    """What that says of the last tokens."""
    end_BVT, order_index_BVT = found
    B, V, T = end_BVT.shape
    now_B21T = pitch_B2S[:, :, None, pitch_B2S.shape[2] - T :].long()
    there_B2VT = pitch_B2S.gather(2, end_BVT.clamp(min=0).view(B, 2, V // 2 * T)).long().view(B, 2, V // 2, T)
    moves_V1 = torch.tensor(_MOVES, device=end_BVT.device)[:, None]
    is_known_B2VT = (now_B21T >= 0) & (there_B2VT >= 0)
    is_moved_BVT = is_known_B2VT.view(B, V, T) & moves_V1 & (end_BVT >= 0)
    place_BVT = torch.where(end_BVT >= 0, end_BVT + 1, NOTHING)
    semitones_BVT = torch.where(is_moved_BVT, (now_B21T - there_B2VT).view(B, V, T), 0)
    columns_3BVT = torch.stack([place_BVT, order_index_BVT, semitones_BVT])
    return Recalled(*columns_3BVT[:, :, _AS_TOLD].transpose(2, 3))


def recall_one_by_one(
    tokens_T4: Sequence[Sequence[int]], state: Sequence[NDArray[Any]]
) -> tuple[Sequence[NDArray[Any]], Sequence[NDArray[Any]]]:
    """``recall_in_parts`` for a few tokens of one piece, of which there was one before: all as there, for this row.

    A token is its id, pitch, part and place. In numpy and plain numbers: for so few, torch takes longer to begin than
    to do what is done with them.
    """
    symbol_VS, before_S, pitch_2S, num_same_RS, last_P, last_pitch_P = state
    start, last_P, last_pitch_P = len(before_S), last_P.copy(), last_pitch_P.copy()
    symbols_T4, before_T, pitch_T2, of_piece = list[list[int]](), list[int](), list[list[int]](), int(pitch_2S[0, -1])
    for number, (token, pitch, part, place) in enumerate(tokens_T4):
        of_part, rhythm, interval = int(last_pitch_P[part]), token, token
        if pitch >= 0:
            rhythm, interval = _PITCH, _PITCH + NUM_PITCHES + pitch - of_part if of_part >= 0 else token
            of_piece = of_part = pitch
        in_part = [what * 2**15 + place if part > 0 else NOTHING for what in (token, interval)]
        symbols_T4.append([token, rhythm, *in_part])
        before_T.append(int(last_P[part]))
        pitch_T2.append([of_piece, of_part])
        last_P[part], last_pitch_P[part] = start + number, of_part
    symbol_VS = np.concatenate([symbol_VS, np.array(symbols_T4, dtype=np.int32).T], axis=1)
    before_S = np.concatenate([before_S, np.array(before_T, dtype=np.int32)])
    pitch_2S = np.concatenate([pitch_2S, np.array(pitch_T2, dtype=np.int16).T], axis=1)
    parts = [part for _, _, part, _ in tokens_T4]
    end_VT, index_VT, num_same_RS = heard_before_one_by_one(
        symbol_VS, before_S, last_P, parts, num_same_RS, len(_PLAIN)
    )
    semitones_VT = np.zeros_like(end_VT)
    for view, end_T in enumerate(end_VT.tolist()):
        pitch_S = pitch_2S[view // len(_PLAIN)]
        for number, end in enumerate(end_T):
            if _MOVES[view] and end >= 0 and pitch_S[end] >= 0 and pitch_S[start + number] >= 0:
                semitones_VT[view, number] = pitch_S[start + number] - pitch_S[end]
    columns = (np.where(end_VT >= 0, end_VT + 1, NOTHING), index_VT, semitones_VT)
    after = (symbol_VS, before_S, pitch_2S, num_same_RS, last_P, last_pitch_P)
    return [column[_AS_TOLD].T for column in columns], after


def _with_threads(part_BT: Tensor, pitch_BT: Tensor, state: RecallState) -> RecallState:
    """The state with what the new tokens' parts and pitches are, but for their symbols."""
    start = state.before_BS.shape[1]
    before_BT, pitch_in_part_BT, last_BP, last_pitch_BP = _in_their_parts(part_BT, pitch_BT, state, start)
    last_of_piece_B1 = state.pitch_B2S[:, 0, start - 1 :].long() if start else torch.full_like(part_BT[:, :1], NOTHING)
    of_piece_BN = torch.cat([last_of_piece_B1, pitch_BT], dim=1)
    of_piece_BT = _last_known(of_piece_BN, torch.zeros_like(of_piece_BN, dtype=torch.bool))[:, 1:]
    pitch_B2T = torch.stack([of_piece_BT, pitch_in_part_BT], dim=1)
    return state._replace(
        before_BS=torch.cat([state.before_BS, before_BT.to(torch.int32)], dim=1),
        pitch_B2S=torch.cat([state.pitch_B2S, pitch_B2T.to(torch.int16)], dim=2),
        last_BP=last_BP,
        last_pitch_BP=last_pitch_BP,
    )


def _in_their_parts(
    part_BT: Tensor, pitch_BT: Tensor, state: RecallState, start: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where the token before each in its part stands, the last pitch there, it included (B, T); of each part the last.

    Sorted by part, each part's tokens behind what it was before, the one before is the neighbour.
    """
    (B, T), P = part_BT.shape, state.last_BP.shape[1]
    parts_P = torch.arange(P, device=part_BT.device).expand(B, -1)
    where_T = torch.arange(start, start + T, device=part_BT.device).expand(B, -1)
    own_BN, by_BN = torch.cat([parts_P, part_BT], dim=1).sort(dim=1, stable=True)
    where_BN = torch.cat([state.last_BP, where_T], dim=1).gather(1, by_BN)
    pitch_BN = _last_known(torch.cat([state.last_pitch_BP, pitch_BT], dim=1).gather(1, by_BN), by_BN < P)
    before_BN = torch.cat([where_BN[:, :1], where_BN[:, :-1]], dim=1)
    is_last_BN = torch.cat([own_BN[:, 1:] != own_BN[:, :-1], torch.ones_like(own_BN[:, :1], dtype=torch.bool)], dim=1)
    unsorted_BT = by_BN.argsort(dim=1)[:, P:]
    in_order = (before_BN.gather(1, unsorted_BT), pitch_BN.gather(1, unsorted_BT))
    return *in_order, where_BN[is_last_BN].view(B, P), pitch_BN[is_last_BN].view(B, P)


def _last_known(pitch_BN: Tensor, is_known_BN: Tensor) -> Tensor:
    """Each pitch, or where there is none the last before it; those that are said to be known stop the search."""
    now_BN = torch.arange(pitch_BN.shape[1], device=pitch_BN.device).expand(pitch_BN.shape)
    return pitch_BN.gather(1, torch.where(is_known_BN | (pitch_BN >= 0), now_BN, 0).cummax(dim=1).values)
