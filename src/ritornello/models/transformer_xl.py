"""Transformer-XL: segments, and in every layer the states of the positions before them.

Who hears what: in every layer a position hears its own segment up to itself, and the ``memory`` positions before that
segment; over L layers up to L times as far. What is remembered of a layer is what came into it, so keys and values
are made of it anew. In training no gradient crosses the border of a segment: what is learned about the past is how to
hear it, never how to prepare it. (In evaluation gradients reach as far as is heard, for ``attention.influence``.)

    logit(i, j) = ((q_i + u).k_j + (q_i + v).(W_R R[i - j])) / sqrt(K)

**Source**: arXiv 1901.02860, sections 3.2 and 3.3, and its released code: R are sinusoids, W_R is learned in each
layer, u and v are learned for each head and shared by all layers (there unless ``untie_r``). **Differs in** norms
before the layers (there an option, ``pre_lnorm``; as there, what is remembered is normed anew), GELU, a plain output
matrix, u and v that begin at zero, and no dropout of attention weights and of R. Segments begin at absolute positions,
so a piece may be read in any chunks; there every call is a segment. Positions late in a segment hear more than
those early in it, in training and in evaluation alike; there ``same_length`` gives them equal contexts.

Shapes: B batch, T tokens, N tokens within one segment, S remembered and new tokens, R distances, D width, H heads,
K head width, A new tokens that are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.events import AttentionConfig, EventModel, initialise
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear, heard_of_the_last, weights_within
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.horizons import Segments, heard_by
from ritornello.modules.memory import owned
from ritornello.modules.positions import sinusoids
from ritornello.modules.relative import relative_attention, relative_logits


class TransformerXlConfig(AttentionConfig):
    """Numbers of a TransformerXl."""

    segment: int = Field(default=512, ge=1)
    """Tokens of a segment; gradients reach no farther."""
    memory: int = Field(default=512, ge=0)
    """Tokens before the segment that are heard in every layer."""

    @property
    def turns_heads(self) -> bool:
        """Positions are heard by distance."""
        return False

    @property
    def horizon(self) -> Segments:
        """Who hears what, in every layer."""
        return Segments(self.segment, self.memory)

    @property
    def stack_parameters(self) -> int:
        """Exactly."""
        D, F = self.width, self.feedforward_width
        return self.num_layers * (5 * D * D + 2 * D * F + F + D + 4 * D) + 2 * D + 2 * D

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if self.width % 2:
            raise ValueError(f"sinusoids need an even width, not {self.width}")
        return self


class TransformerXlState(NamedTuple):
    """What a TransformerXl remembers."""

    inputs_BSD: tuple[Tensor, ...]
    """Of every layer, what came into it at the positions that the next one hears beside itself."""
    position: int
    """Absolute position of the next token."""


class TransformerXl(EventModel):
    """A model of events whose stack hears the segments before."""

    def __init__(self, config: TransformerXlConfig) -> None:
        super().__init__(config, TransformerXlStack(config))


class Distances(NamedTuple):
    """What all layers know of distances."""

    sinusoids_RD: Tensor
    """The last row is distance 0."""
    biases_HK: tuple[Tensor, Tensor]
    """u and v."""


class TransformerXlStack(nn.Module):
    """Layers, and the last norm."""

    def __init__(self, config: TransformerXlConfig) -> None:
        super().__init__()
        self.config = config
        head_width = config.head_width
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.content_bias_HK = nn.Parameter(torch.zeros(config.num_heads, head_width))
        self.distance_bias_HK = nn.Parameter(torch.zeros(config.num_heads, head_width))
        self.norm = nn.LayerNorm(config.width)
        initialise(self, config.num_layers)

    def new_state(self, batch_size: int) -> TransformerXlState:
        """The state before the first token."""
        nothing_BSD = self.norm.weight.new_empty(batch_size, 0, self.config.width)
        return TransformerXlState((nothing_BSD,) * self.config.num_layers, 0)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: D numbers, in every layer, for what the next position hears.

        These are L D (memory + i) numbers, i being the place of the next position in its segment, once so many tokens
        were heard; half of what keys and values would be. Under autocast they stay in the dtype of the weights.
        """
        remembered = num_tokens - self.config.horizon.first_heard(num_tokens)
        numbers = self.config.num_layers * self.config.width * remembered
        return batch_size * numbers * self.norm.weight.element_size()

    def forget(self, state: TransformerXlState) -> TransformerXlState:
        """Nothing remembered, not even of the segment that goes on; the position goes on."""
        return state._replace(inputs_BSD=self.new_state(state.inputs_BSD[0].shape[0]).inputs_BSD)

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """The horizon, once for each layer."""
        heard_TT = heard_by(self.config.horizon, len(ids_T))
        return {f"layer {1 + layer}": heard_TT for layer in range(self.config.num_layers)}

    def ears(self) -> list[Ear]:
        """One in each layer."""
        return [_ear(f"layer {number}", layer) for number, layer in enumerate(self.layers, start=1)]

    def forward(self, x_BTD: Tensor, state: TransformerXlState) -> tuple[Tensor, TransformerXlState]:
        """What the layers make of the tokens' vectors (B, T, D), and the state after the last."""
        distances = self._distances(state.inputs_BSD[0].shape[1] + x_BTD.shape[1])
        heard: list[Tensor] = []
        for x_BND in self.dropout(x_BTD).split_with_sizes(self._pieces(state.position, x_BTD.shape[1]), dim=1):
            h_BND, state = self._within_segment(x_BND, state, distances)
            heard.append(h_BND)
        return self.norm(torch.cat(heard, dim=1)), state

    def _distances(self, num_positions: int) -> Distances:
        """All that are heard over by any of the last of ``num_positions``."""
        num_distances = min(num_positions, self.config.horizon.reach + 1)
        farthest_first_RD = sinusoids(0, num_distances, self.norm.weight).flip(0)
        return Distances(farthest_first_RD, (self.content_bias_HK, self.distance_bias_HK))

    def _pieces(self, start: int, length: int) -> list[int]:
        """Lengths of the pieces into which the borders of segments cut these positions."""
        return [tile.stop - tile.start for tile in self.config.horizon.tiles(start, start + length, length)]

    def _within_segment(
        self, x_BND: Tensor, state: TransformerXlState, distances: Distances
    ) -> tuple[Tensor, TransformerXlState]:
        """One piece through all layers. At the end of its segment, what is remembered is cut off from its gradient."""
        start = state.position
        stop = start + x_BND.shape[1]
        num_kept = stop - self.config.horizon.first_heard(stop)
        remembered: list[Tensor] = []
        for layer, past_BSD in zip(self.layers, state.inputs_BSD, strict=True):
            heard_BSD = torch.cat([past_BSD, x_BND], dim=1)
            kept_BSD = owned(heard_BSD[:, max(0, heard_BSD.shape[1] - num_kept) :])
            remembered.append(kept_BSD.detach() if self.training and not stop % self.config.segment else kept_BSD)
            x_BND = layer(x_BND, heard_BSD, distances, start)
        return x_BND, TransformerXlState(tuple(remembered), stop)


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual path."""

    def __init__(self, config: TransformerXlConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = RecurrentAttention(config.width, config.num_heads, config.horizon)
        self.feedforward_norm = nn.LayerNorm(config.width)
        self.feedforward = FeedForward(config.width, config.feedforward_width, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BND: Tensor, heard_BSD: Tensor, distances: Distances, start: int) -> Tensor:
        """Same shape; ``heard_BSD`` are the inputs of all positions that are heard, ``x_BND`` the last of them."""
        added_BND = self.attention(self.attention_norm(heard_BSD), x_BND.shape[1], distances, start)
        x_BND = x_BND + self.dropout(added_BND)
        return x_BND + self.dropout(self.feedforward(self.feedforward_norm(x_BND)))


class RecurrentAttention(nn.Module):
    """Attention of the last positions to them and to all that is remembered, by content and by distance."""

    def __init__(self, width: int, num_heads: int, horizon: Segments) -> None:
        super().__init__()
        self.num_heads, self.horizon = num_heads, horizon
        self.project_query = nn.Linear(width, width, bias=False)
        self.project_heard = nn.Linear(width, 2 * width, bias=False)
        self.project_distance = nn.Linear(width, width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)

    def forward(self, heard_BSD: Tensor, num_new: int, distances: Distances, start: int) -> Tensor:
        """What the last ``num_new`` of S positions, from ``start`` on, hear (B, N, D)."""
        if num_new == 1:
            return self.project_out(self._of_one(heard_BSD, distances))
        q_BHNK, k_BHSK, v_BHSK, table_HRK = self._asked(heard_BSD, num_new, distances)
        heard_BHNK = relative_attention(q_BHNK, k_BHSK, v_BHSK, table_HRK, distances.biases_HK, self.horizon, start)
        return self.project_out(heard_BHNK.transpose(1, 2).flatten(2))

    def weights(self, heard_BSD: Tensor, num_new: int, distances: Distances, start: int, asked_A: Tensor) -> Tensor:
        """How much those of the N new positions that are named hear of each (B, H, A, S); see ``ears.py``."""
        q_BHNK, k_BHSK, _, table_HRK = self._asked(heard_BSD, num_new, distances)
        stop, positions_A = start + num_new, start + asked_A
        distances_AS = positions_A[:, None] - torch.arange(stop - k_BHSK.shape[2], stop, device=asked_A.device)
        asking, biases = q_BHNK[:, :, asked_A], distances.biases_HK
        logits_BHAS = relative_logits(asking, k_BHSK, table_HRK, biases, distances_AS)
        return weights_within(self.horizon, logits_BHAS, positions_A, stop)

    def _asked(self, heard_BSD: Tensor, num_new: int, distances: Distances) -> tuple[Tensor, ...]:
        """Queries of the new positions, keys and values of all (B, H, N or S, K), and the table of distances."""
        B, S, D = heard_BSD.shape
        q_BHNK = self.project_query(heard_BSD[:, -num_new:]).view(B, num_new, self.num_heads, -1).transpose(1, 2)
        k_BHSK, v_BHSK = self.project_heard(heard_BSD).view(B, S, 2, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        r_RHK = self.project_distance(distances.sinusoids_RD).view(-1, self.num_heads, D // self.num_heads)
        return q_BHNK, k_BHSK, v_BHSK, r_RHK.transpose(0, 1)

    def _of_one(self, heard_BSD: Tensor, distances: Distances) -> Tensor:
        """The same for the last position alone (B, 1, D), at H / D of the work.

        Its query goes through the matrices of keys and of distances once, from behind, instead of all that it hears
        going through them; and what it heard goes through the matrix of values.
        """
        B, S, D = heard_BSD.shape
        q_BHK = self.project_query(heard_BSD[:, -1]).view(B, self.num_heads, -1)
        to_keys_HKD, to_values_HKD = self.project_heard.weight.view(2, self.num_heads, -1, D)
        to_distances_HKD = self.project_distance.weight.view(self.num_heads, -1, D)
        by_content_BHD, by_distance_BHD = (
            torch.einsum("bhk,hkd->bhd", q_BHK + bias_HK, matrix_HKD)
            for bias_HK, matrix_HKD in zip(distances.biases_HK, (to_keys_HKD, to_distances_HKD), strict=True)
        )
        logits_BHS = by_content_BHD @ heard_BSD.mT + by_distance_BHD @ distances.sinusoids_RD[-S:].mT
        heard_BHD = (logits_BHS * q_BHK.shape[-1] ** -0.5).softmax(dim=-1) @ heard_BSD
        return torch.einsum("bhd,hkd->bhk", heard_BHD, to_values_HKD).reshape(B, 1, D)


def _ear(name: str, layer: nn.Module) -> Ear:
    assert isinstance(layer, Layer)
    attention = layer.attention

    def read(asked_A: Tensor, heard_BSD: Tensor, num_new: int, distances: Distances, start: int) -> Iterator[Attended]:
        weights = partial(attention.weights, heard_BSD, num_new, distances, start)
        return heard_of_the_last(asked_A, start, start + num_new, weights)

    return Ear(name, attention, read)
