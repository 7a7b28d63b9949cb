"""A tiny model, so that training is tested in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ritornello.models import MODELS
from ritornello.models.base import Conditions, ModelConfig
from ritornello.training.recipe import Recipe, parse_recipe


class TinyConfig(ModelConfig):
    """Numbers of TinyGru."""

    vocabulary_size: int
    condition_sizes: tuple[int, ...] = ()
    width: int = 12
    dropout: float = 0.2


class TinyGru(nn.Module):
    """One GRU layer under the contract of LanguageModel; its dropout draws random numbers."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.channels = nn.ModuleList(nn.Embedding(size, config.width) for size in config.condition_sizes)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.width, config.width, batch_first=True)
        self.head = nn.Linear(config.width, config.vocabulary_size)

    def new_state(self, batch_size: int) -> Tensor:
        return torch.zeros(1, batch_size, self.config.width)

    def forward(
        self, ids_BT: Tensor, state: Tensor | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, Tensor]:
        hidden = self.embedding(ids_BT)
        if conditions is not None:
            hidden = hidden + sum(table(conditions.channels_BTC[..., c]) for c, table in enumerate(self.channels))
        hidden, state = self.gru(self.dropout(hidden), state)
        return self.head(hidden), state


@pytest.fixture(autouse=True)
def _tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", TinyGru)


@pytest.fixture
def tiny_recipe(prepared_toy: Path) -> Recipe:
    """Twelve steps of TinyGru, a checkpoint every three, an evaluation every four."""
    content: dict[str, Any] = {
        "model": {"name": "tiny"},
        "data": {"folder": str(prepared_toy), "batch_tokens": 500, "crop_tokens": 120, "transpose": [-2, 2]},
        "optimiser": {"learning_rate": 0.01},
        "schedule": {"warmup_steps": 3},
        "steps": 12,
        "evaluate_every": 4,
        "save_every": 3,
        "threads": 1,
    }
    return parse_recipe(content)
