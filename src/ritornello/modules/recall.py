"""What followed when this was heard before: the last earlier place of a piece at which the last notes were the same.

A memory of everything that costs two bytes for each token, beside the hundreds or thousands of a key/value cache: only
the tokens are remembered, and a place is found by looking for the last notes, not by attention. Of each order n, the n
last notes are looked for as they are, and in any transposition; the latest place names the pitch that followed there.
The place of the longest match also tells how long the next note was waited for, and how loud it was.

**Source**: ours. Contexts of several orders are those of prediction by partial matching (Cleary and Witten 1984); what
a match is worth is learned.

Shapes: B batch, T tokens, S remembered tokens, C candidates, D width, N notes, P pitches.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.features import FeatureSum
from ritornello.modules.keyboard import NUM_PITCHES, NUM_SHIFTS, NUM_VELOCITIES

ORDERS = (3, 4, 6, 8, 12, 16)
"""Notes (or, transposed, intervals) that must have been the same."""
NUM_CANDIDATES = 2 * len(ORDERS)
NOTHING = FeatureSum.NOTHING
FARTHEST_WAIT, FARTHEST_VELOCITY = 30, 8
"""Steps of 10 ms, and velocity bins, by which a prediction can be missed and still tell something."""
BYTES_PER_TOKEN = 2
_NUM_INTERVALS = 2 * NUM_PITCHES - 1
_FACTOR = 6364136223846793005
_FIRST_SHIFT, _FIRST_VELOCITY = 2 * NUM_PITCHES, 2 * NUM_PITCHES + NUM_SHIFTS


class RecallState(NamedTuple):
    """What is remembered."""

    event_BS: Tensor
    """Numbers of the performance events, NOTE_ON of pitch 0 being 0; negative = none of them. int16."""


class Recalled(NamedTuple):
    """What is known after each token, int64; ``NOTHING`` where there was no match."""

    last_BT: Tensor
    """Pitch of the last note, or 0 before the first."""
    candidate_BTC: Tensor
    """Pitches that followed, by order, first as they were, then transposed."""
    wait_BT: Tensor
    """At the place of the longest match: steps of 10 ms until the next note, less those waited for already; at least
    0."""
    velocity_BT: Tensor
    """Velocity bin of that note."""
    louder_BT: Tensor
    """The velocity bin it would have if it were as much louder than the note before as there."""


def nothing_heard(batch_size: int, device: torch.device) -> RecallState:
    """The state before the first token."""
    return RecallState(torch.zeros(batch_size, 0, dtype=torch.int16, device=device))


def recall(ids_BT: Tensor, state: RecallState, num_specials: int) -> tuple[Recalled, RecallState]:
    """What is known after each of these tokens, and the state after the last.

    Ids are those of the performance scheme: ``num_specials`` of another kind, then 128 NOTE_ON, 128 NOTE_OFF, 100
    TIME_SHIFT and 32 VELOCITY.
    """
    event_BS = torch.cat([state.event_BS, (ids_BT - num_specials).to(torch.int16)], dim=1)
    rows = [_recalled(event_S, ids_BT.shape[1]) for event_S in event_BS]
    return Recalled(*(torch.stack(column) for column in zip(*rows, strict=True))), RecallState(event_BS)


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
    """What a match adds to the logits of what it names, and of what is near."""

    def __init__(self, width: int) -> None:
        super().__init__()
        waits, velocities = 2 * FARTHEST_WAIT + 1, 2 * FARTHEST_VELOCITY + 1
        self.sizes = (NUM_CANDIDATES, waits, velocities, velocities)
        self.worth_head = nn.Linear(width, sum(self.sizes))
        nn.init.zeros_(self.worth_head.weight)
        nn.init.zeros_(self.worth_head.bias)
        nn.init.constant_(self.worth_head.bias[:NUM_CANDIDATES].detach(), 0.25)  # worth something; how much is learned

    @staticmethod
    def num_parameters(width: int) -> int:
        """Exactly."""
        return (width + 1) * (NUM_CANDIDATES + 2 * FARTHEST_WAIT + 1 + 2 * (2 * FARTHEST_VELOCITY + 1))

    def forward(self, x_BTD: Tensor, known: Recalled) -> Tensor:
        """To add to the logits of the performance events (B, T, 388), in float32 at least."""
        worth = self.worth_head(x_BTD)
        worth = worth.to(torch.promote_types(worth.dtype, torch.float32))
        by_pitch, by_wait, by_velocity, by_louder = worth.split(self.sizes, dim=-1)
        places_BTC = torch.where(known.candidate_BTC >= 0, known.candidate_BTC, NUM_PITCHES)
        sums = worth.new_zeros(*x_BTD.shape[:2], NUM_PITCHES + 1)
        begin = sums.scatter_add(-1, places_BTC, by_pitch)[..., :NUM_PITCHES]
        wait = _around(by_wait, known.wait_BT - 1, NUM_SHIFTS)
        velocity = _around(by_velocity, known.velocity_BT, NUM_VELOCITIES)
        velocity = velocity + _around(by_louder, known.louder_BT, NUM_VELOCITIES)
        end = worth.new_zeros(*x_BTD.shape[:2], NUM_PITCHES)
        matched_BT1 = known.wait_BT[..., None] != NOTHING
        return torch.cat([begin, end, wait * matched_BT1, velocity * matched_BT1], dim=-1)


def _around(worth_BTE: Tensor, centre_BT: Tensor, size: int) -> Tensor:
    """For each of ``size`` values what it is worth by its distance from the centre (B, T, size); far ones share it."""
    farthest = worth_BTE.shape[-1] // 2
    distances = torch.arange(size, device=worth_BTE.device) - centre_BT[..., None]
    return worth_BTE.gather(-1, distances.clamp(-farthest, farthest) + farthest)


def _recalled(event_S: Tensor, num_tokens: int) -> tuple[Tensor, ...]:
    """Of one piece, after each of its last tokens: the columns of ``Recalled``."""
    event_S = event_S.long()
    begins_S = (event_S >= 0) & (event_S < NUM_PITCHES)
    is_shift_S = (event_S >= _FIRST_SHIFT) & (event_S < _FIRST_VELOCITY)
    clock_S = torch.where(is_shift_S, event_S - _FIRST_SHIFT + 1, 0).cumsum(0)
    velocity_S = torch.where(event_S >= _FIRST_VELOCITY, event_S - _FIRST_VELOCITY, NOTHING)
    notes_N, clock_N = event_S[begins_S], clock_S[begins_S]
    velocity_N = _last_known(velocity_S)[begins_S]
    count_T = begins_S.cumsum(0)[len(event_S) - num_tokens :]  # notes so far
    if num_tokens == 1:
        candidates_TC, place_T = _of_last(notes_N)
    else:
        candidates_TC, place_T = (column[count_T] for column in _of_all(notes_N))
    padded = [torch.cat([column, column.new_zeros(1)]) for column in (notes_N, clock_N, velocity_N)]
    pitch, clock, velocity = padded
    waited_T = clock_S[len(event_S) - num_tokens :] - clock[count_T - 1]
    wait_T = (clock[place_T] - clock[place_T - 1] - waited_T).clamp(min=0)
    louder_T = velocity[count_T - 1] + velocity[place_T] - velocity[place_T - 1]
    matched_T = place_T > 0
    return (
        torch.where(count_T > 0, pitch[count_T - 1], 0),
        candidates_TC,
        *(torch.where(matched_T, column, NOTHING) for column in (wait_T, velocity[place_T], louder_T)),
    )


def _last_known(velocity_S: Tensor) -> Tensor:
    """The last velocity so far; a middle one before the first."""
    places_S = torch.where(velocity_S >= 0, torch.arange(1, len(velocity_S) + 1, device=velocity_S.device), 0)
    return torch.cat([velocity_S.new_full((1,), NUM_VELOCITIES // 2), velocity_S])[places_S.cummax(0).values]


def _of_all(notes_N: Tensor) -> tuple[Tensor, Tensor]:
    """After 0, 1, ... N notes: the candidates (N + 1, C), and the number of the note after the longest match, or 0."""
    intervals, none = notes_N.diff(), notes_N.new_zeros(1)
    place, exact, moved = notes_N.new_zeros(len(notes_N) + 1), list[Tensor](), list[Tensor]()
    for order in ORDERS:
        # the place after m intervals is that after m + 1 notes
        transposed = torch.cat([none, _earlier(intervals, order)])[: len(notes_N) + 1]
        transposed = torch.where(transposed > 0, transposed + 1, 0)
        same = _earlier(notes_N, order)
        exact.append(_followed(notes_N, same))
        moved.append(_followed(notes_N, transposed, torch.cat([none, notes_N])))
        place = torch.where(same > 0, same, torch.where(transposed > 0, transposed, place))
    return torch.stack([*exact, *moved], dim=-1), place


def _of_last(notes_N: Tensor) -> tuple[Tensor, Tensor]:
    """The same after all notes alone, (1, C) and (1,), without sorting."""
    same = _latest(notes_N)
    transposed = [place + 1 if place else 0 for place in _latest(notes_N.diff())]
    found = [place for both in zip(transposed, same, strict=True) for place in both if place]
    last = notes_N[-1:] if len(notes_N) else notes_N.new_zeros(1)
    exact = _followed(notes_N, notes_N.new_tensor(same))
    moved = _followed(notes_N, notes_N.new_tensor(transposed), last)
    return torch.cat([exact, moved])[None], notes_N.new_tensor(found[-1:] or [0])


def _followed(notes_N: Tensor, place: Tensor, level: Tensor | None = None) -> Tensor:
    """The pitch after each place; with a level, as far above it as there above the note before."""
    padded = torch.cat([notes_N, notes_N.new_zeros(1)])
    pitch = padded[place] if level is None else level + padded[place] - padded[place - 1]
    return torch.where((place > 0) & (pitch >= 0) & (pitch < NUM_PITCHES), pitch, NOTHING)


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


def _latest(symbols_N: Tensor) -> list[int]:
    """For each order, after how many symbols the last ones were the same, latest of all; 0 = never."""
    N, places = len(symbols_N), list[int]()
    found = torch.arange(
        1, max(1, N), device=symbols_N.device
    )  # after how many symbols, at least one of which is compared
    for back in range(1, max(ORDERS) + 1):
        found = found[found >= back]
        found = found[symbols_N[found - back] == symbols_N[N - back]] if back <= N else found[:0]
        if back in ORDERS:
            places.append(int(found[-1]) if len(found) else 0)
    return places
