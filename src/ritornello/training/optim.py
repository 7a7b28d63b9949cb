"""The optimisers, and the running average of the weights.

AdamW serves everything, or, with ``name: muon``, only what is no hidden matrix; Muon orthogonalises
the momentum of the hidden matrices.

**Source**: Loshchilov and Hutter, arXiv 1711.05101 (AdamW); Jordan et al. 2024 (Muon), as in ``torch.optim``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ritornello.training.recipe import OptimiserOptions

_AVERAGE_WARMUP = 10


def make_optimizers(model: nn.Module, options: OptimiserOptions) -> list[torch.optim.Optimizer]:
    """One optimiser, or two; embeddings, biases, norms and other vectors are not decayed."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))}
    kinds: dict[str, list[nn.Parameter]] = {"hidden": [], "decayed": [], "free": []}
    for name, parameter in model.named_parameters():
        kinds[_kind(name, parameter, is_embedding=id(parameter) in embeddings)].append(parameter)
    if options.name == "adamw":
        kinds["decayed"], kinds["hidden"] = [*kinds["hidden"], *kinds["decayed"]], []
    groups: list[dict[str, Any]] = [
        {"params": kinds["decayed"], "weight_decay": options.weight_decay},
        {"params": kinds["free"], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=options.learning_rate, betas=options.betas, fused=True)
    ]
    if kinds["hidden"]:
        rate, decay = options.muon_learning_rate, options.weight_decay
        optimizers.append(torch.optim.Muon(kinds["hidden"], lr=rate, weight_decay=decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def _kind(name: str, parameter: nn.Parameter, *, is_embedding: bool) -> str:
    """``hidden``, ``decayed`` or ``free``. A model names its output layers ``head``: Muon is not for those."""
    if parameter.ndim < 2 or is_embedding:
        return "free"
    is_hidden = parameter.ndim == 2 and name.endswith(".weight") and "head" not in name
    return "hidden" if is_hidden else "decayed"


def scale_learning_rates(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Sets the rate of all groups to ``factor`` times their peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Moves the average towards the weights after step ``step`` (1 = the first).

    The decay warms up as (1 + step) / (10 + step), so that the initial weights are soon forgotten.
    """
    decay = min(decay, (1 + step) / (_AVERAGE_WARMUP + step))
    for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)
    for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)
