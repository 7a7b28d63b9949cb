"""Learning rate as a share of the peak, as pure functions of the step (1 = the first)."""

from __future__ import annotations

import math
from collections.abc import Callable

from ritornello.training.recipe import ScheduleOptions

Schedule = Callable[[int], float]


def make_schedule(options: ScheduleOptions, steps: int) -> Schedule:
    """The schedule that a recipe names, for a run of ``steps`` steps."""
    if options.name == "noam":
        return lambda step: noam(step, options.warmup_steps)
    return lambda step: cosine(step, options.warmup_steps, steps, options.final_fraction)


def cosine(step: int, warmup_steps: int, steps: int, final_fraction: float) -> float:
    """Rises linearly to 1, then falls along half a cosine to ``final_fraction`` at the last step."""
    if step < warmup_steps:
        return step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return final_fraction + (1 - final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))


def noam(step: int, warmup_steps: int) -> float:
    """Rises linearly to 1, then falls with the square root of the step.

    **Source**: Vaswani et al. 2017 (arXiv 1706.03762), equation 3, scaled so that the peak is 1.
    """
    return min(step / warmup_steps, math.sqrt(warmup_steps / step))
