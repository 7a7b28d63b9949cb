"""Tensors that several processes share out between them, and whole ones.

A parameter that is shared out keeps its name and its shape; each process holds some of its rows.
Torch's part in this is imported where it is used: it takes two seconds, and a run of one process or a
piece that is composed never needs it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, distributed, nn


def share_out(model: nn.Module, mesh: Any) -> nn.Module:
    """Shares out every layer, then what is left, so that no more than one layer is whole at a time."""
    from torch.distributed.fsdp import fully_shard

    for child in model.children():
        for layer in child if isinstance(child, nn.ModuleList) else ():
            fully_shard(layer, mesh=mesh["data_parallel"])
    fully_shard(model, mesh=mesh["data_parallel"])
    return model


def whole(tensor: Tensor) -> Tensor:
    """A tensor that may be shared out, put together; every process must ask for it."""
    if not distributed.is_initialized():
        return tensor
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def placed_like(tensor: Tensor, other: Tensor) -> Tensor:
    """A whole tensor, shared out as ``other`` is, which has its shape; on the device of ``other``."""
    tensor = tensor.to(other.device)
    if not distributed.is_initialized():
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(other, DTensor) or tensor.shape != other.shape:
        return tensor
    return distribute_tensor(tensor, other.device_mesh, other.placements)
