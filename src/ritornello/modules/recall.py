"""What followed when this was heard before: the last earlier place of a piece at which the last notes were the same.

A memory of everything that costs two bytes for each token, beside the hundreds or thousands of a key/value cache: only
the tokens are remembered, and a place is found by looking for the last notes, not by attention. Of each order n, the n
last notes are looked for as they are, and in any transposition; the latest place names the pitches that followed there.
The place of the longest match also tells how long the next note was waited for, and how loud it was.

Hands never strike a chord twice in the same order, so notes that begin at most 30 ms one after the other are a chord,
and a chord is taken from its lowest note to its highest. Only finished chords are looked for: while one sounds up, the
place names what is still missing of it.

**Source**: ours. Contexts of several orders are those of prediction by partial matching (Cleary and Witten 1984); what
a match is worth is learned.

Shapes: B batch, T tokens, S remembered tokens, C matches (orders, as they were and transposed), K pitches that a match
names, D width, N notes in the order of chords, P pitches, R notes of the chord in progress.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.features import FeatureSum
from ritornello.modules.keyboard import NUM_PITCHES, NUM_SHIFTS, NUM_VELOCITIES

ORDERS = (3, 4, 6, 8, 12, 16)
"""Notes (or, transposed, intervals) that must have been the same."""
NUM_MATCHES = 2 * len(ORDERS)
CHORD_STEPS = 3
"""Notes of one chord begin at most so many steps of 10 ms one after the other."""
NUM_NAMED = 4
"""Pitches that a match names at most, from the lowest."""
NUM_STRUCK = 8
"""Last notes of the chord in progress that are known not to be missing."""
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
    """What is known after each token, int64; ``NOTHING`` where there was no match, or nothing is missing."""

    last_BT: Tensor
    """Pitch of the last note of the last finished chord, or 0 before the first."""
    named_BTCK: Tensor
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
    """The lowest pitch that the longest match of either kind names, seen from the last note, as a vector."""

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
        lowest_BTC, orders = _lowest(known.named_BTCK), len(ORDERS)
        for pitches in (lowest_BTC[..., :orders], lowest_BTC[..., orders:]):
            numbers = torch.arange(1, orders + 1, device=pitches.device)
            longest = torch.where(pitches >= 0, numbers, 0).amax(dim=-1, keepdim=True) - 1
            pitch = pitches.gather(-1, longest.clamp(min=0))
            interval = pitch - known.last_BT[..., None] + NUM_PITCHES - 1
            features += [longest, torch.where(longest >= 0, interval, NOTHING)]
        return self.longest(torch.cat(features, dim=-1))


class RecallHead(nn.Module):
    """What a match adds to the logits of what it names, and of what is near."""

    def __init__(self, width: int) -> None:
        super().__init__()
        waits, velocities = 2 * FARTHEST_WAIT + 1, 2 * FARTHEST_VELOCITY + 1
        self.sizes = (NUM_MATCHES, waits, velocities, velocities)
        self.worth_head = nn.Linear(width, sum(self.sizes))
        nn.init.zeros_(self.worth_head.weight)
        nn.init.zeros_(self.worth_head.bias)
        nn.init.constant_(self.worth_head.bias[:NUM_MATCHES].detach(), 0.25)  # worth something; how much is learned

    @staticmethod
    def num_parameters(width: int) -> int:
        """Exactly."""
        return (width + 1) * (NUM_MATCHES + 2 * FARTHEST_WAIT + 1 + 2 * (2 * FARTHEST_VELOCITY + 1))

    def forward(self, x_BTD: Tensor, known: Recalled) -> Tensor:
        """To add to the logits of the performance events (B, T, 388), in float32 at least."""
        worth = self.worth_head(x_BTD)
        worth = worth.to(torch.promote_types(worth.dtype, torch.float32))
        by_pitch, by_wait, by_velocity, by_louder = worth.split(self.sizes, dim=-1)
        places_BTCK = torch.where(known.named_BTCK >= 0, known.named_BTCK, NUM_PITCHES)
        sums = worth.new_zeros(*x_BTD.shape[:2], NUM_PITCHES + 1)
        by_pitch_BTCK = by_pitch[..., None].expand(places_BTCK.shape)
        begin = sums.scatter_add(-1, places_BTCK.flatten(2), by_pitch_BTCK.flatten(2))[..., :NUM_PITCHES]
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


def _lowest(named_BTCK: Tensor) -> Tensor:
    """The lowest pitch that each match names, or ``NOTHING`` (B, T, C)."""
    lowest = torch.where(named_BTCK >= 0, named_BTCK, NUM_PITCHES).amin(dim=-1)
    return torch.where(lowest < NUM_PITCHES, lowest, NOTHING)


class _Notes(NamedTuple):
    """The notes of a piece in the order of chords, one more at the end that stands for none; and what tokens see."""

    pitch_N: Tensor
    velocity_N: Tensor
    chord_end_N: Tensor
    """Number of the first note behind the chord."""
    wait_N: Tensor
    """Steps from the last note of the chord before to the first of this one."""
    finished_T: Tensor
    """After each token, the number of notes in finished chords: one of their ends."""
    struck_TR: Tensor
    """Pitches of the last notes of the chord in progress, or ``NOTHING``."""
    waited_T: Tensor
    """Steps since the last note."""
    now_T: Tensor
    """Velocity bin of the last note."""


def _recalled(event_S: Tensor, num_tokens: int) -> tuple[Tensor, ...]:
    """Of one piece, after each of its last tokens: the columns of ``Recalled``."""
    notes = _notes(event_S.long(), num_tokens)
    of_tokens = _of_last if num_tokens == 1 else _of_all
    place_TC, longest_T = of_tokens(notes.pitch_N[:-1], notes.finished_T)
    last_T = notes.pitch_N[notes.finished_T - 1]  # of none, the last of all: 0
    reach_K = torch.arange(NUM_NAMED, device=place_TC.device)
    index_TCK = (place_TC[..., None] + reach_K).clamp(max=len(notes.pitch_N) - 1)
    is_there_TCK = (place_TC > 0)[..., None] & (index_TCK < notes.chord_end_N[place_TC][..., None])
    higher_TC = last_T[:, None] - notes.pitch_N[place_TC - 1]
    higher_TC[:, : len(ORDERS)] = 0
    pitch_TCK = notes.pitch_N[index_TCK] + higher_TC[..., None]
    is_struck_TCK = (pitch_TCK[..., None] == notes.struck_TR[:, None, None]).any(dim=-1)
    is_named_TCK = is_there_TCK & (pitch_TCK >= 0) & (pitch_TCK < NUM_PITCHES) & ~is_struck_TCK
    return (
        last_T,
        torch.where(is_named_TCK, pitch_TCK, NOTHING),
        *_when_and_how_loud(notes, longest_T),
    )


def _when_and_how_loud(notes: _Notes, place_T: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Wait, velocity and louder, from the places of the longest matches.

    A chord in progress goes on as long as it has fewer notes than there; then what followed there is waited for.
    """
    end_T = notes.chord_end_N[place_T]
    num_struck_T = (notes.struck_TR >= 0).sum(dim=-1)
    goes_on_T = (num_struck_T > 0) & (place_T + num_struck_T < end_T)
    next_T = torch.where(num_struck_T == 0, place_T, torch.where(goes_on_T, place_T + num_struck_T, end_T))
    is_known_T = (place_T > 0) & (next_T < notes.finished_T)
    wait_T = torch.where(goes_on_T, 0, (notes.wait_N[next_T] - notes.waited_T).clamp(min=0))
    louder_T = notes.now_T + notes.velocity_N[next_T] - notes.velocity_N[next_T - 1]
    wait_T, velocity_T, louder_T = (
        torch.where(is_known_T, column, NOTHING) for column in (wait_T, notes.velocity_N[next_T], louder_T)
    )
    return wait_T, velocity_T, louder_T


