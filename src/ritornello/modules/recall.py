"""What followed when this was heard before: the last earlier place of a piece at which the last notes were the same.

A memory of everything that costs one byte for each token, beside the hundreds or thousands of a key/value cache: only
pitches are remembered, and a place is found by looking for the last notes, not by attention. Of each order n, the n
last notes are looked for as they are and in any transposition; the latest place names the pitch that followed there.

**Source**: ours. Contexts of several orders are those of prediction by partial matching (Cleary and Witten 1984); what
a match is worth is learned.

Shapes: B batch, T tokens, S remembered tokens, C candidates, D width, N notes, P pitches.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.features import FeatureSum
from ritornello.modules.keyboard import NUM_PITCHES

ORDERS = (3, 4, 6, 8, 12, 16)
"""Notes (or, transposed, intervals) that must have been the same."""
NUM_CANDIDATES = 2 * len(ORDERS)
NOTHING = FeatureSum.NOTHING
_NUM_INTERVALS = 2 * NUM_PITCHES - 1
_FACTOR = 6364136223846793005


class RecallState(NamedTuple):
    """What is remembered."""

    pitch_BS: Tensor
    """Of the note that each token began, plus 1; 0 = it began none. uint8."""


class Recalled(NamedTuple):
    """What is known after each token."""

    last_BT: Tensor
    """Pitch of the last note, or 0 before the first; int64."""
    candidate_BTC: Tensor
    """Pitches that followed, by order, first as they were, then transposed; int64, or ``NOTHING``."""


def nothing_heard(batch_size: int, device: torch.device) -> RecallState:
    """The state before the first token."""
    return RecallState(torch.zeros(batch_size, 0, dtype=torch.uint8, device=device))


def recall(ids_BT: Tensor, state: RecallState, num_specials: int) -> tuple[Recalled, RecallState]:
    """What is known after each of these tokens, and the state after the last.

    Ids are those of the performance scheme: ``num_specials`` of another kind, then 128 NOTE_ON, then others.
    """
    T, event_BT = ids_BT.shape[1], ids_BT - num_specials
    begins_BT = (event_BT >= 0) & (event_BT < NUM_PITCHES)
    pitch_BT = torch.where(begins_BT, event_BT + 1, 0).to(torch.uint8)
    pitch_BS = torch.cat([state.pitch_BS, pitch_BT], dim=1)
    rows = [_recalled(pitch_S, T) for pitch_S in pitch_BS]
    return Recalled(*(torch.stack(column) for column in zip(*rows, strict=True))), RecallState(pitch_BS)


class RecallInput(nn.Module):
    """The pitch that followed the longest match of either kind, seen from the last note, as a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.longest = FeatureSum([len(ORDERS), _NUM_INTERVALS] * 2, width, scale=0.1)

    @staticmethod
    def num_parameters(width: int) -> int:
        """Exactly."""
        return width * (1 + 2 * (len(ORDERS) + _NUM_INTERVALS))

    def forward(self, known: Recalled) -> Tensor:
        """Vectors (B, T, D)."""
        features: list[Tensor] = []
        n = len(ORDERS)
        for candidates in (known.candidate_BTC[..., :n], known.candidate_BTC[..., n:]):
            found = (candidates >= 0).sum(dim=-1, keepdim=True)  # a longer match is a shorter one too
            longest = candidates.gather(-1, (found - 1).clamp(min=0))
            interval = longest - known.last_BT[..., None] + NUM_PITCHES - 1
            features += [found - 1, torch.where(longest >= 0, interval, NOTHING)]
        return self.longest(torch.cat(features, dim=-1))


