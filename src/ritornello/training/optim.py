"""AdamW with weight decay on matrices only, and the running average of the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ritornello.training.recipe import OptimiserOptions

_AVERAGE_WARMUP = 10


def make_optimizer(model: nn.Module, options: OptimiserOptions) -> torch.optim.AdamW:
    """AdamW; embeddings, biases, norms and other vectors are not decayed."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))}
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in model.parameters():
        (free if parameter.ndim < 2 or id(parameter) in embeddings else decayed).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=options.learning_rate, betas=options.betas, fused=True
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets the rate of all groups."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


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
