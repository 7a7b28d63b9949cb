"""Depth-Structured Music Recurrence: whole pieces in one pass, and each layer remembers differently far.

Who hears what: a position hears its own segment up to itself, and of the segments before what its layer kept of them
(``modules/retention.py``): keys and values, in training detached, so that learning costs a segment's memory and hearing
reaches minutes back. One budget for all layers is shared out by ``schedule``. ``schedule: full`` with few
``num_kv_heads`` is the successor, FHCR: every layer remembers everything, in fewer numbers for each position.

**Source**: arXiv 2602.19816, v1 (schedules, gates) and v3 (FHCR). Sizes, budgets and the form of the gates are
unpublished. **Differs in** norms before the layers, rotary positions on queries and keys (none on values, as in FHCR),
and a gate as one number between 0 and 1 for each head, by which everything remembered counts less than the own segment
does; it begins nearly closed, so that a model that has learned without a memory can be given one. With
straight-through it is 0 or 1 in the forward pass and learns as if it were not.

Shapes: B batch, T tokens, D width, H heads, G key/value heads, K head width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from ritornello.models.events import AttentionConfig, EventModel, initialise
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.memory import KVCache, empty_cache
from ritornello.modules.positions import Turns, turned, turns
from ritornello.modules.recurrent_attention import recurrent_attention, recurrent_weights
from ritornello.modules.retention import SCHEDULES, Retention

FIRST_GATE = -6.0
"""Logit of a gate before learning: what is remembered counts a four-hundredth of what is near."""


class DsmrConfig(AttentionConfig):
    """Numbers of a Dsmr."""

    num_kv_heads: int | None = Field(default=None, ge=1)
    """Heads of keys and values, each heard by ``num_heads / num_kv_heads`` heads of queries; None = ``num_heads``."""
    segment: int = Field(default=1024, ge=1)
    """Tokens; segments begin at the absolute positions 0, ``segment``, 2 ``segment`` ..."""
    schedule: str = "two_scale"
    """Who remembers how much: a key of ``SCHEDULES``."""
    budget: int = Field(default=16384, ge=0)
    """Positions that all layers together remember beside the own segment; ``full`` has none."""
    gates: Literal["soft", "straight_through"] | None = None
    """Learned gates on what is heard from finished segments; None = none."""

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def retentions(self) -> tuple[Retention, ...]:
        """What each layer remembers, lowest first."""
        return SCHEDULES[self.schedule](self.num_layers, self.budget)

    @property
    def stack_parameters(self) -> int:
        """Exactly."""
        D, F, G = self.width, self.feedforward_width, self.kv_heads
        layer = 2 * D * D + 2 * D * G * self.head_width + 2 * D * F + F + D + 4 * D
        return self.num_layers * (layer + (self.num_heads if self.gates else 0)) + 2 * D

    def remembered_positions(self, num_tokens: int) -> int:
        """Of finished segments, all layers together, after ``num_tokens``: at most the budget, but for ``full``."""
        border = num_tokens // self.segment * self.segment
        return sum(len(retention.kept(border)) for retention in self.retentions)

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, name: str) -> str:
        if name not in SCHEDULES:
            raise ValueError(f"no such schedule: {name!r} (one of {', '.join(SCHEDULES)})")
        return name

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if self.num_heads % self.kv_heads:
            raise ValueError(f"num_kv_heads {self.kv_heads} does not divide num_heads {self.num_heads}")
        return self


class LayerMemory(NamedTuple):
    """What one layer remembers."""

    finished: KVCache
    """Of finished segments, what its retention kept; no gradient goes there."""
    own: KVCache
    """Of the segment in progress, everything so far."""


class DsmrState(NamedTuple):
    """What a Dsmr remembers."""

    layers: tuple[LayerMemory, ...]
    position: int
    """Absolute position of the next token."""
    forgotten: int
    """Positions before this one are remembered nowhere."""


class Dsmr(EventModel):
    """A model of events with a memory horizon for each layer."""

    config: DsmrConfig

    def __init__(self, config: DsmrConfig) -> None:
        super().__init__(config, DsmrStack(config))

    def limited(self, horizon: int) -> Dsmr:
        """The same weights (not copies) in a model whose layers remember the last ``horizon`` positions only.

        What is recalled from the tokens is not limited by it.
        """
        config = self.config
        changes = {"schedule": "uniform", "budget": horizon * config.num_layers}
        model = Dsmr(config.model_copy(update=changes))
        model.load_state_dict(self.state_dict(), assign=True)
        return model.train(self.training)


class DsmrStack(nn.Module):
    """Layers and the last norm, over one segment after the other."""

    def __init__(self, config: DsmrConfig) -> None:
        super().__init__()
        self.config, self.retentions = config, config.retentions
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config, retention) for retention in config.retentions)
        self.norm = nn.LayerNorm(config.width)
        initialise(self, config.num_layers)

    def new_state(self, batch_size: int) -> DsmrState:
        """The state before the first token."""
        config = self.config
        nothing = empty_cache(batch_size, config.kv_heads, config.head_width, self.norm.weight)
        return DsmrState((LayerMemory(nothing, nothing),) * config.num_layers, 0, 0)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: of each position that a layer remembers, 2 G K numbers.

        Under autocast they are in its dtype, bfloat16: half of that.
        """
        config = self.config
        positions = config.remembered_positions(num_tokens) + config.num_layers * (num_tokens % config.segment)
        numbers = 2 * config.kv_heads * config.head_width * positions
        return batch_size * numbers * self.norm.weight.element_size()

    def forget(self, state: DsmrState) -> DsmrState:
        """Empty memories; the position, and with it the borders of segments, go on."""
        emptied = tuple(LayerMemory(memory.finished.last(0), memory.own.last(0)) for memory in state.layers)
        return DsmrState(emptied, state.position, state.position)

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """The own segment and what is kept of those before, for each layer; not where all gates are shut."""
        T, segment = len(ids_T), self.config.segment
        positions_T = torch.arange(T)
        masks: dict[str, Tensor] = {}
        for number, (layer, retention) in enumerate(zip(self.layers, self.retentions, strict=True), start=1):
            assert isinstance(layer, Layer)
            heard_TT = (positions_T[:, None] // segment == positions_T // segment).tril()
            for border in range(segment, T, segment):
                heard_TT[border : border + segment, retention.kept(border)] = not layer.is_shut
            if retention.reach is not None:
                heard_TT &= positions_T[:, None] - positions_T <= retention.reach
            masks[f"layer {number}"] = heard_TT
        return masks

    def ears(self) -> list[Ear]:
        """One in each layer."""
        pairs = zip(self.layers, self.retentions, strict=True)
        return [_ear(f"layer {n}", *pair, self.config.segment) for n, pair in enumerate(pairs, start=1)]

    def forward(self, x_BTD: Tensor, state: DsmrState) -> tuple[Tensor, DsmrState]:
        """What the layers make of the tokens' vectors (B, T, D), and the state after the last."""
        segment, T = self.config.segment, x_BTD.shape[1]
        first = min(T, segment - state.position % segment)
        sizes = [first] + [segment] * ((T - first) // segment) + [(T - first) % segment]
        heard: list[Tensor] = []
        for part_BTD in x_BTD.split_with_sizes([size for size in sizes if size], dim=1):
            heard_BTD, state = self._hear_within_a_segment(part_BTD, state)
            heard.append(heard_BTD)
        return torch.cat(heard, dim=1), state

    def _hear_within_a_segment(self, x_BTD: Tensor, state: DsmrState) -> tuple[Tensor, DsmrState]:
        start, stop = state.position, state.position + x_BTD.shape[1]
        by = turns(start, stop - start, self.config.head_width, self.norm.weight)
        x_BTD = self.dropout(x_BTD)
        memories: list[LayerMemory] = []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x_BTD, memory = layer(x_BTD, before, by)
            memories.append(memory)
        if stop % self.config.segment == 0:
            pairs = zip(memories, self.retentions, strict=True)
            begin = max(state.forgotten, stop - self.config.segment)
            memories = [_finished(memory, retention, begin, stop, state.forgotten) for memory, retention in pairs]
            if self.training:
                memories = [LayerMemory(_detached(memory.finished), memory.own) for memory in memories]
        return self.norm(x_BTD), DsmrState(tuple(memories), stop, state.forgotten)


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual path."""

    def __init__(self, config: DsmrConfig, retention: Retention) -> None:
        super().__init__()
        D, G, K = config.width, config.kv_heads, config.head_width
        self.head_width, self.sizes, self.reach = K, (D, G * K, G * K), retention.reach
        self.attention_norm = nn.LayerNorm(D)
        self.project_in = nn.Linear(D, sum(self.sizes), bias=False)
        self.project_out = nn.Linear(D, D, bias=False)
        self.gate_H = nn.Parameter(torch.full((config.num_heads,), FIRST_GATE)) if config.gates else None
        self.straight_through = config.gates == "straight_through"
        self.feedforward_norm = nn.LayerNorm(D)
        self.feedforward = FeedForward(D, config.feedforward_width, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, memory: LayerMemory, by: Turns) -> tuple[Tensor, LayerMemory]:
        """Same shape, and the memory with these positions in it. All of them lie in one segment."""
        q_BHTK, own = self._asked(x_BTD, memory, by)
        heard_BHTK = self._heard(q_BHTK, memory.finished, own)
        x_BTD = x_BTD + self.dropout(self.project_out(heard_BHTK.transpose(1, 2).flatten(2)))
        x_BTD = x_BTD + self.dropout(self.feedforward(self.feedforward_norm(x_BTD)))
        return x_BTD, LayerMemory(memory.finished, own)

    def weights(self, x_BTD: Tensor, memory: LayerMemory, by: Turns, asked_N: Tensor) -> Tensor:
        """How much some positions hear of what is finished, then of their segment (B, H, N, S); see ``ears.py``."""
        q_BHTK, own = self._asked(x_BTD, memory, by)
        loudness_H = self._hard_loudness() if self.straight_through else self._loudness()
        places_N = own.length - x_BTD.shape[1] + asked_N
        return recurrent_weights(q_BHTK[:, :, asked_N], memory.finished, own, places_N, self.reach, loudness_H)

    @property
    def is_shut(self) -> bool:
        """Whether no head hears anything of finished segments."""
        return self.straight_through and self.gate_H is not None and bool((self.gate_H < 0).all())

    def _heard(self, q_BHTK: Tensor, finished: KVCache, own: KVCache) -> Tensor:
        if self.gate_H is None or not finished.length:
            return recurrent_attention(q_BHTK, finished, own, self.reach)
        if not self.straight_through:
            return recurrent_attention(q_BHTK, finished, own, self.reach, self._loudness())
        hard_BHTK = recurrent_attention(q_BHTK, finished, own, self.reach, self._hard_loudness())
        if not self.training:
            return hard_BHTK
        soft_BHTK = recurrent_attention(q_BHTK, finished, own, self.reach, self._loudness())
        return hard_BHTK.detach() + (soft_BHTK - soft_BHTK.detach())  # what is in brackets is exactly 0

    def _asked(self, x_BTD: Tensor, memory: LayerMemory, by: Turns) -> tuple[Tensor, KVCache]:
        """Queries (B, H, T, K), and the own segment with these positions in it."""
        parts = self.project_in(self.attention_norm(x_BTD)).split(self.sizes, dim=-1)
        queries, keys, values = (part.unflatten(-1, (-1, self.head_width)).transpose(1, 2) for part in parts)
        return turned(queries, by), memory.own.extended(turned(keys, by), values)

    def _loudness(self) -> Tensor | None:
        """Of what is finished, for each head."""
        return None if self.gate_H is None else nn.functional.logsigmoid(self.gate_H)

    def _hard_loudness(self) -> Tensor | None:
        return None if self.gate_H is None else torch.where(self.gate_H >= 0, 0.0, float("-inf"))


def _finished(memory: LayerMemory, retention: Retention, begin: int, border: int, forgotten: int) -> LayerMemory:
    """The memory at the border that ends the segment from ``begin`` on; nothing before ``forgotten`` is in it."""
    held, wanted = retention.kept(begin), retention.kept(border)
    held = torch.cat([held[held >= forgotten], torch.arange(begin, border)])
    places = torch.searchsorted(held, wanted[wanted >= forgotten])
    return LayerMemory(memory.finished.extended(*memory.own).chosen(places), memory.own.last(0))


def _detached(cache: KVCache) -> KVCache:
    return KVCache(*(part.detach() for part in cache))


def _ear(name: str, layer: nn.Module, retention: Retention, segment: int) -> Ear:
    assert isinstance(layer, Layer)
    position = 0

    def read(asked_A: Tensor, x_BTD: Tensor, memory: LayerMemory, by: Turns) -> Iterator[Attended]:
        nonlocal position
        start, position = position, position + x_BTD.shape[1]
        asked_N = ((asked_A >= start) & (asked_A < position)).nonzero().flatten()
        if len(asked_N):
            border = start // segment * segment
            columns_S = torch.cat([retention.kept(border), torch.arange(border, position)]).to(asked_A.device)
            yield Attended(asked_N, columns_S, layer.weights(x_BTD, memory, by, asked_A[asked_N] - start)[0])

    return Ear(name, layer, read)
