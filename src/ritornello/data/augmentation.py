"""Music changed by chance before a model learns from it: performances in all ways, bars transposed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.errors import UserError
from ritornello.scores.score import IntArray
from ritornello.tokenizers import bars_changes, performance_changes
from ritornello.tokenizers.bars import BarsTokenizer, EvenBarsTokenizer
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.tokenizers.performance_changes import stretched, with_velocity

_IN_BARS = (BarsTokenizer.name, EvenBarsTokenizer.name)


class Augmentation(NamedTuple):
    """What is drawn, each evenly; by default nothing is changed."""

    transpose: tuple[int, int] = (0, 0)
    """Lowest and highest transposition in semitones, of those that keep the pitches on the keyboard."""
    stretch: tuple[float, ...] = ()
    """Factors of time; none = as played."""
    velocity: int = 0
    """Up to so many velocity bins louder or softer."""

    @property
    def changes(self) -> bool:
        """Whether anything can come out changed."""
        return self != Augmentation()

    def check(self, level: str) -> None:
        """Raises UserError when the tokens of this level cannot be changed as it asks."""
        if self.changes and level not in (PerformanceTokenizer.name, *_IN_BARS):
            mend = "leave out transpose, stretch and velocity"
            raise UserError(f"{level} tokens cannot be changed on the fly", where="data", mend=mend)
        if (self.stretch or self.velocity) and level != PerformanceTokenizer.name:
            raise UserError(f"{level} tokens can only be transposed", where="data", mend="leave out stretch, velocity")

    def of(self, ids: IntArray, random: np.random.Generator, level: str = PerformanceTokenizer.name) -> IntArray:
        """A piece or a passage of a level that ``check`` lets through, changed."""
        ids = transposed_at_random(ids, self.transpose, random, level)
        factor = self.stretch[int(random.integers(len(self.stretch)))] if self.stretch else 1
        bins = int(random.integers(-self.velocity, self.velocity + 1))
        ids = stretched(ids, factor) if factor != 1 else ids
        return with_velocity(ids, bins) if bins else ids


def transposed_at_random(
    ids: IntArray, semitones: tuple[int, int], random: np.random.Generator, level: str
) -> IntArray:
    """Moves all pitches by one of the whole numbers from the lower to the higher that are possible, all equally likely.

    Nothing is moved where none is possible.
    """
    transposed = bars_changes.transposed if level in _IN_BARS else performance_changes.transposed
    lowest, highest = semitones
    tried = (transposed(ids, int(step)) for step in random.permutation(np.arange(lowest, highest + 1)))
    return next((moved for moved in tried if moved is not None), ids)
