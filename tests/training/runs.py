"""What tests of whole runs share: a run killed and taken up, the same recipe otherwise, a small model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from ritornello.data.prepared import PreparedLevel
from ritornello.models.transformer import Transformer, TransformerConfig
from ritornello.training.checkpoint import checkpoints, load_checkpoint
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, parse_recipe


def changed(recipe: Recipe, **values: Any) -> Recipe:
    """The recipe with other values; ``data__x`` means data.x."""
    content = recipe.model_dump(mode="json")
    for key, value in values.items():
        *parents, last = key.split("__")
        table = content
        for parent in parents:
            table = table[parent]
        table[last] = value
    return parse_recipe(content)


def whole_and_resumed(recipe: Recipe, folder: Path) -> tuple[Path, Path]:
    """Two runs of twelve steps: undisturbed, and as if killed between step 9 and 12; the same to the bit."""
    whole, parts = folder / "whole", folder / "parts"
    fit(recipe, whole)
    fit(recipe, parts)
    shutil.rmtree(parts / "weights")
    while checkpoints(parts)[-1].name != "step-00000009":
        shutil.rmtree(checkpoints(parts)[-1])
    torch.manual_seed(99)  # the state of the process does not matter
    fit(recipe, parts, resume=True)
    one, other = last_tensors(whole), last_tensors(parts)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (whole / "weights/weights.safetensors").read_bytes() == (parts / "weights/weights.safetensors").read_bytes()
    return whole, parts


def last_tensors(run: Path) -> dict[str, torch.Tensor]:
    """Of the newest checkpoint."""
    return load_checkpoint(checkpoints(run)[-1]).tensors


def small_transformer(data: PreparedLevel, window: int) -> Transformer:
    """Two layers, the same at every call, in evaluation mode."""
    torch.manual_seed(0)
    config = TransformerConfig(
        vocabulary_size=data.vocabulary_size, width=16, num_layers=2, num_heads=2, feedforward_width=32, window=window
    )
    return Transformer(config).eval()
