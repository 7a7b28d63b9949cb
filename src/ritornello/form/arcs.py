"""Arcs of a section: whether the soprano climbs and whether the notes grow denser."""

from __future__ import annotations

import numpy as np

from ritornello.form.grid import Range
from ritornello.form.plan import Direction
from ritornello.form.voices import REST, Frames

REGISTER_SEMITONES = 1.5
"""Change of the fitted soprano line from the section's first to its last frame that counts."""
DENSITY_RATIO = 1.15
"""Notes in the second half against the first half that count as denser."""


def register_arc(frames: Frames, section: Range) -> Direction:
    """Direction of the straight line through the soprano."""
    line = frames.pitch[slice(*section), 0]
    at = np.flatnonzero(line != REST)
    if len(at) < 2 or at[0] == at[-1]:
        return "level"
    slope = np.polyfit(at, line[at], 1)[0]
    change = float(slope) * (section[1] - section[0])
    return "rising" if change > REGISTER_SEMITONES else "falling" if change < -REGISTER_SEMITONES else "level"


def density_arc(frames: Frames, section: Range) -> Direction:
    """Notes that begin in the second half of the section against those in the first half."""
    begins = frames.struck[slice(*section)].sum(axis=1)
    half = len(begins) // 2
    first, second = int(begins[:half].sum()), int(begins[len(begins) - half :].sum())
    if second > first * DENSITY_RATIO:
        return "rising"
    return "falling" if second * DENSITY_RATIO < first else "level"
