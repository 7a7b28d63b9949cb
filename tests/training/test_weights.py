"""Weights folders: what is written is read, what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.training.build import build_model
from ritornello.training.evaluate import evaluate
from ritornello.training.weights import find_weights, load_weights, save_weights


@pytest.fixture
def data(prepared_toy: Path) -> PreparedLevel:
    return PreparedLevel(prepared_toy, "notes")


@pytest.fixture
def saved(tmp_path: Path, data: PreparedLevel) -> tuple[Path, nn.Module]:
    model = build_model("tiny", {"width": 8}, vocabulary_size=data.vocabulary_size)
    save_weights(tmp_path / "weights", "tiny", model, data, {"step": 3})
    return tmp_path / "weights", model


def test_what_is_saved_is_loaded(saved: tuple[Path, nn.Module], data: PreparedLevel) -> None:
    folder, model = saved
    found = load_weights(folder, data.vocabulary_hash)
    assert found.config == model.config
    assert not found.training
    assert all(torch.equal(tensor, found.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_loading_leaves_the_random_state_alone(saved: tuple[Path, nn.Module]) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load_weights(saved[0])
    assert torch.equal(torch.rand(3), expected)


def test_another_vocabulary_is_refused(saved: tuple[Path, nn.Module]) -> None:
    with pytest.raises(UserError, match="made for vocabulary"):
        load_weights(saved[0], "0" * 16)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model", "nonsense", "no such model"),
        ("config", {"width": 9, "vocabulary_size": 158}, "do not fit"),
        ("config", {"width": 8, "vocabulary_size": 158, "colour": 1}, "model.config.colour"),
        ("format", 99, "format 99"),
        ("sha256", {"weights.safetensors": "0" * 64}, "damaged"),
    ],
)
def test_what_does_not_fit_is_one_line(saved: tuple[Path, nn.Module], key: str, value: object, said: str) -> None:
    file = saved[0] / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    with pytest.raises(UserError, match=said) as caught:
        load_weights(saved[0])
    assert "\n" not in str(caught.value)


def test_a_run_names_its_weights(tmp_path: Path, saved: tuple[Path, nn.Module]) -> None:
    assert find_weights(saved[0]) == saved[0]
    assert find_weights(saved[0].parent) == saved[0]
    with pytest.raises(UserError, match="no weights yet"):
        find_weights(tmp_path / "empty")


def test_evaluate_prints_every_protocol(saved: tuple[Path, nn.Module], prepared_toy: Path) -> None:
    lines = evaluate(saved[0], prepared_toy).splitlines()
    assert len(lines) == 3
    assert "no plan): voices " in lines[1]
    assert "mixture of transpositions -3 to 3" in lines[2]
