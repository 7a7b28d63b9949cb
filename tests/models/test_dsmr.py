"""Dsmr: sizes, the memory a schedule may use, shorter memories of one set of weights, gates."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ritornello.errors import UserError
from ritornello.models.dsmr import Dsmr, DsmrConfig, Layer
from ritornello.modules.retention import SCHEDULES
from ritornello.training.build import build_model

SMALL: dict[str, Any] = {
    "vocabulary_size": 11, "width": 16, "num_layers": 3, "num_heads": 4, "feedforward_width": 24, "segment": 5
}  # fmt: skip


def small(**values: Any) -> Dsmr:
    torch.manual_seed(0)
    return Dsmr(DsmrConfig(**{**SMALL, **values})).eval()


@pytest.mark.parametrize("values", [{}, {"num_kv_heads": 1}, {"num_kv_heads": 2, "gates": "soft"}])
def test_counts_its_parameters(values: dict[str, Any]) -> None:
    model = small(**values)
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "full"])
def test_memory_is_bounded_by_the_budget_and_a_segment(schedule: str) -> None:
    model = small(schedule=schedule, budget=30)
    for num_tokens in (0, 4, 5, 99, 100, 10_003):
        remembered = model.config.remembered_positions(num_tokens)
        assert remembered <= 30
        own = 3 * (num_tokens % 5)
        assert model.state_bytes(2, num_tokens) == 2 * 4 * 2 * 16 * (remembered + own)


def test_few_heads_of_keys_and_values_are_fewer_bytes() -> None:
    full, fhcr = small(schedule="full"), small(schedule="full", num_kv_heads=1)
    assert full.state_bytes(1, 1000) == 4 * fhcr.state_bytes(1, 1000) == 4 * 2 * 16 * 3 * 1000


@torch.no_grad()
def test_limited_is_the_same_weights_under_another_schedule() -> None:
    model = small(schedule="full")
    ids = torch.randint(11, (1, 43))
    limited = model.limited(4)
    uniform = small(schedule="uniform", budget=12)
    uniform.load_state_dict(model.state_dict())
    assert torch.equal(limited(ids)[0], uniform(ids)[0])
    assert not torch.equal(limited(ids)[0], model(ids)[0])
    assert torch.equal(model.limited(43)(ids)[0], model(ids)[0])
    assert limited.embedding.weight.data_ptr() == model.embedding.weight.data_ptr()


def layers(model: Dsmr) -> list[Layer]:
    return [layer for layer in model.modules() if isinstance(layer, Layer)]


def set_gates(model: Dsmr, value: float) -> None:
    for layer in layers(model):
        assert layer.gate_H is not None
        layer.gate_H.data.fill_(value)


@torch.no_grad()
def test_an_open_gate_changes_nothing_and_a_closed_one_hears_nothing() -> None:
    ids = torch.randint(11, (1, 15))
    model, plain, alone = small(schedule="full", gates="straight_through"), small(schedule="full"), small(budget=0)
    for other in (plain, alone):
        other.load_state_dict(model.state_dict(), strict=False)
    set_gates(model, 0.1)
    assert torch.equal(model(ids)[0], plain(ids)[0])
    set_gates(model, -0.1)
    assert (model(ids)[0] - alone(ids)[0]).abs().max() < 1e-6
    soft = small(schedule="full", gates="soft")
    set_gates(soft, -20.0)
    assert (soft(ids)[0] - alone(ids)[0]).abs().max() < 1e-6


@pytest.mark.parametrize("gates", ["soft", "straight_through"])
def test_gates_learn_open_or_closed(gates: str) -> None:
    model = small(schedule="full", gates=gates, dropout=0.0).train()
    set_gates(model, -1.0)
    model(torch.randint(11, (1, 15)))[0][:, 10:].sum().backward()
    gradients = [layer.gate_H.grad for layer in layers(model) if layer.gate_H is not None]
    assert len(gradients) == 3
    assert all(gradient is not None and gradient.abs().min() > 0 for gradient in gradients)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "long"}, "no such schedule: 'long'"),
        ({"num_kv_heads": 3}, "num_kv_heads 3 does not divide num_heads 4"),
        ({"width": 18}, "num_heads 4 does not divide width 18"),
    ],
)
def test_impossible_values_are_one_clear_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_model("dsmr", {**SMALL, **values})
