"""As many notes in a bar as a plan asks for: where too few were written, a pen moves on less readily, and back.

Wherever another note may stand here or the music go to a later place, the odds of going are lowered while the last bars
lack notes, the more the farther it would go, up to a beat, and raised while they have too many. Which note, and for how
long, stays the model's own; so do parts and form. Each bar may be as it likes: what counts are the last sixteen.

**Source**: ours; a proportional controller, as that of a text's surprise in Mirostat (arXiv 2007.14966).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.grid import section_ranges, to_frames
from ritornello.form.plan import Plan
from ritornello.tokenizers.bars_conditions import STEPS_PER_FRAME
from ritornello.tokenizers.bars_cursor import BarsCursor
from ritornello.tokenizers.bars_words import BAR, LENGTH, NUM_TOKENS, POSITION, STEPS_PER_BEAT, TEMPO

NATS_PER_BAR = 1.0
"""By how much the odds of moving on by a beat change for each bar's worth of notes that lacks or is too much."""
MOST_NATS = 2.0
BARS_COUNTED = 16


class Density(NamedTuple):
    """So many notes in each bar from one place of a piece on."""

    notes_per_bar: float
    start_step: int
    """From there on they are counted."""
    bar_steps: int

    def counted_from(self, now_step: int) -> int:
        """The step from which notes are counted when the piece has come to another."""
        return max(self.start_step, now_step - BARS_COUNTED * self.bar_steps)

    def haste(self, now_step: int, num_notes: int) -> float:
        """Nats by which moving on by a beat becomes likelier: below 0 where there are too few of those counted."""
        bars = (now_step - self.counted_from(now_step)) / self.bar_steps
        return float(np.clip(NATS_PER_BAR * (num_notes / self.notes_per_bar - bars), -MOST_NATS, MOST_NATS))


def density_from(plan: Plan, step: int) -> Density | None:
    """What the plan asks of what begins there: the section's own, else the whole piece's; None = nothing.

    Metre, pickup and sections must be set.
    """
    bar_steps = to_frames(plan.bar_beats) * STEPS_PER_FRAME
    for section, (start, end) in zip(plan.sections or (), section_ranges(plan), strict=True):
        if section.notes_per_bar is not None and start * STEPS_PER_FRAME <= step < end * STEPS_PER_FRAME:
            return Density(section.notes_per_bar, start * STEPS_PER_FRAME, bar_steps)
    return None if plan.notes_per_bar is None else Density(plan.notes_per_bar, 0, bar_steps)


def leaps(cursor: BarsCursor) -> NDArray[np.float64]:
    """How far each token (V,) leads from here, in beats, at most one."""
    beats = np.zeros(NUM_TOKENS)
    now = max(0, cursor.position_steps)
    beats[BAR:LENGTH] = cursor.bar_steps - now
    beats[POSITION:TEMPO] = np.arange(TEMPO - POSITION) - now
    return np.clip(beats / STEPS_PER_BEAT, 0, 1)
