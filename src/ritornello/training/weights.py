"""Weights: a finished model as two files, ``config.json`` and ``weights.safetensors``.

This is what ships in the wheel and what generation loads. The configuration carries the model's
name and numbers, the hash of the vocabulary that its ids mean, and the hash of the weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from ritornello import atomic
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.training.build import build_model
from ritornello.training.checkpoint import FORMAT, read_checked

_TENSORS, _FACTS = "weights.safetensors", "config.json"
_BEST = re.compile(r"best-\d{8}")


def save_weights(
    folder: Path, model_name: str, model: nn.Module, data: PreparedLevel, measured: Mapping[str, Any]
) -> None:
    """Writes the two files at once; ``measured`` holds step and scores, for the reader of the file."""
    content = save({name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()})
    config: Any = model.config
    facts = {
        "format": FORMAT,
        "level": data.name,
        "model": model_name,
        "config": config.model_dump(mode="json"),
        "vocabulary_hash": data.vocabulary_hash,
        "measured": dict(measured),
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
    if vocabulary_hash is not None:
        _check_vocabulary(folder, facts, vocabulary_hash)
    try:
        with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]  # building draws random weights; the caller's draws stay as they are
            model = build_model(facts["model"], facts["config"])
        model.load_state_dict(tensors)
    except (RuntimeError, KeyError) as error:
        raise UserError(f"the weights do not fit their configuration: {error}", where=str(folder)) from error
    return model.eval()


def begin_with(folder: Path, model: nn.Module, vocabulary_hash: str) -> None:
    """Gives a model the weights found in ``folder`` (see ``find_weights``), which may be another model's.

    What the model has beyond these weights stays as it is.

    Raises:
        UserError: there are none, they are of another vocabulary, or the model has no place for one of them.
    """
    source = find_weights(folder)
    tensors, facts = read_checked(source, _TENSORS, _FACTS)
    _check_vocabulary(source, facts, vocabulary_hash)
    own = model.state_dict()
    for name, tensor in sorted(tensors.items()):
        if name not in own or own[name].shape != tensor.shape:
            has = "nothing of this name" if name not in own else f"{tuple(own[name].shape)}"
            what = f"holds {name} {tuple(tensor.shape)}, where the model has {has}"
            raise UserError(what, where=str(source), mend="change model.config, or leave out start")
    model.load_state_dict(tensors, strict=False)


def read_facts(folder: Path) -> dict[str, Any]:
    """The content of ``config.json``; raises UserError when it is missing or damaged."""
    try:
        facts: dict[str, Any] = json.loads((folder / _FACTS).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"is no weights folder: {error}", where=str(folder)) from error
    return facts


def best_weights(run: Path) -> Path:
    """The best weights of a run so far; raises UserError when nothing was evaluated yet."""
    found = all_best_weights(run)
    if not found:
        raise UserError("has no weights yet", where=str(run), mend="train on until the first evaluation")
    return found[-1]


def all_best_weights(run: Path) -> list[Path]:
    """The ``best-*`` folders of a run, oldest first; more than one only after a crash."""
    return sorted(path for path in run.iterdir() if _BEST.fullmatch(path.name)) if run.is_dir() else []


def find_weights(folder: Path) -> Path:
    """The weights folder that a person means by ``folder``: itself, or that of the run there."""
    for candidate in (folder, folder / "weights"):
        if (candidate / _FACTS).is_file():
            return candidate
    return best_weights(folder)


def copy_weights(source: Path, target: Path) -> None:
    """Copies a weights folder, at once."""
    atomic.publish(target, {name: (source / name).read_bytes() for name in (_TENSORS, _FACTS)})


def _check_vocabulary(folder: Path, facts: Mapping[str, Any], vocabulary_hash: str) -> None:
    stated = facts.get("vocabulary_hash")
    if stated != vocabulary_hash:
        raise UserError(f"made for vocabulary {stated}, not {vocabulary_hash}", where=str(folder), mend="train again")
