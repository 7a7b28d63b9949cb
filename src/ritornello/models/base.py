"""The contract of every model: integers in, logits and a new state out.

``forward`` over a whole piece is the definition; feeding the piece in any chunks, carrying the
state, gives the same logits. State is a value: it is never changed in place, so a piece can be
forked, rewound and saved, and one set of weights serves many pieces at once. Every tensor in a state
(in named tuples, tuples, dataclasses, lists or dicts, nested at will) has the batch as its first
dimension; everything else in it is the same for the whole batch.

Shapes: B batch, T tokens, V vocabulary, C condition channels.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict
from torch import Tensor

MAX_PARAMETERS = 2**31
"""More are refused before anything is allocated: 8 GiB in float32, four times that in training."""


class ModelConfig(BaseModel):
    """Base of all model configurations: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Conditions(NamedTuple):
    """What the levels above say about each step.

    Row t of both tensors describes the token at t + 1, the one that the logits at t predict.
    """

    channels_BTC: Tensor
    """Integer features, channel c in [0, config.condition_sizes[c]); 0 means unknown."""
    source_BT: Tensor
    """Absolute position of the earlier token from which token t + 1 derives; -1 where none is named."""


class LanguageModel(Protocol):
    """A causal model over token ids."""

    config: Any

    def new_state(self, batch_size: int) -> Any:
        """The state before the first token."""
        ...

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of all tensors in the state after ``num_tokens``, in the dtype of the weights."""
        ...

    def forward(self, ids_BT: Tensor, state: Any = None, conditions: Conditions | None = None) -> tuple[Tensor, Any]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        ...
