"""What the model remembers from one step of a run to the next, when it learns from streams.

Every part of a step is a stream of its own (``data/streams.py``) with a state of its own; no gradient
flows from one step into the one before. The states are part of a checkpoint: their tensors among its
tensors, everything else in them (positions) among its facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ritornello.data.batch import Batch
from ritornello.models.states import detached, first_rows, leaves, with_leaves

_PREFIX = "state."


class CarriedStates:
    """The state of each part of a step; nothing before the first step."""

    def __init__(self) -> None:
        self._states: dict[int, Any] = {}

    def before(self, part: int, batch: Batch) -> Any:
        """What the model remembers of the pieces in ``batch``; None where they begin."""
        return first_rows(self._states[part], len(batch.pieces)) if batch.goes_on else None

    def keep(self, part: int, state: Any) -> None:
        """The state after the batch of ``part``, for the next step."""
        self._states[part] = detached(state)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, named by part and place; copies, so that none share memory."""
        return {
            f"{_PREFIX}{part}.{place}": leaf.to("cpu", copy=True)
            for part, state in self._states.items()
            for place, leaf in enumerate(leaves(state))
            if isinstance(leaf, Tensor)
        }

    def facts(self) -> dict[str, list[Any]]:
        """By part, all that is no tensor, in order; None also where a tensor is."""
        return {
            str(part): [None if isinstance(leaf, Tensor) else leaf for leaf in leaves(state)]
            for part, state in self._states.items()
        }

    def restore(
        self, tensors: Mapping[str, Tensor], facts: Mapping[str, list[Any]], like: Any, device: torch.device
    ) -> None:
        """Takes up what ``tensors`` and ``facts`` gave; ``like`` is any state of the model, for its structure."""
        for part, values in facts.items():
            names = [f"{_PREFIX}{part}.{place}" for place in range(len(values))]
            found = [
                tensors[name].to(device) if name in tensors else value
                for name, value in zip(names, values, strict=True)
            ]
            self._states[int(part)] = with_leaves(like, found)
