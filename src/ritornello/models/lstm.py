"""PerformanceRNN: an LSTM over event tokens.

Who hears what: everything, through one vector per layer; its state is of constant size, which makes
it the reference for streaming and memory.

**Source**: Magenta's ``performance_with_dynamics`` (Oore et al., arXiv 1808.03715): three layers of 512, no
dropout. **Differs in** a learned embedding in place of one-hot vectors: the first layer's input
matrix, factored.

Shapes: B batch, T tokens, V vocabulary, L layers, D width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ritornello.models.events import EventConfig, EventModel
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Ear


class LstmConfig(EventConfig):
    """Numbers of an Lstm; the defaults are Magenta's."""

    width: int = Field(default=512, ge=1)
    """Of the embedding and of every layer. Music Transformer's LSTM has 1,024."""
    num_layers: int = Field(default=3, ge=1)
    dropout: float = Field(default=0.0, ge=0, le=0.9)
    """Of the embedding, between layers, and before the head."""

    @property
    def stack_parameters(self) -> int:
        """Exactly."""
        return self.num_layers * (8 * self.width * self.width + 8 * self.width)


class LstmState(NamedTuple):
    """What an Lstm remembers."""

    hidden_BLD: Tensor
    cell_BLD: Tensor


class Lstm(EventModel):
    """A model of events whose stack is an LSTM."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config, LstmStack(config))
        nn.init.normal_(self.embedding.weight)  # no norm comes before the first layer


class LstmStack(nn.Module):
    """The layers."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = Dropout(config.dropout)
        D = config.width
        self.layers = nn.ModuleList(nn.LSTM(D, D, batch_first=True) for _ in range(config.num_layers))

    def new_state(self, batch_size: int) -> LstmState:
        """The state before the first token."""
        like = next(self.parameters())
        zeros = like.new_zeros(batch_size, self.config.num_layers, self.config.width)
        return LstmState(zeros, zeros)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: 2 L D numbers per piece, however long it is."""
        del num_tokens
        return 2 * self.config.num_layers * self.config.width * batch_size * next(self.parameters()).element_size()

    def forget(self, state: LstmState) -> LstmState:
        """Zeros: it has nothing but what it heard."""
        return self.new_state(state.hidden_BLD.shape[0])

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """Everything, in all layers together."""
        return {"layers": torch.ones(len(ids_T), len(ids_T), dtype=torch.bool).tril()}

    def ears(self) -> list[Ear]:
        """None: nothing here attends."""
        return []

    def forward(self, x_BTD: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """What the layers make of the tokens' vectors (B, T, D), and the state after the last."""
        x_BTD = self.dropout(x_BTD)
        hidden: list[Tensor] = []
        cell: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            before = (state.hidden_BLD[:, index], state.cell_BLD[:, index])
            x_BTD, (last_1BD, cell_1BD) = layer(x_BTD, tuple(part[None].contiguous() for part in before))
            x_BTD = self.dropout(x_BTD)
            hidden.append(last_1BD[0])
            cell.append(cell_1BD[0])
        return x_BTD, LstmState(torch.stack(hidden, dim=1), torch.stack(cell, dim=1))
