"""What the colours of a picture mean: signs with their names in lines above it, as many as its width asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ritornello.plotting.page import text_inches, words, write_at

POINTS, SIGN_POINTS = 8.0, 10.0
SIGN_INCHES, BETWEEN_INCHES = 0.16, 0.22
LINE_INCHES = 0.22


class Entry(NamedTuple):
    """One sign and what it stands for."""

    name: str
    colour: str
    sign: str = "■"


def legend_lines(entries: Sequence[Entry], room_inches: float) -> list[list[tuple[float, Entry]]]:
    """The entries in lines of at most ``room_inches``, each with its distance from the left; one line without any."""
    lines: list[list[tuple[float, Entry]]] = [[]]
    left = 0.0
    for entry in entries:
        width = SIGN_INCHES + text_inches(entry.name, POINTS)
        if lines[-1] and left + width > room_inches:
            lines.append([])
            left = 0.0
        lines[-1].append((left, entry))
        left += width + BETWEEN_INCHES
    return lines


def draw_legend(
    figure: Any, lines: Sequence[Sequence[tuple[float, Entry]]], left_inches: float, top_inches: float
) -> None:
    """Writes the lines of ``legend_lines`` downwards from ``top_inches`` above the lower edge of the figure."""
    for number, line in enumerate(lines):
        middle = top_inches - (number + 0.5) * LINE_INCHES
        for left, entry in line:
            write_at(figure, left_inches + left, middle, entry.sign, **words(SIGN_POINTS, entry.colour))
            write_at(figure, left_inches + left + SIGN_INCHES, middle, entry.name, **words(POINTS))
