"""A state of any model can be written down, read again and cut to its first rows, and the model goes on from it."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from ritornello.data.batch import Batch
from ritornello.models.base import Conditions
from ritornello.training.carried import CarriedStates
from tests.contracts.model_entries import ENTRIES, NUM_TOKENS, build, random_input


def _batch(ids_BT: Tensor) -> Batch:
    return Batch(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool), None, None, tuple(range(len(ids_BT))), goes_on=True)


@pytest.mark.parametrize("name", ENTRIES)
@torch.no_grad()
def test_a_state_can_be_written_down_and_taken_up(name: str) -> None:
    model = build(name, torch.float32)
    ids, conditions = random_input(name, 3, rows=3)
    for middle in (1, 6, 21, 40):
        before, after = (
            Conditions(*(tensor[:, part] for tensor in conditions))
            for part in (slice(middle), slice(middle, NUM_TOKENS))
        )
        _, state = model(ids[:, :middle], None, before)
        carried, again = CarriedStates(), CarriedStates()
        carried.keep(5, state)
        content, facts = save(carried.tensors()), json.dumps(carried.facts())
        again.restore(load(content), json.loads(facts), model.new_state(1), torch.device("cpu"))
        for rows in (3, 2):
            rest, known = ids[:rows, middle:], Conditions(*(tensor[:rows] for tensor in after))
            taken_up, _ = model(rest, again.before(5, _batch(rest)), known)
            expected, _ = model(rest, carried.before(5, _batch(rest)), known)
            assert torch.equal(taken_up, expected)
        undisturbed, _ = model(ids[:, middle:], state, after)
        assert (undisturbed[:2] - taken_up).abs().max() <= 1e-5
