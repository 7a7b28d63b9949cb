"""A causal Transformer over event tokens, with five kinds of position and two of horizon.

Who hears what: in every layer a position hears itself and the ``window - 1`` before it, or its own
block and the one before; over L layers up to L times as far. "Music Transformer" is
``positions: relative`` with a window as long as the piece, or with blocks.

**Source**: Vaswani et al., arXiv 1706.03762, with norms before the layers (arXiv 2002.04745); the
positions' sources stand with them in ``modules/``. **Differs in** GELU, no dropout of attention
weights, and an output matrix of its own: a few hundred event tokens make it small beside the blocks,
and what an event tells about the past need not be what announces it.

Shapes: B batch, T tokens, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.events import AttentionConfig, EventModel, initialise
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear, heard_of_the_last
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.fused import AlibiAttention, FusedAttention
from ritornello.modules.horizons import Horizon, Segments, Window, heard_by
from ritornello.modules.local_attention import Attend, LocalSelfAttention
from ritornello.modules.memory import LongCache, empty_long_cache
from ritornello.modules.positions import Turns, sinusoids, turns
from ritornello.modules.relative import RelativeAttention


class TransformerConfig(AttentionConfig):
    """Numbers of a Transformer."""

    positions: Literal["absolute", "relative", "relative_uv", "rotary", "alibi"] = "rotary"
    """Sinusoids added to the embedding; a learned vector by distance (Music Transformer), also with
    Transformer-XL's u and v; turned queries and keys; or a fixed penalty by distance."""
    window: int = Field(default=1024, ge=1)
    """Tokens that a position hears in one layer, itself included."""
    block: int | None = Field(default=None, ge=1)
    """Takes the place of ``window``: a position hears its own block of so many tokens up to itself, and the whole
    block before."""
    max_distance: int = Field(default=1024, ge=1)
    """Relative positions only: distances from here on share a vector of zeros."""

    @property
    def turns_heads(self) -> bool:
        """Only rotary positions do."""
        return self.positions == "rotary"

    @property
    def horizon(self) -> Horizon:
        """Who hears what, in every layer."""
        return Window(self.window) if self.block is None else Segments(self.block, self.block)

    @property
    def stack_parameters(self) -> int:
        """Exactly."""
        D, F = self.width, self.feedforward_width
        layer = 4 * D * D + 2 * D * F + F + D + 4 * D
        if self.positions in ("relative", "relative_uv"):
            layer += self.max_distance * D + (2 * D if self.positions == "relative_uv" else 0)
        return self.num_layers * layer + 2 * D

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if self.positions == "absolute" and self.width % 2:
            raise ValueError(f"absolute positions need an even width, not {self.width}")
        return self


class TransformerState(NamedTuple):
    """What a Transformer remembers."""

    caches: tuple[LongCache, ...]
    """Of every layer, what the next position hears beside itself."""
    position: int
    """Absolute position of the next token."""


class Transformer(EventModel):
    """A model of events whose stack hears by attention under one horizon."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, TransformerStack(config))


class TransformerStack(nn.Module):
    """Positions, layers, the last norm."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.width)
        initialise(self, config.num_layers)

    def new_state(self, batch_size: int) -> TransformerState:
        """The state before the first token."""
        config = self.config
        cache = empty_long_cache(batch_size, config.num_heads, config.head_width, self.norm.weight)
        return TransformerState((cache,) * config.num_layers, 0)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: keys and values, in every layer, of what the next position hears.

        Under autocast the caches are in its dtype, bfloat16: half of that.
        """
        remembered = num_tokens - self.config.horizon.first_heard(num_tokens)
        numbers = 2 * self.config.num_layers * self.config.width * remembered
        return batch_size * numbers * self.norm.weight.element_size()

    def forget(self, state: TransformerState) -> TransformerState:
        """Empty caches, and the position goes on."""
        return TransformerState(tuple(cache.last(0) for cache in state.caches), state.position)

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """The horizon, once for each layer."""
        heard_TT = heard_by(self.config.horizon, len(ids_T))
        return {f"layer {1 + layer}": heard_TT for layer in range(self.config.num_layers)}

    def ears(self) -> list[Ear]:
        """One in each layer."""
        return [ear_of_layer(f"layer {number}", layer) for number, layer in enumerate(self.layers, start=1)]

    def forward(self, x_BTD: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """What the layers make of the tokens' vectors (B, T, D), and the state after the last."""
        start, length = state.position, x_BTD.shape[1]
        if self.config.positions == "absolute":
            x_BTD = x_BTD + sinusoids(start, length, self.norm.weight)
        x_BTD, by = self.dropout(x_BTD), self._turns(start, length)
        caches: list[LongCache] = []
        for layer, past in zip(self.layers, state.caches, strict=True):
            x_BTD, cache = layer(x_BTD, past, start, by)
            caches.append(cache)
        return self.norm(x_BTD), TransformerState(tuple(caches), start + length)

    def _turns(self, start: int, length: int) -> Turns | None:
        """Made once for all layers."""
        if self.config.positions != "rotary":
            return None
        return turns(start, length, self.config.head_width, self.norm.weight)


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual path."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = LocalSelfAttention(config.width, config.num_heads, config.horizon, _attend(config))
        self.feedforward_norm = nn.LayerNorm(config.width)
        self.feedforward = FeedForward(config.width, config.feedforward_width, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, cache: LongCache, start: int, by: Turns | None) -> tuple[Tensor, LongCache]:
        """Same shape, and the cache of its attention."""
        heard_BTD, cache = self.attention(self.attention_norm(x_BTD), cache, start, by)
        x_BTD = x_BTD + self.dropout(heard_BTD)
        return x_BTD + self.dropout(self.feedforward(self.feedforward_norm(x_BTD))), cache


def ear_of_layer(name: str, layer: nn.Module) -> Ear:
    """What a layer hears whose positions are those of the piece."""
    assert isinstance(layer, Layer)
    attention = layer.attention

    def read(asked_A: Tensor, x_BTD: Tensor, cache: LongCache, start: int, by: Turns | None) -> Iterator[Attended]:
        stop = start + x_BTD.shape[1]
        return heard_of_the_last(asked_A, start, stop, partial(attention.weights, x_BTD, cache, start, by))

    return Ear(name, attention, read)


def _attend(config: TransformerConfig) -> Attend:
    """What the positions do inside attention."""
    if config.positions == "alibi":
        return AlibiAttention(config.num_heads)
    if config.positions in ("relative", "relative_uv"):
        head_width = config.head_width
        with_uv = config.positions == "relative_uv"
        return RelativeAttention(config.num_heads, head_width, config.max_distance, with_uv=with_uv)
    return FusedAttention()
