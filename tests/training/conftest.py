"""A tiny model and a tiny prepared folder, so that training is tested in seconds and without corpora."""

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
from ritornello.data.corpora.base import Corpus, Piece
from ritornello.data.corpora.jsb_chorales import score_from_frames
from ritornello.data.prepare import prepare
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


def toy_pieces(_root: Path | None = None) -> Iterator[Piece]:
    """Fifteen four-voice random walks of 8 to 40 sixteenths."""
    random = np.random.default_rng(7)
    for index in range(15):
        num_frames = int(random.integers(8, 41))
        steps = random.integers(-2, 3, (num_frames, 4)) * (random.random((num_frames, 4)) < 0.4)
        table = np.array([72, 65, 58, 48]) + np.cumsum(steps, axis=0).clip(-9, 9)
        frames = tuple(tuple(int(p) for p in row) for row in table)
        split = "validation" if index % 5 == 4 else "train"
        sha256 = hashlib.sha256(repr(frames).encode()).hexdigest()
        yield Piece(f"toy-{index}", f"toy-{index}", split, sha256, partial(score_from_frames, frames, f"toy-{index}"))


TOY = Corpus("toy", "none", toy_pieces)


@pytest.fixture(scope="session")
def prepared_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of the toy corpus, notes only."""
    folder = tmp_path_factory.mktemp("prepared") / "toy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CORPORA, "toy", TOY)
        prepare("toy", folder, with_plan=False)
    return folder


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
