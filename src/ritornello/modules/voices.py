"""From hold, rest and strike to what every voice is doing: which pitch, since when, reached by which leap.

Shapes: B batch, F frames, V voices.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

HOLD = -1
SILENCE = 0
NO_LEAP = -128


class Voices(NamedTuple):
    """What the voices do in every frame; without the dimension F, in the last frame heard."""

    pitch_BFV: Tensor
    """What sounds: 1 + pitch index, or SILENCE."""
    age_BFV: Tensor
    """Frames since it began; 0 where it begins."""
    leap_BFV: Tensor
    """Semitones from the note before to this one; NO_LEAP after or in silence."""


def silent_voices(batch_size: int, num_voices: int, device: torch.device) -> Voices:
    """Before the first frame."""
    zeros = torch.zeros(batch_size, num_voices, dtype=torch.int64, device=device)
    return Voices(zeros, zeros, torch.full_like(zeros, NO_LEAP))


def follow(events_BFV: Tensor, before: Voices) -> Voices:
    """Follows the voices through frames.

    Args:
        events_BFV: HOLD, SILENCE (a rest begins), or 1 + the pitch index that is struck.
        before: (B, V) as they were.
    """
    _, F, _ = events_BFV.shape
    frames_F1 = torch.arange(1, F + 1, device=events_BFV.device)[:, None]
    # index 0 stands for what was before; index f + 1 for frame f
    latest_BFV = torch.where(events_BFV == HOLD, 0, frames_F1).cummax(dim=1).values
    pitch_BFV = torch.cat([before.pitch_BFV[:, None], events_BFV], dim=1).gather(1, latest_BFV)
    age_BFV = frames_F1 - latest_BFV + torch.where(latest_BFV == 0, before.age_BFV[:, None], 0)
    previous_BFV = torch.cat([before.pitch_BFV[:, None], pitch_BFV[:, :-1]], dim=1)
    sounding = (previous_BFV != SILENCE) & (pitch_BFV != SILENCE)
    leaps_BFV = torch.where(sounding, pitch_BFV - previous_BFV, NO_LEAP)
    leap_BFV = torch.cat([before.leap_BFV[:, None], leaps_BFV], dim=1).gather(1, latest_BFV)
    return Voices(pitch_BFV, age_BFV, leap_BFV)
