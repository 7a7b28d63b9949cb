"""Round times for an axis in seconds, and their names: ``20 s`` in a short piece, ``2:30`` in one of minutes."""

from __future__ import annotations

import math

STEPS_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600)


def time_ticks(seconds: float, most: int) -> tuple[list[float], list[str]]:
    """At most about ``most`` round times from 0 to ``seconds``, and their names."""
    step = next((step for step in STEPS_SECONDS if seconds / step <= most), STEPS_SECONDS[-1])
    times = [number * step for number in range(math.floor(seconds / step + 1e-9) + 1)]
    return times, [time_name(time) if seconds >= 60 else f"{time:.3g} s" for time in times]


def time_name(seconds: float) -> str:
    """Minutes and seconds, ``2:05``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
