"""Round places on an axis and their names: times such as ``20 s`` or ``2:30``, and plain numbers."""

from __future__ import annotations

import math

STEPS_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600)
_ROUNDING = 1e-9


def time_ticks(seconds: float, most: int) -> tuple[list[float], list[str]]:
    """About ``most`` round times from 0 to ``seconds`` or fewer, and their names: minutes from one minute on."""
    step = next((step for step in STEPS_SECONDS if seconds / step <= most), STEPS_SECONDS[-1])
    times = [number * step for number in range(math.floor(seconds / step + _ROUNDING) + 1)]
    return times, [time_name(time) if seconds >= 60 else f"{time:.3g} s" for time in times]


def time_name(seconds: float) -> str:
    """Minutes and seconds, ``2:05``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``, which must be greater: at most one more than ``most``."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((step * power for step in (1, 2, 2.5, 5) if step * power >= rough * (1 - _ROUNDING)), 10 * power)
    first, last = math.ceil(low / step - _ROUNDING), math.floor(high / step + _ROUNDING)
    return [number * step for number in range(first, last + 1)]
