"""Weights: a finished model as two files, ``config.json`` and ``weights.safetensors``.

This is what ships in the wheel and what generation loads. The configuration carries the model's
name and numbers, the hash of the vocabulary that its ids mean, and the hash of the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ritornello.errors import UserError
from ritornello.training import atomic
from ritornello.training.build import build_model
from ritornello.training.checkpoint import FORMAT, read_checked

_TENSORS, _FACTS = "weights.safetensors", "config.json"


def save_weights(
    folder: Path,
    model_name: str,
    model_config: Mapping[str, Any],
    state: Mapping[str, Tensor],
    *,
    vocabulary_hash: str,
    measured: Mapping[str, Any] | None = None,
) -> None:
    """Writes the two files at once; ``measured`` holds step and scores, for the reader of the file."""
    content = save({name: tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()})
    facts = {
        "format": FORMAT,
        "model": model_name,
        "config": dict(model_config),
        "vocabulary_hash": vocabulary_hash,
        "measured": dict(measured or {}),
        "sha256": {_TENSORS: atomic.sha256(content)},
    }
    atomic.publish(folder, {_TENSORS: content, _FACTS: (json.dumps(facts, indent=1) + "\n").encode()})


def load_weights(folder: Path, vocabulary_hash: str | None = None) -> nn.Module:
    """The model in evaluation mode, on the CPU.

    Raises:
        UserError: the files are missing, damaged, or made for another vocabulary than
            ``vocabulary_hash``.
    """
    tensors, facts = read_checked(folder, _TENSORS, _FACTS)
    stated = facts.get("vocabulary_hash")
    if vocabulary_hash is not None and stated != vocabulary_hash:
        raise UserError(f"made for vocabulary {stated}, not {vocabulary_hash}", where=str(folder), mend="train again")
    try:
        with torch.random.fork_rng(devices=[]):  # building draws random weights; the caller's draws stay as they are
            model = build_model(facts["model"], facts["config"])
        model.load_state_dict(tensors)
    except (RuntimeError, KeyError) as error:
        raise UserError(f"the weights do not fit their configuration: {error}", where=str(folder)) from error
    return model.eval()
