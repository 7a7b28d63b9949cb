"""Performances changed by chance before a model learns from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.errors import UserError
from ritornello.scores.score import IntArray
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.tokenizers.performance_changes import stretched, transposed_at_random, with_velocity


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
        if self.changes and level != PerformanceTokenizer.name:
            mend = "leave out transpose, stretch and velocity"
            raise UserError(f"{level} tokens cannot be changed on the fly", where="data", mend=mend)

    def of(self, ids: IntArray, random: np.random.Generator) -> IntArray:
        """A piece or a passage of the performance scheme, changed."""
        ids = transposed_at_random(ids, self.transpose, random)
        factor = self.stretch[int(random.integers(len(self.stretch)))] if self.stretch else 1
        bins = int(random.integers(-self.velocity, self.velocity + 1))
        ids = stretched(ids, factor) if factor != 1 else ids
        return with_velocity(ids, bins) if bins else ids
