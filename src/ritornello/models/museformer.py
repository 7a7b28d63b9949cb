"""Museformer: some bars before are heard token by token, all others through one summary each.

Who hears what: in every layer a token hears its own span up to itself, all tokens of the spans at the distances
``fine_spans`` before it, and every other span before it through one vector. So it hears the whole past in every layer,
most of it coarsely. A span is a bar, or, for performances without bars, a stretch of time: ``modules/spans.py`` counts
them from the ids alone.

When a span is over it gets its summary, a learned vector at the bottom, which goes through all layers. In each layer

    summarisation   the summary hears the tokens of its span and itself;
    aggregation     of what it heard, a key and a value are made, and tokens of later spans hear these beside the
                    tokens that they hear finely, in one softmax;
    feed-forward    the same for tokens and summaries.

**Source**: Yu et al., arXiv 2210.10349 (fine- and coarse-grained attention); of its released code (microsoft/muzic) the
norms before the layers, that a summary hears its own span and itself alone, that its second key and value are made of
what it heard before the projection out, and what tokens and summaries share: norms, projections and feed-forward, all
but the second key and value. **Differs in**

* spans of time where there are no bars;
* rotary positions, counted in tokens, in place of embeddings of bar and beat, which performances have not. A summary
  stands at the last token of its span: where what it says became complete, so it is known when the key is made;
* no biases in attention (there, its own for tokens and for summaries), and no dropout of attention weights;
* the beginning of a piece is no bar of its own (there ``take_bos_as_bar``): it opens span 0.

The state grows with the length, without a bound (``MuseformerStack.state_bytes``). So does the cost of a token, but n
times slower than with full attention: with n tokens to a span and F fine distances, token t hears about (F + 1/2) n
tokens and t / n - F summaries in each layer. That is 4 D operations for each, and for all of T tokens about
4 D T ((F + 1/2) n + T / 2n) in each layer.

Shapes: B batch, T tokens, S remembered and new tokens, D width, C room for summaries, U of it in use,
P summaries of spans that end now, R rows (all B T tokens, then P summaries), E = 2 D (keys, then values), H heads,
K head width, A positions that are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.events import AttentionConfig, EventModel, initialise
from ritornello.modules.dropout import Dropout
from ritornello.modules.ears import Attended, Ear
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.fine_and_coarse import Hearing, heard_by_spans, hearing, room
from ritornello.modules.gathered import gathered_attention, gathered_weights
from ritornello.modules.positions import Turns, turned, turns
from ritornello.modules.spans import Bars, SpanRule, Stretches


class MuseformerConfig(AttentionConfig):
    """Numbers of a Museformer; the defaults count spans of two seconds in tokens of the performance scheme."""

    fine_spans: tuple[int, ...] = (1, 2, 4, 8, 12, 16, 24, 32)
    """Rising distances of the spans that are heard token by token, beside the own one."""
    bar_ids: tuple[int, ...] = ()
    """Tokens that open a bar. If there are none, spans are stretches of time:"""
    first_shift: int = Field(default=259, ge=0)
    """The token that moves the clock on by one step; those after it by 2, 3, ..."""
    num_shifts: int = Field(default=100, ge=1)
    """How many such tokens there are."""
    span_steps: int = Field(default=200, ge=1)
    """Length of a span, in the steps of the clock: 200 of 10 ms are two seconds. At least ``num_shifts``."""

    @property
    def span_rule(self) -> SpanRule:
        """How spans are counted."""
        return Bars(self.bar_ids) if self.bar_ids else Stretches(self.first_shift, self.num_shifts, self.span_steps)

    @property
    def stack_parameters(self) -> int:
        """Exactly."""
        D, F = self.width, self.feedforward_width
        return self.num_layers * (6 * D * D + 2 * D * F + F + D + 4 * D) + D + 2 * D

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if any(far <= near for near, far in zip((0, *self.fine_spans), self.fine_spans, strict=False)):
            raise ValueError(f"fine_spans {self.fine_spans} must rise, from 1 on")
        if self.bar_ids:
            if not all(0 <= bar < self.vocabulary_size for bar in self.bar_ids):
                raise ValueError(f"bar_ids {self.bar_ids} are not all in a vocabulary of {self.vocabulary_size}")
        elif self.first_shift + self.num_shifts > self.vocabulary_size:
            last = self.first_shift + self.num_shifts - 1
            raise ValueError(f"shifts {self.first_shift} to {last}: not in a vocabulary of {self.vocabulary_size}")
        elif self.span_steps < self.num_shifts:
            raise ValueError(f"span_steps {self.span_steps}: a shift of {self.num_shifts} would skip a span")
        return self


class LayerMemory(NamedTuple):
    """What one layer remembers."""

    tokens_BSE: Tensor
    """Keys, turned, and values."""
    summaries_BCE: Tensor
    """The same of every span that is over, in the order of the spans; then zeros."""


class MuseformerState(NamedTuple):
    """What a Museformer remembers."""

    layers: tuple[LayerMemory, ...]
    spans_BS: Tensor
    """Number of the span of every remembered token."""
    clock_B: Tensor
    """Of the rule that counts spans."""
    position: int
    """Absolute position of the next token."""


class Museformer(EventModel):
    """A model of events whose stack hears spans."""

    def __init__(self, config: MuseformerConfig) -> None:
        super().__init__(config, MuseformerStack(config))

    def hear(self, ids_BT: Tensor, x_BTD: Tensor, heard: MuseformerState) -> tuple[Tensor, MuseformerState]:
        """The stack must know the spans, so it sees the ids."""
        after: tuple[Tensor, MuseformerState] = self.get_submodule("stack")(x_BTD, heard, ids_BT)
        return after


class MuseformerStack(nn.Module):
    """Summaries, layers, the last norm."""

    def __init__(self, config: MuseformerConfig) -> None:
        super().__init__()
        self.config = config
        self.summary_D = nn.Parameter(torch.empty(config.width).normal_(std=0.5))  # as the embedding of tokens
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.width)
        initialise(self, config.num_layers)

    def new_state(self, batch_size: int) -> MuseformerState:
        """The state before the first token."""
        nothing_B0E = self.norm.weight.new_empty(batch_size, 0, 2 * self.config.width)
        whole = torch.zeros(batch_size, 1, dtype=torch.int64, device=nothing_B0E.device)
        layers = (LayerMemory(nothing_B0E, nothing_B0E),) * self.config.num_layers
        return MuseformerState(layers, whole[:, :0], whole[:, 0], 0)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: 2 D L (S + C) numbers, and 8 S + 8 bytes for spans and clock.

        S is ``num_tokens``; C, the room for summaries, is (S - 1) divided by the least number of tokens that a
        span can have, rounded up: half of S where two shifts make a span, S - 1 for bars. The room is the same for
        all pieces of a batch, whatever their spans are; most of it is never used.
        """
        numbers = 2 * self.config.width * (num_tokens + room(num_tokens, self.config.span_rule))
        per_layer = numbers * self.norm.weight.element_size()
        return batch_size * (self.config.num_layers * per_layer + 8 * num_tokens + 8)

    def forget(self, state: MuseformerState) -> MuseformerState:
        """No tokens, not even of the span that goes on, and no summaries; position, clock and spans go on."""
        new = self.new_state(len(state.clock_B))
        return MuseformerState(new.layers, new.spans_BS, state.clock_B, state.position)

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """Two stages, the same in every layer; a summary stands at the last token of its span."""
        spans_1T, _ = self.config.span_rule.count(ids_T[None], ids_T.new_zeros(1))
        return heard_by_spans(spans_1T[0], self.config.fine_spans)

    def ears(self) -> list[Ear]:
        """One in each layer: of summaries what they made of the tokens of their spans."""
        return [_ear(f"layer {number}", layer) for number, layer in enumerate(self.layers, start=1)]

    def forward(self, x_BTD: Tensor, state: MuseformerState, ids_BT: Tensor) -> tuple[Tensor, MuseformerState]:
        """What the layers make of the tokens' vectors (B, T, D), and the state after the last."""
        spans_BT, clock_B = self.config.span_rule.count(ids_BT, state.clock_B)
        spans_BS = torch.cat([state.spans_BS, spans_BT], dim=1)
        to = hearing(spans_BS, spans_BT.shape[1], self.config.fine_spans, self.config.span_rule)
        x_RD = torch.cat([x_BTD.flatten(0, 1), self.summary_D.expand(len(to.slots_P), -1)])
        x_RD, by = self.dropout(x_RD), self._turns(to, state.position - state.spans_BS.shape[1] + to.first)
        memories: list[LayerMemory] = []
        for layer, past in zip(self.layers, state.layers, strict=True):
            x_RD, memory = layer(x_RD, past, to, by)
            memories.append(memory)
        h_BTD = self.norm(x_RD[: spans_BT.numel()]).view_as(x_BTD)
        return h_BTD, MuseformerState(tuple(memories), spans_BS, clock_B, state.position + spans_BT.shape[1])

    def _turns(self, to: Hearing, first: int) -> Turns:
        """Of every row, for all heads (R, 1, K/2); ``first`` is the position of place 0."""
        low = int(to.places_R.min())
        head_width = self.config.head_width
        by = turns(first + low, int(to.places_R.max()) + 1 - low, head_width, self.norm.weight)
        rows_R = (to.places_R - low).to(self.norm.weight.device)
        return Turns(by.cos_TK[rows_R, None], by.sin_TK[rows_R, None])


