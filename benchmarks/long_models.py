"""Every model and schedule at one comparable size, and the tokens that benchmarks feed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ritornello.data.prepared import PreparedLevel
from ritornello.models import MODELS
from ritornello.modules.retention import SCHEDULES
from ritornello.scores.score import Notes, Part, Score, Tempo
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.build import build_model

SEGMENT = 512
_SIZE: dict[str, Any] = {"num_layers": 4, "num_heads": 4, "feedforward_width": 512, "dropout": 0.0}
_BUDGET = 4 * SEGMENT
_DSMR = {**_SIZE, "segment": SEGMENT, "budget": _BUDGET}
_PERCEIVER = {**_SIZE, "context": _BUDGET, "latents": SEGMENT}
_VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("lstm", {"num_layers": 4, "dropout": 0.0}),
    "transformer window": ("transformer", {**_SIZE, "window": SEGMENT}),
    "transformer blocks": ("transformer", {**_SIZE, "block": SEGMENT}),
    "transformer relative": ("transformer", {**_SIZE, "window": SEGMENT, "positions": "relative",
                                             "max_distance": SEGMENT}),
    "transformer_xl": ("transformer_xl", {**_SIZE, "segment": SEGMENT, "memory": SEGMENT}),
    **{f"dsmr {schedule}": ("dsmr", {**_DSMR, "schedule": schedule}) for schedule in SCHEDULES},
    "dsmr fhcr": ("dsmr", {**_DSMR, "schedule": "full", "num_kv_heads": 1}),
    "perceiver_ar": ("perceiver_ar", _PERCEIVER),
    "perceiver_s": ("perceiver_s", {**_PERCEIVER, "scales": (None, SEGMENT)}),
    "museformer": ("museformer", _SIZE),
}  # fmt: skip
VARIANTS = {name: variant for name, variant in _VARIANTS.items() if variant[0] in MODELS}
"""Name -> model and configuration: windows, segments, blocks and latents of 512, and memory for 2,048 positions over
all layers: 512 in each where a model shares it out evenly, all of it in the one layer where Perceivers hear far.
"""
WIDTH = 128


def build(variant: str, width: int = WIDTH) -> nn.Module:
    """The variant, untrained, on the CPU; what it costs does not depend on what it has learned."""
    model, values = VARIANTS[variant]
    torch.manual_seed(0)
    return build_model(model, {"width": width, **values}, vocabulary_size=len(PerformanceTokenizer.vocabulary)).eval()


def tokens(number: int, data: Path | None) -> Tensor:
    """``number`` ids (1, T) of performance: made-up music, or the first piece of a prepared folder, over and over."""
    if data is None:
        ids = _made_up(number // 3)
    else:
        ids = np.asarray(PreparedLevel(data, "performance").ids(0)).astype(np.int64)
    repeated = np.tile(ids[1:-1], -(-number // (len(ids) - 2)))[: number - 1]
    return torch.from_numpy(np.concatenate([ids[:1], repeated]))[None]  # BOS stands at the beginning alone


def _made_up(num_notes: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A walk over the keyboard, about seven notes a second."""
    dice = np.random.default_rng(5)
    pitches = 60 + np.cumsum(dice.integers(-4, 5, num_notes)) % 40 - 20
    onsets = np.cumsum(dice.integers(0, 30, num_notes))
    columns = onsets, dice.integers(5, 60, num_notes), pitches, dice.integers(30, 100, num_notes)
    part = Part("piano", Notes.columns(*columns))
    return PerformanceTokenizer().encode(Score(50, (part,), tempos=(Tempo(0, 120.0),))).ids  # a tick is 10 ms
