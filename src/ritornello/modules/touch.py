"""A keyboard as input, and what it says about the event to come.

The layers of the keyboard around any causal stack: ``KeyboardInput`` turns what is known after a token into
a vector, ``KeyboardHead`` adds to the logits of every event what its own pitch, time or velocity makes likely:
how long a key has been held, how far it lies from the last notes, how long ago something began. These terms are
relative in pitch and time, so what is learned at one place of the keyboard holds at all.

Shapes: B batch, T tokens, D width, P pitches, V vocabulary, R recent notes, S recent velocities, N spans.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.modules.features import FeatureSum
from ritornello.modules.keyboard import (
    NUM_EVENTS,
    NUM_PITCHES,
    NUM_RECENT_NOTES,
    NUM_RECENT_VELOCITIES,
    NUM_SHIFTS,
    NUM_VELOCITIES,
    PASSED_OVER,
    Keyboard,
)

SPANS_STEPS = (1, 2, 4, 6, 8, 11, 14, 18, 23, 29, 36, 45, 57, 72, 90, 113, 142, 179, 225, 284, 358, 451, 568, 800,
               1200, 2000, 4000)  # fmt: skip
"""Upper ends (included) of the classes of a span of time, in steps of 10 ms; one more class lies above."""
NUM_SPANS = len(SPANS_STEPS) + 1
FADES_STEPS = (25.0, 200.0)
"""Times in which the trace of a struck key falls to 1/e."""
NUM_INTERVALS = 2 * NUM_PITCHES - 1
NUM_STEPS_OF_VELOCITY = 2 * NUM_VELOCITIES - 1
NUM_HEARD_NOTES = 4
"""From so many recent notes the next one's interval is counted."""
FINE_WAIT_STEPS, NUM_WAITS = 120, 160
"""Waits since the last onset are told apart step by step up to 1.2 s, then by about a fourteenth of an octave."""
_RECENT_SIZES = [
    NUM_PITCHES,
    *[NUM_INTERVALS] * (NUM_RECENT_NOTES - 1),
    *[NUM_SPANS] * NUM_RECENT_NOTES,
    *[NUM_VELOCITIES] * NUM_RECENT_VELOCITIES,
]
TERM_SIZES = [
    *(NUM_SPANS, PASSED_OVER + 1),  # of a release: how long the key was held, and its place in the order
    *(NUM_SPANS, NUM_SPANS),  # of an onset: how long ago the key was released, and struck
    *[NUM_INTERVALS] * NUM_HEARD_NOTES,
    NUM_WAITS,
    *[NUM_STEPS_OF_VELOCITY] * NUM_RECENT_VELOCITIES,
]
IMPOSSIBLE = -30.0
"""Logit of striking a key that sounds and of releasing one that does not: finite, so that any ids can be scored."""


def span_class(steps: Tensor) -> Tensor:
    """Class (int64, 0 to NUM_SPANS - 1) of spans of time in steps; same shape."""
    return torch.bucketize(steps, torch.tensor(SPANS_STEPS, dtype=steps.dtype, device=steps.device))


