"""PerformanceRNN: an LSTM over event tokens.

Who hears what: everything, through one vector per layer; its state is of constant size, which makes
it the reference for streaming and memory.

**Source**: Magenta's ``performance_with_dynamics`` (Oore et al., arXiv 1808.03715): three layers of 512, no
dropout. **Differs in** a learned embedding in place of one-hot vectors: the first layer's input
matrix, factored.

Shapes: B batch, T tokens, V vocabulary, L layers, D width.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.base import MAX_PARAMETERS, Conditions, ModelConfig
from ritornello.modules.dropout import Dropout


class LstmConfig(ModelConfig):
    """Numbers of an Lstm; the defaults are Magenta's."""

    vocabulary_size: int = Field(ge=1)
    condition_sizes: tuple[int, ...] = Field(default=(), max_length=0)
    """Always empty: this model hears tokens only."""
    width: int = Field(default=512, ge=1)
    """Of the embedding and of every layer. Music Transformer's LSTM has 1,024."""
    num_layers: int = Field(default=3, ge=1)
    dropout: float = Field(default=0.0, ge=0, le=0.9)
    """Of the embedding, between layers, and before the head."""

    @property
    def num_parameters(self) -> int:
        """Exactly."""
        D, V = self.width, self.vocabulary_size
        return self.num_layers * (8 * D * D + 8 * D) + 2 * V * D + V

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if self.num_parameters > MAX_PARAMETERS:
            raise ValueError(f"{self.num_parameters} parameters are too many (limit: {MAX_PARAMETERS})")
        return self


class LstmState(NamedTuple):
    """What an Lstm remembers."""

    hidden_BLD: Tensor
    cell_BLD: Tensor


class Lstm(nn.Module):
    """Embedding, LSTM layers, head."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.dropout = Dropout(config.dropout)
        D = config.width
        self.layers = nn.ModuleList(nn.LSTM(D, D, batch_first=True) for _ in range(config.num_layers))
        self.head = nn.Linear(config.width, config.vocabulary_size)

    def new_state(self, batch_size: int) -> LstmState:
        """The state before the first token."""
        zeros = self.head.weight.new_zeros(batch_size, self.config.num_layers, self.config.width)
        return LstmState(zeros, zeros)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: 2 L D numbers per piece, however long it is."""
        del num_tokens
        return 2 * self.config.num_layers * self.config.width * batch_size * self.head.weight.element_size()

    def forward(
        self, ids_BT: Tensor, state: LstmState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, LstmState]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        assert conditions is None or not conditions.channels_BTC.shape[-1], "hears tokens only"
        state = self.new_state(ids_BT.shape[0]) if state is None else state
        x_BTD = self.dropout(self.embedding(ids_BT))
        hidden: list[Tensor] = []
        cell: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            before = (state.hidden_BLD[:, index], state.cell_BLD[:, index])
            x_BTD, (last_1BD, cell_1BD) = layer(x_BTD, tuple(part[None].contiguous() for part in before))
            x_BTD = self.dropout(x_BTD)
            hidden.append(last_1BD[0])
            cell.append(cell_1BD[0])
        return self.head(x_BTD), LstmState(torch.stack(hidden, dim=1), torch.stack(cell, dim=1))