def _notes(event_S: Tensor, num_tokens: int) -> _Notes:
    begins_S = (event_S >= 0) & (event_S < NUM_PITCHES)
    is_shift_S = (event_S >= _FIRST_SHIFT) & (event_S < _FIRST_VELOCITY)
    clock_S = torch.where(is_shift_S, event_S - _FIRST_SHIFT + 1, 0).cumsum(0)
    velocity_S = torch.where(event_S >= _FIRST_VELOCITY, event_S - _FIRST_VELOCITY, NOTHING)
    pitch_N, clock_N, velocity_N = event_S[begins_S], clock_S[begins_S], _last_known(velocity_S)[begins_S]
    N, none = len(pitch_N), event_S.new_zeros(1)
    gap_N = torch.cat([clock_N[:1], clock_N.diff()]) if N else clock_N
    begins_chord_N = gap_N > CHORD_STEPS
    begins_chord_N[:1] = True
    chord_N = begins_chord_N.cumsum(0)
    order_N = (chord_N * NUM_PITCHES + pitch_N).argsort(stable=True)
    starts = torch.cat([begins_chord_N.nonzero().flatten(), event_S.new_tensor([N])])
    count_T, clock_T = begins_S.cumsum(0)[-num_tokens:], clock_S[-num_tokens:]
    padded_chord, padded_clock, now = (torch.cat([x, none]) for x in (chord_N, clock_N, velocity_N))
    waited_T = clock_T - padded_clock[count_T - 1]
    in_progress_T = (count_T > 0) & (waited_T <= CHORD_STEPS)
    finished_T = torch.where(in_progress_T, starts[(padded_chord[count_T - 1] - 1).clamp(min=0)], count_T)
    struck_TR = count_T[:, None] - 1 - torch.arange(NUM_STRUCK, device=event_S.device)
    is_struck_TR = in_progress_T[:, None] & (struck_TR >= finished_T[:, None])
    return _Notes(
        pitch_N=torch.cat([pitch_N[order_N], none]),
        velocity_N=torch.cat([velocity_N[order_N], none]),
        chord_end_N=torch.cat([starts[chord_N], event_S.new_tensor([N])]),
        wait_N=torch.cat([gap_N[starts[chord_N - 1]], none]),
        finished_T=finished_T,
        struck_TR=torch.where(is_struck_TR, torch.cat([pitch_N, none])[struck_TR.clamp(min=0)], NOTHING),
        waited_T=waited_T,
        now_T=now[count_T - 1],
    )


