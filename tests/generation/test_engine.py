"""The engine on a model of fifteen lines whose state is the sum of what it has read."""

from typing import Any, NamedTuple

import numpy as np
import torch

from ritornello.generation.engine import new_stream


class _State(NamedTuple):
    total_B1: torch.Tensor
    steps: int


class _Summing:
    """Logit v is v times the sum of all ids and channels so far."""

    config = None

    def new_state(self, batch_size: int) -> _State:
        return _State(torch.zeros(batch_size, 1), 0)

    def forward(self, ids_BT: torch.Tensor, state: Any = None, conditions: Any = None) -> tuple[torch.Tensor, _State]:
        steps = ids_BT + conditions.channels_BTC.sum(-1)
        sums = state.total_B1 + steps.cumsum(1)
        return sums[..., None] * torch.arange(5.0), _State(sums[:, -1:], state.steps + ids_BT.shape[1])


def _channels(batch: int, length: int) -> np.ndarray:
    return np.ones((batch, length, 2), dtype=np.int64)


def test_any_chunks_and_forks_give_the_same_logits() -> None:
    ids = np.array([[1, 2, 3, 4]])
    whole = new_stream(_Summing()).feed(ids, _channels(1, 4))
    part = new_stream(_Summing()).feed(ids[:, :1], _channels(1, 1))
    twice = part.fork([0, 0]).feed(np.array([[2, 3, 4], [0, 0, 0]]), _channels(2, 3))
    np.testing.assert_array_equal(twice.logits_BV[0], whole.logits_BV[0])
    assert whole.length == twice.length == 4
    assert twice.fork([1]).logits_BV[0, 1] == 9.0
    assert part.state.total_B1.tolist() == [[3.0]]  # a fork leaves its origin as it was