class _Asked(NamedTuple):
    """Queries, and the tables of keys and values that they meet."""

    q_RD: Tensor
    spans_RE: Tensor | None
    """Met by summaries; None if no span ends."""
    heard_PD: Tensor | None
    """What these heard there."""
    tokens_RE: Tensor
    """Met by tokens."""
    memory: LayerMemory
    """With the new positions in it."""


class Layer(nn.Module):
    """Summarisation, aggregation and feed-forward, after a norm and beside a residual path."""

    def __init__(self, config: MuseformerConfig) -> None:
        super().__init__()
        D = config.width
        self.num_heads = config.num_heads
        self.attention_norm = nn.LayerNorm(D)
        self.project_in = nn.Linear(D, 3 * D, bias=False)
        self.project_summary = nn.Linear(D, 2 * D, bias=False)
        self.project_out = nn.Linear(D, D, bias=False)
        self.feedforward_norm = nn.LayerNorm(D)
        self.feedforward = FeedForward(D, config.feedforward_width, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_RD: Tensor, memory: LayerMemory, to: Hearing, by: Turns) -> tuple[Tensor, LayerMemory]:
        """Same shape, and what later tokens can hear of this layer."""
        heard_RD, memory = self._attend(self.attention_norm(x_RD), memory, to, by)
        x_RD = x_RD + self.dropout(self.project_out(heard_RD))
        return x_RD + self.dropout(self.feedforward(self.feedforward_norm(x_RD))), memory

    def weights(
        self, x_RD: Tensor, memory: LayerMemory, to: Hearing, by: Turns, asked_N: Tensor
    ) -> tuple[Tensor | None, Tensor]:
        """How much summaries, then the tokens that are named hear of each row of their tables; see ``ears.py``.

        (H, P, B V + P), None if no span ends, and (H, N, B V + B U), the rows as ``Hearing`` has them.
        """
        asked = self._asked(self.attention_norm(x_RD), memory, to, by)
        num_tokens, D = len(x_RD) - len(to.slots_P), x_RD.shape[-1]
        spans_HPR = None
        if to.spans is not None and asked.spans_RE is not None:
            all_P = torch.arange(len(to.slots_P), device=x_RD.device)
            spans_HPR = gathered_weights(
                asked.q_RD[num_tokens:], asked.spans_RE[:, :D], to.spans, self.num_heads, all_P
            )
        keys_RD = asked.tokens_RE[:, :D]
        return spans_HPR, gathered_weights(asked.q_RD[:num_tokens], keys_RD, to.tokens, self.num_heads, asked_N)

    def _attend(self, x_RD: Tensor, memory: LayerMemory, to: Hearing, by: Turns) -> tuple[Tensor, LayerMemory]:
        """What tokens and summaries hear (R, D)."""
        asked = self._asked(x_RD, memory, to, by)
        num_tokens = len(x_RD) - len(to.slots_P)
        heard_RD = gathered_attention(asked.q_RD[:num_tokens], asked.tokens_RE, to.tokens, self.num_heads)
        if asked.heard_PD is not None:
            heard_RD = torch.cat([heard_RD, asked.heard_PD])
        return heard_RD, asked.memory

    def _asked(self, x_RD: Tensor, memory: LayerMemory, to: Hearing, by: Turns) -> _Asked:
        """All that comes before tokens hear, what summaries hear with it."""
        B, E = len(memory.tokens_BSE), 2 * x_RD.shape[-1]
        num_tokens = len(x_RD) - len(to.slots_P)
        queries_RHK, keys_RHK, values_RHK = self.project_in(x_RD).view(len(x_RD), 3, self.num_heads, -1).unbind(1)
        q_RD = turned(queries_RHK, by).flatten(1)
        new_RE = torch.cat([turned(keys_RHK, by).flatten(1), values_RHK.flatten(1)], dim=-1)
        tokens_BSE = _joined(memory.tokens_BSE, new_RE[:num_tokens].view(B, -1, E))
        summaries_BCE = _with_room(memory.summaries_BCE.to(tokens_BSE.dtype), to.room)
        tokens_RE = tokens_BSE[:, to.first :].flatten(0, 1)
        spans_RE = heard_PD = None
        if to.spans is not None:
            spans_RE = torch.cat([tokens_RE, new_RE[num_tokens:]])
            heard_PD = gathered_attention(q_RD[num_tokens:], spans_RE, to.spans, self.num_heads)
            new_PE = self._summaries(heard_PD, Turns(*(turn[num_tokens:] for turn in by))).to(tokens_BSE.dtype)
            summaries_BCE = summaries_BCE.flatten(0, 1).index_copy(0, to.slots_P, new_PE).view_as(summaries_BCE)
        table_RE = torch.cat([tokens_RE, summaries_BCE[:, : to.num_over].flatten(0, 1)])
        return _Asked(q_RD, spans_RE, heard_PD, table_RE, LayerMemory(tokens_BSE, summaries_BCE))

    def _summaries(self, heard_PD: Tensor, by: Turns) -> Tensor:
        """Keys and values, to be heard by tokens, of what summaries heard."""
        keys_PHK, values_PHK = self.project_summary(heard_PD).view(len(heard_PD), 2, self.num_heads, -1).unbind(1)
        return torch.cat([turned(keys_PHK, by).flatten(1), values_PHK.flatten(1)], dim=-1)


