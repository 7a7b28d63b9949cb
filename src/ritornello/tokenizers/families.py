"""Families of tokens: ``BARS_1`` ... ``BARS_64`` stand in a row in the vocabulary and differ in one value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ritornello.tokenizers.base import Vocabulary


@dataclass(frozen=True, slots=True)
class Family:
    """Ids ``first`` to ``first + len(values) - 1``; id ``first + i`` means ``values[i]``."""

    first: int
    values: tuple[str, ...]

    @classmethod
    def of(cls, vocabulary: Vocabulary, prefix: str) -> Family:
        """All tokens ``prefix_...``; they must be neighbours."""
        ids = [i for i, name in enumerate(vocabulary.names) if name.startswith(f"{prefix}_")]
        assert ids == list(range(ids[0], ids[-1] + 1)), prefix
        return cls(ids[0], tuple(vocabulary.names[i].removeprefix(f"{prefix}_") for i in ids))

    def id(self, value: object) -> int:
        """The token with this value."""
        return self.first + self.values.index(str(value))

    def value(self, token: int) -> str:
        """The value of a token of the family."""
        return self.values[token - self.first]

    def number(self, token: int) -> int:
        """The value of a token of the family whose values are numbers."""
        return int(self.values[token - self.first])

    def __contains__(self, token: int) -> bool:
        return self.first <= token < self.first + len(self.values)

    @property
    def all(self) -> range:
        """All ids."""
        return range(self.first, self.first + len(self.values))


def mask_of(size: int, ids: Iterable[int]) -> NDArray[np.bool_]:
    """A mask (size,) that is true at ``ids``."""
    mask = np.zeros(size, dtype=bool)
    mask[list(ids)] = True
    return mask
