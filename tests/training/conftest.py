"""A tiny model, so that training is tested in seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, Corpus, Piece
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.models import MODELS
from ritornello.models.base import Conditions, ModelConfig
from ritornello.scores.score import Notes, Part, Score, Tempo
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


def _performance(number: int) -> Score:
    """A random walk over the keyboard at 10 ms a tick; each piece is longer than the one before."""
    random = np.random.default_rng(number)
    count = 20 + 30 * number
    onsets = np.cumsum(random.integers(0, 30, count))
    pitches = 60 + np.cumsum(random.integers(-2, 3, count)).clip(-20, 20)
    notes = Notes.columns(onsets, random.integers(5, 60, count), pitches, random.integers(40, 90, count))
    return Score(50, (Part("piano", notes),), tempos=(Tempo(0, 120.0),))


def _performances(_root: Path | None = None) -> Iterator[Piece]:
    for number in range(12):
        split = {3: "validation", 6: "validation", 9: "validation", 7: "test"}.get(number, "train")
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        yield Piece(f"p{number}", f"p{number}", split, sha256, partial(_performance, number))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def prepared_performances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of made-up performances of 80 to 1,500 tokens."""
    folder = tmp_path_factory.mktemp("prepared") / "performances"
    with pytest.MonkeyPatch.context() as patch:
        corpus = Corpus("made_up", "none", _performances, PERFORMANCE_SCHEMES, "made up")
        patch.setitem(CORPORA, "made_up", corpus)
        prepare("made_up", folder, scheme="performance")
    return folder


@pytest.fixture
def performances(prepared_performances: Path) -> PreparedLevel:
    return PreparedLevel(prepared_performances, "performance")


@pytest.fixture
def performance_recipe(prepared_performances: Path) -> Recipe:
    """Twelve steps of a small Transformer."""
    model = {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 32, "window": 24}
    content: dict[str, Any] = {
        "model": {"name": "transformer", "config": model},
        "data": {
            "folder": str(prepared_performances),
            "level": "performance",
            "batch_tokens": 256,
            "window_tokens": 32,
        },
        "optimiser": {"learning_rate": 0.01},
        "schedule": {"warmup_steps": 3},
        "steps": 12,
        "evaluate_every": 4,
        "save_every": 3,
        "threads": 1,
    }
    return parse_recipe(content)