class RecallHead(nn.Module):
    """What each match adds to the logit of the pitch that it names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.worth_head = nn.Linear(width, NUM_CANDIDATES)
        nn.init.zeros_(self.worth_head.weight)
        nn.init.constant_(self.worth_head.bias, 0.25)  # a match is worth something; how much is learned

    @staticmethod
    def num_parameters(width: int) -> int:
        """Exactly."""
        return (width + 1) * NUM_CANDIDATES

    def forward(self, x_BTD: Tensor, known: Recalled) -> Tensor:
        """To add to the logits of the pitches (B, T, P), in float32 at least."""
        worth_BTC = self.worth_head(x_BTD)
        worth_BTC = worth_BTC.to(torch.promote_types(worth_BTC.dtype, torch.float32))
        places_BTC = torch.where(known.candidate_BTC >= 0, known.candidate_BTC, NUM_PITCHES)
        sums = worth_BTC.new_zeros(*x_BTD.shape[:2], NUM_PITCHES + 1)
        return sums.scatter_add(-1, places_BTC, worth_BTC)[..., :NUM_PITCHES]


def _recalled(pitch_S: Tensor, num_tokens: int) -> tuple[Tensor, Tensor]:
    """Of one piece: the last pitch (T,) and the candidates (T, C) after each of its last tokens."""
    begins_S = pitch_S > 0
    notes_N = pitch_S[begins_S].long() - 1
    count_T = begins_S.cumsum(0)[len(pitch_S) - num_tokens :]  # notes so far
    last_T = torch.cat([notes_N.new_zeros(1), notes_N])[count_T]
    if num_tokens == 1:
        return last_T, torch.stack(_of_last(notes_N))[None]
    columns = [*_exact(notes_N), *_transposed(notes_N)]
    return last_T, torch.stack([column[count_T] for column in columns], dim=-1)


def _exact(notes_N: Tensor) -> list[Tensor]:
    """For each order the candidate after 0, 1, ... N notes."""
    return [_next(notes_N, _earlier(notes_N, order)) for order in ORDERS]


def _transposed(notes_N: Tensor) -> list[Tensor]:
    intervals = notes_N.diff()
    columns: list[Tensor] = []
    for order in ORDERS:
        earlier = _earlier(intervals, order)  # in numbers of intervals, one less than of notes
        step = _next(intervals, earlier, missing=_NUM_INTERVALS)
        pitch = notes_N + step[: len(notes_N)]
        pitch = torch.where((pitch >= 0) & (pitch < NUM_PITCHES), pitch, NOTHING)
        columns.append(torch.cat([notes_N.new_full((1,), NOTHING), pitch]))
    return columns


def _earlier(symbols_N: Tensor, order: int) -> Tensor:
    """After 0, 1, ... N symbols: after how many the last ``order`` were the same, latest of all; 0 = never."""
    found = symbols_N.new_zeros(len(symbols_N) + 1)
    if len(symbols_N) <= order:
        return found
    windows = symbols_N.unfold(0, order, 1)
    hashes = torch.zeros_like(windows[:, 0])
    for back in range(order):
        hashes = hashes * _FACTOR + windows[:, back] + NUM_PITCHES
    ordered = hashes.argsort(stable=True)
    same = hashes[ordered[1:]] == hashes[ordered[:-1]]
    found[ordered[1:][same] + order] = ordered[:-1][same] + order
    return found


def _next(symbols_N: Tensor, earlier: Tensor, missing: int = NOTHING) -> Tensor:
    """The symbol that followed there."""
    padded = torch.cat([symbols_N, symbols_N.new_full((1,), missing)])
    return torch.where(earlier > 0, padded[earlier], missing)


def _of_last(notes_N: Tensor) -> list[Tensor]:
    """The candidates after all notes alone, without sorting."""
    intervals, nothing = notes_N.diff(), notes_N.new_tensor(NOTHING)
    exact = [notes_N[place] if place else nothing for place in _latest(notes_N)]
    moved = [notes_N[-1] + intervals[place] if place else nothing for place in _latest(intervals)]
    return exact + [torch.where((pitch >= 0) & (pitch < NUM_PITCHES), pitch, nothing) for pitch in moved]


def _latest(symbols_N: Tensor) -> list[int]:
    """For each order, after how many symbols the last ones were the same, latest of all; 0 = never."""
    N, places = len(symbols_N), list[int]()
    found = torch.arange(1, max(1, N), device=symbols_N.device)  # after how many symbols, some of them compared
    for back in range(1, max(ORDERS) + 1):
        found = found[found >= back]
        found = found[symbols_N[found - back] == symbols_N[N - back]] if back <= N else found[:0]
        if back in ORDERS:
            places.append(int(found[-1]) if len(found) else 0)
    return places