def _last_known(velocity_S: Tensor) -> Tensor:
    """The last velocity so far; a middle one before the first."""
    places_S = torch.where(velocity_S >= 0, torch.arange(1, len(velocity_S) + 1, device=velocity_S.device), 0)
    return torch.cat([velocity_S.new_full((1,), NUM_VELOCITIES // 2), velocity_S])[places_S.cummax(0).values]


def _of_all(pitch_N: Tensor, finished_T: Tensor) -> tuple[Tensor, Tensor]:
    """For each token the places (T, C), as numbers of the note that followed, and that of the longest; 0 = none."""
    intervals, none = pitch_N.diff(), pitch_N.new_zeros(1)
    longest, exact, moved = pitch_N.new_zeros(len(pitch_N) + 1), list[Tensor](), list[Tensor]()
    for order in ORDERS:
        same = _earlier(pitch_N, order)
        # the place after m intervals is that after m + 1 notes
        transposed = torch.cat([none, _earlier(intervals, order)])[: len(pitch_N) + 1]
        transposed = torch.where(transposed > 0, transposed + 1, 0)
        exact.append(same)
        moved.append(transposed)
        longest = torch.where(same > 0, same, torch.where(transposed > 0, transposed, longest))
    return torch.stack([*exact, *moved], dim=-1)[finished_T], longest[finished_T]


def _of_last(pitch_N: Tensor, finished_T: Tensor) -> tuple[Tensor, Tensor]:
    """The same after one token, (1, C) and (1,), without sorting."""
    pitch_N = pitch_N[: int(finished_T)]
    same = _latest(pitch_N)
    transposed = [place + 1 if place else 0 for place in _latest(pitch_N.diff())]
    found = [place for both in zip(transposed, same, strict=True) for place in both if place]
    return pitch_N.new_tensor([[*same, *transposed]]), pitch_N.new_tensor(found[-1:] or [0])


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
