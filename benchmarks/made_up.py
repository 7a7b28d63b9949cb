"""Made-up music for benchmarks that need data but no music: random walks, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import CHORALE_SCHEMES, PERFORMANCE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.jsb_chorales import score_from_frames
from ritornello.data.prepare import prepare
from ritornello.scores.score import Notes, Part, Score, Tempo

_NOTES_CONFIG = {"width": 16, "num_layers": 1, "num_heads": 2, "feedforward_width": 32, "slot_width": 16}
_EVENTS_CONFIG = {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 32, "window": 24, "dropout": 0.1}
KINDS: dict[str, dict[str, Any]] = {
    "chorales": {
        "model": {"name": "notes", "config": _NOTES_CONFIG},
        "data": {"level": "notes", "batch_tokens": 400, "transpose": [-2, 2]},
    },
    "performances": {
        "model": {"name": "transformer", "config": _EVENTS_CONFIG},
        "data": {
            "level": "performance",
            "batch_tokens": 256,
            "window_tokens": 32,
            "transpose": [-3, 3],
            "stretch": [0.95, 1.0, 1.05],
            "velocity": 1,
        },
    },
    "streams": {
        "model": {"name": "transformer", "config": _EVENTS_CONFIG},
        "data": {
            "level": "performance",
            "segmentation": "streamed",
            "batch_tokens": 64,
            "window_tokens": 32,
            "transpose": [-3, 3],
        },
        "accumulate": 2,
    },
}
"""Tiny models and what they read, as parts of a recipe."""


def write_recipe(kind: str, folder: Path, **values: Any) -> Path:
    """Prepares made-up music in ``folder`` and writes a recipe for it, with ``values`` beside model and data."""
    pieces, schemes = (_chorales, CHORALE_SCHEMES) if kind == "chorales" else (_performances, PERFORMANCE_SCHEMES)
    CORPORA["made_up"] = Corpus("made_up", "none", pieces, schemes, "made up")
    prepare("made_up", folder / "data", scheme="chorale_notes" if kind == "chorales" else "performance")
    parts = KINDS[kind]
    content = {**parts, "data": {**parts["data"], "folder": str(folder / "data")}, "threads": 1, **values}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content))
    return folder / "recipe.yaml"


def _chorales(_root: Path | None) -> Iterator[Piece]:
    dice = np.random.default_rng(3)
    for number in range(12):
        steps = dice.integers(-2, 3, (16, 4)) * (dice.random((16, 4)) < 0.4)
        frames = tuple(map(tuple, (np.array([72, 65, 58, 48]) + np.cumsum(steps, axis=0)).tolist()))
        name = f"made-up-{number}"
        yield _piece(number, repr(frames), partial(score_from_frames, frames, name))


def _performances(_root: Path | None) -> Iterator[Piece]:
    for number in range(12):
        yield _piece(number, str(number), partial(_performance, number))


def _performance(number: int) -> Score:
    dice = np.random.default_rng(number)
    count = 40 + 10 * number
    pitches = 60 + np.cumsum(dice.integers(-2, 3, count)).clip(-20, 20)
    columns = np.cumsum(dice.integers(1, 30, count)), dice.integers(5, 60, count), pitches, dice.integers(40, 90, count)
    return Score(50, (Part("piano", Notes.columns(*columns)),), tempos=(Tempo(0, 120.0),))  # a tick is 10 ms


def _piece(number: int, content: str, load: Any) -> Piece:
    name = f"made-up-{number}"
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return Piece(name, name, "validation" if number % 4 == 3 else "train", sha256, load)
