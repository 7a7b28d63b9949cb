"""What an event stream says about the keyboard: which keys sound, since when, and what was just played.

An event model must find out by attention which of the NOTE_ONs behind it have not yet ended, and how
many TIME_SHIFTs ago they were. Both follow from the ids by counting. ``follow`` counts, for all
positions at once, from the past alone; what it hands on is a value of constant size.

Ids are those of the performance scheme: some first ids without music, then 128 NOTE_ON, 128 NOTE_OFF, 100
TIME_SHIFT (1 to 100 steps of 10 ms) and 32 VELOCITY. Any ids may come in any order.

Shapes: B batch, T tokens, P pitches, R recent notes, S recent velocities.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NUM_PITCHES, NUM_SHIFTS, NUM_VELOCITIES = 128, 100, 32
NUM_EVENTS = 2 * NUM_PITCHES + NUM_SHIFTS + NUM_VELOCITIES
NUM_RECENT_NOTES, NUM_RECENT_VELOCITIES = 8, 4
NEVER_STEPS = -(2**20)
"""The time of what has not happened: about three hours before the beginning."""
NEVER = -1
_MIDDLE_PITCH, _MIDDLE_VELOCITY = 60, 16
SILENT, NEXT_TO_END, MAY_END, PASSED_OVER = range(4)
"""Places of a key in the order in which notes end within one instant, which is the order in which they began."""


class KeyboardState(NamedTuple):
    """What is known after some tokens; int32 throughout, times in steps of 10 ms."""

    position: int
    """Number of tokens so far, the same for all rows."""
    clock_B: Tensor
    onset_steps_BP: Tensor
    """When each key was last struck, or ``NEVER_STEPS``."""
    release_steps_BP: Tensor
    onset_position_BP: Tensor
    """Which token struck it last, or ``NEVER``."""
    release_position_BP: Tensor
    recent_pitch_BR: Tensor
    """The last notes that began, newest first."""
    recent_steps_BR: Tensor
    recent_velocity_BS: Tensor
    """The last VELOCITY events, newest first."""


class Keyboard(NamedTuple):
    """What is known after each of T tokens; int64 where not said otherwise, times in steps of 10 ms."""

    sounding_BTP: Tensor
    """Bool."""
    held_steps_BTP: Tensor
    """Time since each key was last struck."""
    released_steps_BTP: Tensor
    """Time since each key was last released."""
    place_BTP: Tensor
    """SILENT, NEXT_TO_END, MAY_END or PASSED_OVER."""
    recent_pitch_BTR: Tensor
    recent_steps_BTR: Tensor
    """Time since each of the recent notes began."""
    recent_velocity_BTS: Tensor


STATE_BYTES = 4 * (1 + 4 * NUM_PITCHES + 2 * NUM_RECENT_NOTES + NUM_RECENT_VELOCITIES)
"""Of one row of a KeyboardState."""


def untouched_keyboard(batch_size: int, device: torch.device) -> KeyboardState:
    """The state before the first token."""

    def filled(value: int, *shape: int) -> Tensor:
        return torch.full((batch_size, *shape), value, dtype=torch.int32, device=device)

    return KeyboardState(
        position=0,
        clock_B=filled(0),
        onset_steps_BP=filled(NEVER_STEPS, NUM_PITCHES),
        release_steps_BP=filled(NEVER_STEPS, NUM_PITCHES),
        onset_position_BP=filled(NEVER, NUM_PITCHES),
        release_position_BP=filled(NEVER, NUM_PITCHES),
        recent_pitch_BR=filled(_MIDDLE_PITCH, NUM_RECENT_NOTES),
        recent_steps_BR=filled(NEVER_STEPS, NUM_RECENT_NOTES),
        recent_velocity_BS=filled(_MIDDLE_VELOCITY, NUM_RECENT_VELOCITIES),
    )


@torch.no_grad()
def follow(ids_BT: Tensor, state: KeyboardState, first_event: int) -> tuple[Keyboard, KeyboardState]:
    """What is known after each token, and the state after the last.

    Args:
        ids_BT: token ids.
        state: what was known before them.
        first_event: the id of NOTE_ON 0.
    """
    event_BT = (ids_BT - first_event).int()
    begins_BT = (event_BT >= 0) & (event_BT < NUM_PITCHES)
    ends_BT = (event_BT >= NUM_PITCHES) & (event_BT < 2 * NUM_PITCHES)
    shift_BT = event_BT - (2 * NUM_PITCHES - 1)
    shift_BT = torch.where((shift_BT >= 1) & (shift_BT <= NUM_SHIFTS), shift_BT, 0)
    clock_BT = state.clock_B[:, None] + shift_BT.cumsum(1, dtype=torch.int32)
    position_BT = state.position + torch.arange(ids_BT.shape[1], dtype=torch.int32, device=ids_BT.device)
    position_BT = position_BT.expand_as(event_BT)
    pitch_BT = (event_BT % NUM_PITCHES).long()  # of any other event it means nothing and is not used

    onset_steps = _latest(state.onset_steps_BP, begins_BT, pitch_BT, clock_BT)
    release_steps = _latest(state.release_steps_BP, ends_BT, pitch_BT, clock_BT)
    onset_position = _latest(state.onset_position_BP, begins_BT, pitch_BT, position_BT)
    release_position = _latest(state.release_position_BP, ends_BT, pitch_BT, position_BT)
    recent_pitch = _recent(state.recent_pitch_BR, begins_BT, pitch_BT.int())
    recent_steps = _recent(state.recent_steps_BR, begins_BT, clock_BT)
    velocity_BT = event_BT - (NUM_EVENTS - NUM_VELOCITIES)
    recent_velocity = _recent(
        state.recent_velocity_BS, (velocity_BT >= 0) & (velocity_BT < NUM_VELOCITIES), velocity_BT
    )

    sounding_BTP = onset_position > release_position
    ended_BT1 = torch.where(ends_BT[..., None], onset_position.gather(2, pitch_BT[..., None]), NEVER)
    known = Keyboard(
        sounding_BTP=sounding_BTP,
        held_steps_BTP=clock_BT[..., None] - onset_steps,
        released_steps_BTP=clock_BT[..., None] - release_steps,
        place_BTP=_places(sounding_BTP, onset_position, ended_BT1),
        recent_pitch_BTR=recent_pitch.long(),
        recent_steps_BTR=(clock_BT[..., None] - recent_steps).long(),
        recent_velocity_BTS=recent_velocity.long(),
    )
    columns = (
        onset_steps,
        release_steps,
        onset_position,
        release_position,
        recent_pitch,
        recent_steps,
        recent_velocity,
    )
    after = KeyboardState(state.position + ids_BT.shape[1], clock_BT[:, -1], *(column[:, -1] for column in columns))
    return known, after


def _latest(before_BP: Tensor, happens_BT: Tensor, pitch_BT: Tensor, value_BT: Tensor) -> Tensor:
    """The value of the last event of each key after each token (B, T, P); values never fall with time."""
    low = min(NEVER_STEPS, NEVER)
    table = before_BP.new_full((before_BP.shape[0], 1 + pitch_BT.shape[1], NUM_PITCHES), low)
    table[:, 0] = before_BP
    table[:, 1:].scatter_(2, pitch_BT[..., None], torch.where(happens_BT, value_BT, low)[..., None])
    return table.cummax(1).values[:, 1:]


def _recent(before_BR: Tensor, happens_BT: Tensor, value_BT: Tensor) -> Tensor:
    """The values of the last R events after each token (B, T, R), newest first."""
    (B, R), T = before_BR.shape, value_BT.shape[1]
    number_BT = R - 1 + happens_BT.cumsum(1)  # place of the newest event in the history, which begins with the past
    history = before_BR.new_empty(B, R + T + 1)
    history[:, :R] = before_BR.flip(1)
    history.scatter_(1, torch.where(happens_BT, number_BT, R + T), value_BT)  # the last place is for what is no event
    back_BTR = number_BT[..., None] - torch.arange(R, device=value_BT.device)
    return history.gather(1, back_BTR.flatten(1)).view(B, T, R)


def _places(sounding_BTP: Tensor, onset_position_BTP: Tensor, ended_BT1: Tensor) -> Tensor:
    """Places in the order of ending (B, T, P); ``ended`` is the onset position of a note that has just ended."""
    later_BTP = sounding_BTP & (onset_position_BTP > ended_BT1)
    last = torch.iinfo(torch.int32).max
    oldest_BT1 = torch.where(later_BTP, onset_position_BTP, last).amin(2, keepdim=True)
    place_BTP = torch.where(onset_position_BTP == oldest_BT1, NEXT_TO_END, torch.where(later_BTP, MAY_END, PASSED_OVER))
    return torch.where(sounding_BTP, place_BTP, SILENT)
