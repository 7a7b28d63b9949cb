"""Models of a few lines in place of trained ones."""

from typing import Any, NamedTuple

import numpy as np
import torch

from ritornello.form.style import Style
from ritornello.generation.levels import Levels, vocabularies_of


class _State(NamedTuple):
    total_B: torch.Tensor


class RandomModel:
    """Logits drawn by the sum of all ids so far, so that they depend on the past and on nothing else."""

    config = None

    def __init__(self, vocabulary_size: int, spread: float = 1.0) -> None:
        self.size, self.spread, self.num_steps = vocabulary_size, spread, 0

    def new_state(self, batch_size: int) -> _State:
        return _State(torch.zeros(batch_size, dtype=torch.long))

    def forward(self, ids_BT: torch.Tensor, state: Any = None, conditions: Any = None) -> tuple[torch.Tensor, _State]:
        assert conditions.channels_BTC.shape[:2] == ids_BT.shape == conditions.source_BT.shape
        self.num_steps += 1
        sums = state.total_B[:, None] + ids_BT.cumsum(1)
        rows = [[np.random.default_rng(total).normal(size=self.size) for total in row] for row in sums.tolist()]
        return torch.tensor(np.array(rows), dtype=torch.float32) * self.spread, _State(sums[:, -1])


def mock_levels(spread: float = 1.0, style: Style = "chorale") -> Levels:
    """Three random models."""
    vocabularies = vocabularies_of(style)
    return Levels(**{name: RandomModel(len(vocabulary), spread) for name, vocabulary in vocabularies.items()})
