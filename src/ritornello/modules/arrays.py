"""Between torch and numpy, nothing copied: for the many small things of a step, which numpy does in less time."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def as_tensor(array: NDArray[Any]) -> Tensor:
    """A tensor on the CPU that shares the array's memory."""
    return torch.from_numpy(array)  # pyright: ignore[reportUnknownMemberType]


def as_array(tensor: Tensor) -> NDArray[Any]:
    """An array that shares the memory of a tensor on the CPU, without a gradient."""
    return tensor.detach().numpy() if tensor.requires_grad else tensor.numpy()
