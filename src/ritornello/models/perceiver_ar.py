"""Perceiver AR: every position hears far once, and then the positions near it many times.

Who hears what: by one cross-attention a position hears itself and the ``context - 1`` before it;
this makes it a *latent*. A causal stack then lets a latent hear its *block*: the first block is the
first N = ``latents`` positions, and every later one the ``carried`` last latents of the block before,
computed anew, and the N - ``carried`` that follow (``modules/latents.py``). So everything is decided
by absolute position, every prediction is exactly what one pass over its block gives, and a piece may
be of any length. ``absorb`` hears a prefix without making latents, and lets the first block begin
right after it: with it a training window has N queries at its end, as in the paper.

**Source**: Hawthorne et al., arXiv 2202.07765, and the code of google-research/perceiver-ar (queries
are the embeddings themselves, the query's own position is heard, a feed-forward layer follows the
cross-attention, a share of the channels is turned); the blocks are what flaxformer does when its
latents are full (``decoding_latent_reset_fill``). **Differs in** GELU in place of squared ReLU, no
projection between cross-attention and stack, and no dropout of attention weights.

Cost: one token reads ``context`` keys once and its block in every layer. A token that begins a block
also computes the carried latents anew: a burst of ``carried`` + 1 latents, on average N / (N -
``carried``) for each token.

Shapes: B batch, T tokens, S remembered positions, D width, N latents of a block, M blocks side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.events import AttentionConfig, EventModel, initialise
from ritornello.models.transformer import Layer, TransformerConfig
from ritornello.modules.cross_attention import CrossAttention
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear, heard_of_the_last
from ritornello.modules.horizons import Window, heard_by
from ritornello.modules.latents import LatentBlocks
from ritornello.modules.memory import LongCache, empty_long_cache, owned
from ritornello.modules.positions import Turns, turns

LATENTS_TOGETHER = 4096
"""Blocks are computed side by side up to so many latents, rows of the batch counted: more would leave the caches of a
processor."""


class PerceiverArConfig(AttentionConfig):
    """Numbers of a Perceiver AR."""

    context: int = Field(default=32768, ge=1)
    """Positions that the cross-attention hears, the query's own included."""
    latents: int = Field(default=1024, ge=1)
    """Most positions that pass through the stack together."""
    carried: int | None = Field(default=None, ge=0)
    """Latents of the block before that a block begins with, fewer than ``latents``; none given = half of them."""
    num_cross_heads: int = Field(default=1, ge=1)
    """Of the cross-attention; must divide ``width``."""
    rotary_fraction: float = Field(default=0.25, gt=0, le=1)
    """Share of a head's channels that positions turn, rounded down to pairs."""
    prefix_dropout: float = Field(default=0.0, ge=0, le=0.9)
    """Share of the positions heard before a training call that the cross-attention does not hear. The paper has 0.7
    for MAESTRO."""

    @property
    def horizons(self) -> tuple[Window, ...]:
        """Who hears what in the cross-attentions."""
        return (Window(self.context),)

    @property
    def blocks(self) -> LatentBlocks:
        """Which latents pass through the stack together."""
        return LatentBlocks(self.latents, self.latents // 2 if self.carried is None else self.carried)

    @property
    def layer(self) -> TransformerConfig:
        """Numbers of one layer of the stack."""
        return TransformerConfig(
            vocabulary_size=1,
            width=self.width,
            num_heads=self.num_heads,
            num_layers=1,
            feedforward_width=self.feedforward_width,
            positions="rotary",
            window=self.latents,
            dropout=self.dropout,
        )

    @property
    def stack_parameters(self) -> int:
        """Exactly."""
        D, F = self.width, self.feedforward_width
        layer = 4 * D * D + 2 * D * F + F + D + 4 * D
        return len(self.horizons) * CrossAttention.num_parameters(D, F) + self.num_layers * layer + 2 * D

    def turned_channels(self, num_heads: int) -> int:
        """How many channels of each of so many heads positions turn."""
        return 2 * int(self.rotary_fraction * (self.width // num_heads) / 2)

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        cross_width, rest = divmod(self.width, self.num_cross_heads)
        if rest:
            raise ValueError(f"num_cross_heads {self.num_cross_heads} does not divide width {self.width}")
        if cross_width % 2:
            raise ValueError(f"num_cross_heads {self.num_cross_heads}: rotary positions need an even head width")
        for name, heads in (("num_heads", self.num_heads), ("num_cross_heads", self.num_cross_heads)):
            if not self.turned_channels(heads):
                share = f"rotary_fraction {self.rotary_fraction} of {self.width // heads} channels"
                raise ValueError(f"{name} {heads}: {share} is no pair")
        if self.carried is not None and self.carried >= self.latents:
            raise ValueError(f"carried {self.carried} must be fewer than latents {self.latents}")
        return self


class PerceiverState(NamedTuple):
    """What a Perceiver AR remembers."""

    heard: tuple[LongCache, ...]
    """Of every cross-attention, what the next position hears beside itself."""
    latents_BSD: Tensor
    """The last latents, as far as a later block will begin with them."""
    caches: tuple[LongCache, ...]
    """Of every layer of the stack, the block so far; empty where the next position begins one."""
    position: int
    """Absolute position of the next token."""
    first_latent: int
    """Absolute position at which the first block begins."""


class PerceiverAr(EventModel):
    """A model of events that hears far once."""

    def __init__(self, config: PerceiverArConfig) -> None:
        super().__init__(config, PerceiverStack(config))

    def absorbed(self, ids_BT: Tensor, x_BTD: Tensor, heard: PerceiverState) -> PerceiverState:
        """Keys and values of a prefix, without latents."""
        del ids_BT
        assert isinstance(self.stack, PerceiverStack)
        return self.stack.absorb(x_BTD, heard)


class PerceiverStack(nn.Module):
    """Cross-attentions, one after the other; the layers of the latents; the last norm."""

    def __init__(self, config: PerceiverArConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = Dropout(config.dropout)
        self.crosses = nn.ModuleList(
            CrossAttention(
                config.width,
                config.num_cross_heads,
                config.feedforward_width,
                horizon,
                config.dropout,
                config.prefix_dropout,
            )
            for horizon in config.horizons
        )
        self.layers = nn.ModuleList(Layer(config.layer) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.width)
        initialise(self, len(self.crosses) + config.num_layers)

    def new_state(self, batch_size: int) -> PerceiverState:
        """The state before the first token."""
        config, like = self.config, self.norm.weight
        nothing = empty_long_cache(batch_size, config.num_cross_heads, config.width // config.num_cross_heads, like)
        none_BSD = like.new_empty(batch_size, 0, config.width)
        return PerceiverState((nothing,) * len(self.crosses), none_BSD, self._no_block(batch_size), 0, 0)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``.

        Keys and values of what every cross-attention still hears, of the block so far in every layer,
        and the latents of it that the next one will begin with.
        """
        blocks, remembered = self.config.blocks, 0
        for horizon in self.config.horizons:
            remembered += 2 * (num_tokens - horizon.first_heard(num_tokens))
        if blocks.start(num_tokens) != num_tokens:
            remembered += 2 * self.config.num_layers * (num_tokens - blocks.first_heard(num_tokens))
        remembered += max(0, num_tokens - blocks.first_needed(num_tokens))
        return batch_size * remembered * self.config.width * self.norm.weight.element_size()

    def forget(self, state: PerceiverState) -> PerceiverState:
        """Nothing heard, no latents; the blocks go on to begin where they would have begun."""
        heard = tuple(cache.last(0) for cache in state.heard)
        caches = tuple(cache.last(0) for cache in state.caches)
        return state._replace(heard=heard, latents_BSD=state.latents_BSD[:, :0], caches=caches)

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """What is heard by cross-attention, then what a latent hears through all layers."""
        far = max(self.config.horizons, key=lambda horizon: horizon.size)
        return {"cross-attention": heard_by(far, len(ids_T)), "latents": heard_by(self.config.blocks, len(ids_T))}

    def ears(self) -> list[Ear]:
        """One for each cross-attention, one for each layer of the latents."""
        numbers = [f" {number}" for number in range(1, 1 + len(self.crosses))] if len(self.crosses) > 1 else [""]
        crosses = [_cross_ear(f"cross-attention{n}", cross) for n, cross in zip(numbers, self.crosses, strict=True)]
        layers = enumerate(self.layers, start=1)
        return crosses + [_latent_ear(f"latents, layer {n}", layer, self.config.blocks) for n, layer in layers]

    def absorb(self, x_BTD: Tensor, state: PerceiverState) -> PerceiverState:
        """The state after a prefix that is only heard; the first block begins after it."""
        start, length = state.position, x_BTD.shape[1]
        x_BTD, by = self.dropout(x_BTD), self._turns(start, length, self.config.num_cross_heads)
        heard: list[LongCache] = []
        for cross, past in zip(self.crosses, state.heard, strict=True):
            assert isinstance(cross, CrossAttention)
            heard.append(cross.absorb(x_BTD, past, start, by))
        stop = start + length
        return self.forget(state)._replace(heard=tuple(heard), position=stop, first_latent=stop)

    def forward(self, x_BTD: Tensor, state: PerceiverState) -> tuple[Tensor, PerceiverState]:
        """What becomes of the tokens' vectors (B, T, D), and the state after the last."""
        start, length = state.position, x_BTD.shape[1]
        x_BTD, by = self.dropout(x_BTD), self._turns(start, length, self.config.num_cross_heads)
        z_BTD = x_BTD
        heard: list[LongCache] = []
        for cross, past in zip(self.crosses, state.heard, strict=True):
            z_BTD, remembered = cross(z_BTD, x_BTD, past, start, by)
            heard.append(remembered)
        known_BSD = torch.cat([state.latents_BSD.to(z_BTD.dtype), z_BTD], dim=1)
        begun = start - state.first_latent
        h_BTD, caches = self._through_blocks(known_BSD, begun, begun + length, state.caches)
        needed = begun + length - self.config.blocks.first_needed(begun + length)
        needed_BSD = owned(known_BSD[:, max(0, known_BSD.shape[1] - max(0, needed)) :])
        return self.norm(h_BTD), PerceiverState(tuple(heard), needed_BSD, caches, start + length, state.first_latent)

    def _through_blocks(
        self, known_BSD: Tensor, start: int, stop: int, caches: tuple[LongCache, ...]
    ) -> tuple[Tensor, tuple[LongCache, ...]]:
        """What the layers make of the latents in [start, stop), and the caches of the block that is not full yet.

        Positions are counted from the first latent of all; the known ones are the last before ``stop``.
        """
        blocks, first, batch_size = self.config.blocks, stop - known_BSD.shape[1], len(known_BSD)
        most = max(1, LATENTS_TOGETHER // (batch_size * blocks.latents))
        heard: list[Tensor] = []
        while start < stop:
            begin = start if caches[0].length else max(first, blocks.first_heard(start))
            num_whole = min(most, blocks.num_whole(start, stop)) if start - begin == blocks.carried else 0
            end = start + num_whole * blocks.added if num_whole else min(stop, blocks.stop(start))
            part_BSD = known_BSD[:, begin - first : end - first]
            if num_whole:
                heard.append(self._side_by_side(part_BSD, num_whole))
            else:
                h_BSD, caches = self._through_layers(part_BSD, caches)
                heard.append(h_BSD[:, start - begin :])
            if end == blocks.start(end):
                caches = self._no_block(batch_size)
            start = end
        return torch.cat(heard, dim=1), caches

    def _side_by_side(self, known_BSD: Tensor, num_blocks: int) -> Tensor:
        """What the layers make of whole blocks that follow each other, without the latents that each carries."""
        blocks, (B, _, D) = self.config.blocks, known_BSD.shape
        known_BMDN = known_BSD.unfold(1, blocks.latents, blocks.added)
        known_MND = known_BMDN.mT.reshape(B * num_blocks, blocks.latents, D)
        h_MND, _ = self._through_layers(known_MND, self._no_block(B * num_blocks))
        return h_MND[:, blocks.carried :].reshape(B, num_blocks * blocks.added, D)

    def _through_layers(self, x_BTD: Tensor, caches: tuple[LongCache, ...]) -> tuple[Tensor, tuple[LongCache, ...]]:
        """The next latents of a block (B, T, D), and the caches with them; distances count within the block."""
        start = caches[0].length
        by = self._turns(start, x_BTD.shape[1], self.config.num_heads)
        after: list[LongCache] = []
        for layer, past in zip(self.layers, caches, strict=True):
            x_BTD, cache = layer(x_BTD, past, start, by)
            after.append(cache)
        return x_BTD, tuple(after)

    def _no_block(self, batch_size: int) -> tuple[LongCache, ...]:
        """Caches of a block that has no latent yet."""
        config = self.config
        cache = empty_long_cache(batch_size, config.num_heads, config.head_width, self.norm.weight)
        return (cache,) * config.num_layers

    def _turns(self, start: int, length: int, num_heads: int) -> Turns:
        return turns(start, length, self.config.turned_channels(num_heads), self.norm.weight)


def _cross_ear(name: str, cross: nn.Module) -> Ear:
    assert isinstance(cross, CrossAttention)

    def read(
        asked_A: Tensor, queries_BTD: Tensor, x_BTD: Tensor, cache: LongCache, start: int, by: Turns
    ) -> Iterator[Attended]:
        weights = partial(cross.weights, queries_BTD, x_BTD, cache, start, by)
        return heard_of_the_last(asked_A, start, start + x_BTD.shape[1], weights)

    return Ear(name, cross, read)


def _latent_ear(name: str, layer: nn.Module, blocks: LatentBlocks) -> Ear:
    """What a layer hears within blocks; a latent that is carried into one is no prediction there, and not asked."""
    assert isinstance(layer, Layer)
    attention, position = layer.attention, 0

    def read(asked_A: Tensor, x_MND: Tensor, cache: LongCache, start: int, by: Turns) -> Iterator[Attended]:
        nonlocal position
        begin = position if start else blocks.first_heard(position)
        for latents_ND in x_MND:
            stop = begin + len(latents_ND)
            asked_N = ((asked_A >= position) & (asked_A < stop)).nonzero().flatten()
            if len(asked_N):
                weights_BHNS = attention.weights(latents_ND[None], cache, start, by, asked_A[asked_N] - begin)
                yield Attended(asked_N, torch.arange(begin - start, stop, device=asked_A.device), weights_BHNS[0])
            position, begin = stop, begin + blocks.added

    return Ear(name, attention, read)
