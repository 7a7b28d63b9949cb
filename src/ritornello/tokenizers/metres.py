"""The metres and key signatures that the token schemes know, with their names as tokens.

All metres of Bach's chorales and those that occur in longer Bach and in songs; every bar is a whole number of 16ths.
"""

from __future__ import annotations

from ritornello.form.grid import FRAMES_PER_BEAT

METRES: tuple[str, ...] = (
    *("2/2", "3/2", "4/2", "6/2"),
    *("1/4", "2/4", "3/4", "4/4", "5/4", "6/4", "7/4", "8/4", "9/4"),
    *("3/8", "4/8", "5/8", "6/8", "7/8", "9/8", "12/8"),
    *("3/16", "6/16", "9/16", "12/16", "24/16"),
)
MAX_PICKUP_FRAMES = 47
"""One frame less than the longest bar (6/2)."""

METRE_TOKENS = tuple(f"METRE_{metre}" for metre in METRES)
PICKUP_TOKENS = tuple(f"PICKUP_{frames}" for frames in range(MAX_PICKUP_FRAMES + 1))
FIFTHS_TOKENS = tuple(f"FIFTHS_{fifths}" for fifths in range(-7, 8))
MODE_TOKENS = ("MODE_major", "MODE_minor")


def bar_frames(metre: str) -> int:
    """Length of a bar of ``metre`` ('6/8') in frames."""
    numerator, denominator = map(int, metre.split("/"))
    return numerator * 4 * FRAMES_PER_BEAT // denominator
