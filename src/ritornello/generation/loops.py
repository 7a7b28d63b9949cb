"""A guard against bars that repeat themselves for ever, into which a model falls that is told what it heard before.

As with performances (``guards.py``), the limit was chosen wide, so that what people write seldom meets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ritornello.tokenizers.bars_words import BAR, FAMILY_V, PITCH, POSITION

MAX_EQUAL_BARS = 4
"""Bars in a row that may be equal, all parts, to those one period before."""
PERIODS_BARS = (1, 2, 4)


@dataclass(slots=True)
class Loops:
    """How long the bars of a piece have repeated themselves exactly."""

    _bars: list[list[int]] = field(default_factory=lambda: [[]])
    """The tokens of the last ones, of the present one so far."""
    _runs: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PERIODS_BARS, 0))
    """Period -> how many of the last whole bars equal those one period before."""

    def copy(self) -> Loops:
        """One that can go another way."""
        return Loops([list(bar) for bar in self._bars], dict(self._runs))

    def feed(self, token: int) -> None:
        """The piece goes on with a token."""
        if FAMILY_V[token] != BAR:
            if token >= POSITION:  # not what is said once, such as the key
                self._bars[-1].append(token)
            return
        for period in PERIODS_BARS:
            is_again = len(self._bars) > period and self._bars[-1] == self._bars[-1 - period] != []
            self._runs[period] = self._runs[period] + 1 if is_again else 0
        self._bars = [*self._bars[-max(PERIODS_BARS) :], []]

    def forbidden(self) -> Iterator[int]:
        """The notes with which one more bar would begin as the one before it in a loop that lasts long enough."""
        now = self._bars[-1]
        for period, run in self._runs.items():
            if run >= MAX_EQUAL_BARS:
                before = self._bars[-1 - period]
                if before[: len(now)] == now and len(before) > len(now) and FAMILY_V[before[len(now)]] == PITCH:
                    yield before[len(now)]