def _joined(past_BSE: Tensor, new_BTE: Tensor) -> Tensor:
    """In the dtype of what is new, which autocast may have made a smaller one."""
    if not past_BSE.shape[1]:
        return new_BTE
    return torch.cat([past_BSE, new_BTE.to(past_BSE.dtype)], dim=1)


def _with_room(summaries_BCE: Tensor, num_summaries: int) -> Tensor:
    """Filled up with zeros."""
    missing = num_summaries - summaries_BCE.shape[1]
    return nn.functional.pad(summaries_BCE, (0, 0, 0, missing)) if missing else summaries_BCE


def _ear(name: str, layer: nn.Module) -> Ear:
    """What a layer hears of each token of one piece: by itself, and through the summary of its span.

    What goes to a summary is shared out as the summary shared out what it heard, in the mean over its heads, since
    what it says to each head was made of all of them. What it heard of itself stands at the last token of the span.
    """
    assert isinstance(layer, Layer)
    position, last_C, shares_S = 0, torch.zeros(0, dtype=torch.int64), torch.zeros(0)

    def read(asked_A: Tensor, x_RD: Tensor, memory: LayerMemory, to: Hearing, by: Turns) -> Iterator[Attended]:
        nonlocal position, last_C, shares_S
        num_new = len(x_RD) - len(to.slots_P)
        start, position = position, position + num_new
        asked_N = ((asked_A >= start) & (asked_A < position)).nonzero().flatten()
        spans_HPR, tokens_HNR = layer.weights(x_RD, memory, to, by, asked_A[asked_N] - start)
        shares_S = torch.cat([shares_S.to(x_RD), x_RD.new_zeros(num_new)])
        V = position - to.first
        if spans_HPR is not None:
            ends_P = (to.first + to.places_R[num_new:]).to(x_RD.device)
            last_C = torch.cat([last_C.to(ends_P.device), ends_P])
            shares_PR = spans_HPR.mean(dim=0)
            shares_S[to.first :] += shares_PR[:, :V].sum(dim=0)
            shares_S[ends_P] += shares_PR[:, V:].diagonal()
        if len(asked_N):
            coarse_S = torch.arange(int(last_C[to.num_over - 1]) + 1 if to.num_over else 0, device=x_RD.device)
            summary_S = torch.searchsorted(last_C, coarse_S)
            weights_HNS = torch.cat([tokens_HNR[..., :V], tokens_HNR[..., V + summary_S] * shares_S[coarse_S]], dim=-1)
            yield Attended(asked_N, torch.cat([torch.arange(to.first, position).to(coarse_S), coarse_S]), weights_HNS)

    return Ear(name, layer, read)
