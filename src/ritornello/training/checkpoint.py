"""Checkpoint: everything from which a training run goes on as if it had never stopped.

A checkpoint is a folder ``step-00000500`` with two files: ``state.safetensors`` (weights, averaged
weights, optimizer moments) and ``state.json`` (step, resolved recipe, vocabulary hash, format
number, and the hash of the first). It appears by one rename (``atomic.py``), so the newest visible
folder is always whole. The random state is no part of it: the loop seeds the generator anew at
every step from (seed, step), and the loader's only state is the step. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn, optim

from ritornello import atomic
from ritornello.errors import UserError
from ritornello.training.sharding import placed_like, whole

FORMAT = 1
_TENSORS, _FACTS = "state.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``tensors`` by name with the prefixes ``model.``, ``average.`` and ``optimizer.``; ``facts`` as JSON."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save_checkpoint(run: Path, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Writes a checkpoint below the folder of the run and removes all but the newest ``keep``."""
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()})
    hashes = {_TENSORS: atomic.sha256(content)}
    facts = {**checkpoint.facts, "format": FORMAT, "step": checkpoint.step, "sha256": hashes}
    folder = run / f"step-{checkpoint.step:08d}"
    atomic.publish(folder, {_TENSORS: content, _FACTS: json.dumps(facts, indent=1).encode()})
    for old in checkpoints(run)[:-keep]:
        atomic.remove(old)
    return folder


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(path for path in run.iterdir() if _NAME.fullmatch(path.name)) if run.is_dir() else []


def load_checkpoint(folder: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        UserError: a file is missing or damaged, or of another format.
    """
    content, facts = read_checked(folder, _TENSORS, _FACTS)
    return Checkpoint(int(facts["step"]), content, facts)


def read_checked(folder: Path, tensors_name: str, facts_name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a folder whose facts hold ``format`` and the ``sha256`` of the tensors' file."""
    mend = "take an older checkpoint, or train again"
    try:
        facts = json.loads((folder / facts_name).read_bytes())
        content = (folder / tensors_name).read_bytes()
        found, stated = atomic.sha256(content), facts["sha256"][tensors_name]
        form = facts["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"cannot be read: {error!r}", where=str(folder), mend=mend) from error
    if form != FORMAT:
        raise UserError(f"has format {form}, not {FORMAT}", where=str(folder), mend=mend)
    if found != stated:
        raise UserError(f"{tensors_name} is damaged: its hash is not the stated one", where=str(folder), mend=mend)
    try:
        return load(content), facts
    except SafetensorError as error:
        raise UserError(f"{tensors_name} is damaged: {error}", where=str(folder), mend=mend) from error


def training_tensors(model: nn.Module, average: nn.Module, optimizers: Sequence[optim.Optimizer]) -> dict[str, Tensor]:
    """All tensors of a run under the names that ``restore`` reads; copies, so that none share memory.

    Where processes share the tensors out, each must call this, and gets whole ones.
    """
    tensors = {f"model.{name}": whole(tensor).clone() for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": whole(tensor).clone() for name, tensor in average.state_dict().items()}
    for name, parameter in model.named_parameters():
        for key, value in _moments(parameter, optimizers).items():
            tensors[f"optimizer.{name}.{key}"] = whole(value).clone()
    return tensors


def restore(
    tensors: dict[str, Tensor], model: nn.Module, average: nn.Module, optimizers: Sequence[optim.Optimizer]
) -> None:
    """Puts the tensors of a checkpoint back into a freshly built model, average and optimizer."""
    _load(model, _below(tensors, "model."))
    _load(average, _below(tensors, "average."))
    moments = _below(tensors, "optimizer.")
    for name, parameter in model.named_parameters():
        mine = {key.removeprefix(name + "."): value for key, value in moments.items() if key.rpartition(".")[0] == name}
        if mine:
            _owner(parameter, optimizers).state[parameter] = {
                key: placed_like(value, parameter) for key, value in mine.items()
            }


def _load(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    own = model.state_dict()
    model.load_state_dict({name: placed_like(t, own[name]) if name in own else t for name, t in tensors.items()})


def _moments(parameter: nn.Parameter, optimizers: Sequence[optim.Optimizer]) -> dict[str, Tensor]:
    return _owner(parameter, optimizers).state.get(parameter, {})


def _owner(parameter: nn.Parameter, optimizers: Sequence[optim.Optimizer]) -> optim.Optimizer:
    """The optimiser that moves the parameter; each has exactly one."""
    groups = ((o, group["params"]) for o in optimizers for group in o.param_groups)
    return next(o for o, parameters in groups if any(parameter is p for p in parameters))


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
