"""The LSTM's sizes."""

from __future__ import annotations

import pytest

from ritornello.errors import UserError
from ritornello.models.lstm import Lstm, LstmConfig
from ritornello.training.build import build_model


def test_counts_its_parameters() -> None:
    model = Lstm(LstmConfig(vocabulary_size=11, width=6, num_layers=2))
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


def test_its_state_does_not_grow() -> None:
    model = Lstm(LstmConfig(vocabulary_size=11, width=6, num_layers=2))
    assert model.state_bytes(3, 0) == model.state_bytes(3, 10**6) == 3 * 2 * 2 * 6 * 4


def test_impossible_sizes_are_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"parameters are too many \(limit: 2147483648\)"):
        build_model("lstm", {"vocabulary_size": 11, "width": 2**20})