class KeyboardInput(nn.Module):
    """What is known after a token, as a vector to add to the token's own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.keys = nn.Linear((1 + len(FADES_STEPS)) * NUM_PITCHES, width, bias=False)
        self.keys_around = nn.Linear(2 * NUM_PITCHES, width, bias=False)
        self.recent = FeatureSum(_RECENT_SIZES, width, scale=0.1)

    @staticmethod
    def num_parameters(width: int) -> int:
        """Exactly."""
        return width * ((3 + len(FADES_STEPS)) * NUM_PITCHES + 1 + sum(_RECENT_SIZES))

    def forward(self, known: Keyboard) -> Tensor:
        """Vectors (B, T, D)."""
        like = self.keys.weight
        held = known.held_steps_BTP.to(like.dtype)
        sounding = known.sounding_BTP.to(like.dtype)
        traces = [torch.exp(held / -fade) for fade in FADES_STEPS]
        newest_BT1 = known.recent_pitch_BTR[..., :1]
        around = [_seen_from(newest_BT1, row_BTP) for row_BTP in (sounding, traces[-1])]
        intervals = newest_BT1 - known.recent_pitch_BTR[..., 1:] + NUM_PITCHES - 1
        features = [newest_BT1, intervals, span_class(known.recent_steps_BTR), known.recent_velocity_BTS]
        return (
            self.keys(torch.cat([sounding, *traces], dim=-1))
            + self.keys_around(torch.cat(around, dim=-1))
            + self.recent(torch.cat(features, dim=-1))
        )


class KeyboardHead(nn.Module):
    """Logits of the next event: from the state of the stack alone, and from what each event would do."""

    def __init__(self, width: int, num_specials: int) -> None:
        super().__init__()
        self.num_specials = num_specials
        self.head = nn.Linear(width, num_specials + NUM_EVENTS)
        self.terms_head = nn.Linear(width, sum(TERM_SIZES))
        for linear in (self.head, self.terms_head):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        waits = torch.arange(20 * FINE_WAIT_STEPS)
        coarse = FINE_WAIT_STEPS + ((waits.clamp(min=FINE_WAIT_STEPS) / FINE_WAIT_STEPS).log2() * 9.8).long()
        classes = torch.where(waits < FINE_WAIT_STEPS, waits, coarse).clamp(max=NUM_WAITS - 1)
        self.register_buffer("wait_class", classes, persistent=False)
        self.wait_class: Tensor

    @staticmethod
    def num_parameters(width: int, num_specials: int) -> int:
        """Exactly."""
        return (width + 1) * (num_specials + NUM_EVENTS + sum(TERM_SIZES))

    def forward(self, x_BTD: Tensor, known: Keyboard) -> Tensor:
        """Logits (B, T, V), in float32 at least."""
        plain_BTV = self.head(x_BTD)
        accurate = torch.promote_types(plain_BTV.dtype, torch.float32)
        terms = iter(self.terms_head(x_BTD).to(accurate).split(TERM_SIZES, dim=-1))
        sizes = [self.num_specials, NUM_PITCHES, NUM_PITCHES, NUM_SHIFTS, NUM_VELOCITIES]
        specials, begin, end, wait, velocity = plain_BTV.to(accurate).split(sizes, dim=-1)
        held, released = span_class(known.held_steps_BTP), span_class(known.released_steps_BTP)
        end = end + next(terms).gather(-1, held) + next(terms).gather(-1, known.place_BTP)
        begin = begin + next(terms).gather(-1, released) + next(terms).gather(-1, held)
        pitches = torch.arange(NUM_PITCHES, device=x_BTD.device)
        for note in range(NUM_HEARD_NOTES):
            intervals = pitches - known.recent_pitch_BTR[..., note, None] + NUM_PITCHES - 1
            begin = begin + next(terms).gather(-1, intervals)
        waits = known.recent_steps_BTR[..., :1] + torch.arange(1, NUM_SHIFTS + 1, device=x_BTD.device)
        wait = wait + next(terms).gather(-1, self.wait_class[waits.clamp(max=len(self.wait_class) - 1)])
        velocities = torch.arange(NUM_VELOCITIES, device=x_BTD.device)
        for back in range(NUM_RECENT_VELOCITIES):
            changes = velocities - known.recent_velocity_BTS[..., back, None] + NUM_VELOCITIES - 1
            velocity = velocity + next(terms).gather(-1, changes)
        begin = begin.masked_fill(known.sounding_BTP, IMPOSSIBLE)
        end = end.masked_fill(~known.sounding_BTP, IMPOSSIBLE)
        return torch.cat([specials, begin, end, wait, velocity], dim=-1)


def _seen_from(pitch_BT1: Tensor, row_BTP: Tensor) -> Tensor:
    """The row moved so that ``pitch`` stands in the middle; nothing lies beyond the keyboard."""
    places = torch.arange(-NUM_PITCHES // 2, NUM_PITCHES // 2, device=pitch_BT1.device) + pitch_BT1
    inside = (places >= 0) & (places < NUM_PITCHES)
    return row_BTP.gather(-1, places.clamp(0, NUM_PITCHES - 1)) * inside
