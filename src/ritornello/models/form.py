"""Notes under a plan: a window of what was just written, the source heard finely, every section as a few vectors.

Who hears what: in every layer a token hears the window before it. Half-way through the layers it also hears
(1) each earlier section as ``num_summaries`` vectors, into which it was compressed when it was written
(``modules/sections.py``); (2) the tokens around the one from which the plan says it derives
(``Conditions.source_BT``), moved by the plan's transposition, finely: what they are and in which order
(``modules/pointed.py``); (3) with ``recall``, in the same way the tokens at four places where the last ones were heard
before (``modules/recall_in_parts.py``), which no plan names. The plan itself is added at every token. The head may name
each token pointed at outright: what copying is worth is learned, and the rest is the model's own.

**Source**: the division of labour is Whole-Song Generation's (arXiv 2405.09901); hearing a few bars finely and all
others as summaries is Museformer's (arXiv 2210.10349), here with the bars that a plan names and with sections; naming
a heard token outright follows pointer networks (arXiv 1506.03134) and copying (arXiv 1603.06393).

Cost of a token, beside what does not depend on the music so far: 2 D multiplications for each token in its window, in
each layer, and 2 D for each vector of each section that is over; so neither the length of a section nor of the piece
matters, and the number of sections by their few vectors alone. A section that is over costs 2 D^2 for each of its
vectors, once. Recall looks at all tokens before each, which is in no matrix product.
``FormConfig.token_multiplications`` is the whole formula, ``Form.state_bytes`` that of memory: 2 bytes a token, and 62
with recall in 16 parts, beside what has one size for good.

Shapes: B batch, T tokens, S all tokens, V vocabulary, D width, C condition channels, O offsets.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self, TypeVar

import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.base import MAX_PARAMETERS, Conditions, ModelConfig
from ritornello.models.events import initialise
from ritornello.models.transformer import Layer, TransformerConfig, ear_of_layer
from ritornello.modules.ears import Ear
from ritornello.modules.features import FeatureSum
from ritornello.modules.heard_before import ORDERS
from ritornello.modules.keyboard import NUM_PITCHES
from ritornello.modules.memory import LongCache, empty_long_cache
from ritornello.modules.pointed import Pointed, PointedAttention, PointedInput, Reach, tokens_around
from ritornello.modules.positions import turns
from ritornello.modules.recall_in_parts import (
    VIEWS,
    Recalled,
    RecallState,
    nothing_recalled,
    recall_in_parts,
    recall_state_bytes,
)
from ritornello.modules.sections import MAX_SECTIONS, SectionMemory, SectionState

SOURCE_REACH = Reach(before=3, after=12, near_before=2, near_after=3)
RECALL_REACH = Reach(before=0, after=3, near_before=0, near_after=3)
"""What stands before a place that was found by it is known."""
_MOST_PLACES = 128
_ID_BYTES = torch.int16.itemsize
Channels = TypeVar("Channels", Tensor, NDArray[Any])


class FormConfig(ModelConfig):
    """Numbers of a Form; those from ``section_channel`` on describe the level ``bars_plan``."""

    vocabulary_size: int = Field(ge=1, le=2**15)
    condition_sizes: tuple[int, ...] = ()
    """Number of values of every condition channel; without channels neither sections nor a source are heard."""
    width: int = Field(default=256, ge=1)
    num_layers: int = Field(default=6, ge=1)
    num_heads: int = Field(default=4, ge=1)
    """Must divide ``width`` and ``source_width`` into even parts."""
    feedforward_width: int = Field(default=512, ge=1)
    dropout: float = Field(default=0.1, ge=0, le=0.9)
    """Of what a layer adds, and inside the feed-forward layers."""
    window: int = Field(default=512, ge=1)
    """Tokens that a position hears in one layer, itself included."""
    num_summaries: int = Field(default=4, ge=0, le=64)
    """Vectors into which each section is compressed; 0 = sections are not heard."""
    source_width: int = Field(default=128, ge=0)
    """Width of the fine hearing of the source, and of what is recalled; 0 = the source is not heard."""
    recall: bool = False
    """Whether it is told what followed when the last tokens were heard before (``modules/recall_in_parts.py``), and how
    many of them were the same."""
    section_channel: int = Field(default=21, ge=0)
    """Condition channel that numbers the sections from 1."""
    told_sections: int = Field(default=MAX_SECTIONS - 1, ge=1)
    """Sections above this number are told as this one: few pieces have so many, and what was never heard in training
    would be noise. Section memory knows each by its own; where no sections are heard, all are told."""
    place_channels: tuple[int, int] = (0, 1)
    """Condition channels that together say where in its bar a token stands; each has at most 128 values."""
    part_channel: int = Field(default=2, ge=0)
    """Condition channel of the part: 0 unknown, 1 none, then the parts."""
    shift_channel: int = Field(default=17, ge=0)
    """Condition channel that says how far the music lies above its source, as ``shift_zero`` + semitones; 0 = not."""
    shift_zero: int = Field(default=12, ge=0)
    first_pitch: int = Field(default=766, ge=0)
    """The first of 128 tokens that are pitches, from the lowest on."""

    @property
    def head_width(self) -> int:
        """Of every head."""
        return self.width // self.num_heads

    @property
    def hears_sections(self) -> bool:
        """Whether sections before are heard."""
        return bool(self.condition_sizes) and self.num_summaries > 0

    @property
    def hears_source(self) -> bool:
        """Whether the source is heard, and may be copied."""
        return bool(self.condition_sizes) and self.source_width > 0

    @property
    def reaches(self) -> tuple[Reach, ...]:
        """Of every pointer of a token."""
        return (SOURCE_REACH, *(RECALL_REACH,) * (len(VIEWS) * self.recall)) if self.hears_source else ()

    @property
    def most_told(self) -> Tensor:
        """The highest value of each condition channel that is told (C,)."""
        most_C = torch.tensor(self.condition_sizes, dtype=torch.int64) - 1
        if self.hears_sections:
            most_C[self.section_channel] = min(self.told_sections, int(most_C[self.section_channel]))
        return most_C

    @property
    def num_parts(self) -> int:
        """That a token may be in, none among them."""
        return self.condition_sizes[self.part_channel] - 1

    @property
    def num_offsets(self) -> int:
        """Of tokens around all places pointed at."""
        return sum(reach.num_offsets for reach in self.reaches)

    @property
    def num_near(self) -> int:
        """Of those that are told at the input."""
        return sum(reach.num_near for reach in self.reaches)

    def places(self, channels: Channels) -> Channels:
        """Where in its bar each token stands (...), by its channels (..., C)."""
        first, second = self.place_channels
        return _MOST_PLACES * channels[..., first] + channels[..., second]

    @property
    def num_parameters(self) -> int:
        """Exactly."""
        D, V, F, sized = self.width, self.vocabulary_size, self.feedforward_width, sum(self.condition_sizes)
        count = V * D + (1 + sized) * D + self.num_layers * (4 * D * D + 2 * D * F + F + 5 * D) + 2 * D + D * V + V
        if self.hears_sections:
            count += SectionMemory.num_parameters(D, self.num_summaries)
        if self.reaches:
            count += PointedInput.num_parameters(V, D, self.source_width, self.num_near)
            count += PointedAttention.num_parameters(V, D, self.num_heads, self.source_width, self.num_offsets)
            count += len(self.reaches) * (D + 1) + self.recall * (1 + len(VIEWS) * len(ORDERS)) * D
        return count

    def token_multiplications(self, num_tokens: int, section: int) -> int:
        """In all matrix products of the token after ``num_tokens``, which is in the section of this number.

        That is how many sections lie before it, what comes before the first (number 0) included. The first token of a
        section costs ``section_multiplications`` more for each number by which it lies above the token before.
        """
        D, heard = self.width, min(num_tokens + 1, self.window)
        count = self.num_layers * (4 * D * D + 2 * D * self.feedforward_width + 2 * D * heard)
        count += D * self.vocabulary_size
        if self.hears_sections:
            count += SectionMemory.token_multiplications(D, self.num_summaries, section)
        if self.reaches:
            count += PointedInput.token_multiplications(D, self.source_width, self.num_near) + len(self.reaches) * D
            count += PointedAttention.token_multiplications(D, self.source_width, self.num_offsets)
        return count

    @property
    def section_multiplications(self) -> int:
        """In the matrix products of a section, once it is over."""
        return SectionMemory.section_multiplications(self.width, self.num_summaries) if self.hears_sections else 0

    @model_validator(mode="after")
    def _is_of_a_size(self) -> Self:
        for name, width in (("width", self.width), ("source_width", self.source_width)):
            if width % (2 * self.num_heads):
                raise ValueError(f"num_heads {self.num_heads} does not divide {name} {width} into even parts")
        if self.recall and not (self.source_width and self.condition_sizes):
            raise ValueError("recall needs a source_width above 0 and condition channels that say place and part")
        if self.num_parameters > MAX_PARAMETERS:
            raise ValueError(f"{self.num_parameters} parameters are too many (limit: {MAX_PARAMETERS})")
        return self

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        named = [("section_channel", self.section_channel)] if self.hears_sections else []
        named += [("shift_channel", self.shift_channel)] if self.hears_source else []
        if self.recall:
            named += [("part_channel", self.part_channel), *(("place_channels", c) for c in self.place_channels)]
        for name, channel in named:
            if channel >= len(self.condition_sizes):
                raise ValueError(f"{name} {channel}: there are {len(self.condition_sizes)} condition channels, from 0")
        if self.recall and self.num_parts < 1:
            raise ValueError(f"part_channel {self.part_channel}: it has no value for no part")
        if self.recall and max(self.condition_sizes[channel] for channel in self.place_channels) > _MOST_PLACES:
            what = f"a channel of them has more than {_MOST_PLACES} values"
            raise ValueError(f"place_channels {list(self.place_channels)}: {what}")
        if self.hears_source and self.first_pitch + NUM_PITCHES > self.vocabulary_size:
            what = f"{NUM_PITCHES} pitches do not fit into a vocabulary of {self.vocabulary_size}"
            raise ValueError(f"first_pitch {self.first_pitch}: {what}")
        return self


class FormState(NamedTuple):
    """What a Form remembers."""

    caches: tuple[LongCache, ...]
    """Of every layer, what the next position hears beside itself."""
    ids_BS: Tensor
    """All tokens, for those that will derive from them or recall them (int16); none where nothing is pointed at."""
    recalled: RecallState | None
    """None where nothing is recalled."""
    sections: SectionState | None
    """None where no sections are heard."""
    position: int
    """Absolute position of the next token."""


class Form(nn.Module):
    """Embedding with plan and source, layers with section memory and fine hearing half-way, head with copying."""

    def __init__(self, config: FormConfig) -> None:
        super().__init__()
        self.config = config
        D, V, H = config.width, config.vocabulary_size, config.num_heads
        self.embedding = nn.Embedding(V, D)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.conditions = FeatureSum(config.condition_sizes, D)
        self.register_buffer("most_told_C", config.most_told, persistent=False)
        self.most_told_C: Tensor
        self.layers = nn.ModuleList(Layer(_of_layers(config)) for _ in range(config.num_layers))
        self.memory = SectionMemory(D, H, config.num_summaries) if config.hears_sections else None
        points, W = bool(config.reaches), config.source_width
        self.pointed = PointedInput(V, D, W, config.num_near) if points else None
        self.recalled = FeatureSum([len(ORDERS)] * len(VIEWS), D) if config.recall else None
        self.source = PointedAttention(V, D, H, W, config.num_offsets) if points else None
        self.worth_head = nn.Linear(D, len(config.reaches)) if points else None
        self.norm = nn.LayerNorm(D)
        self.head = nn.Linear(D, V)
        initialise(self, config.num_layers)
        nn.init.normal_(self.head.weight, std=0.02)  # so that training begins near log V nats
        nn.init.zeros_(self.head.bias)
        if self.worth_head is not None:
            nn.init.zeros_(self.worth_head.weight)
            nn.init.constant_(self.worth_head.bias, 0.25)
            nn.init.constant_(self.worth_head.bias[:1].detach(), 1.0)

    def new_state(self, batch_size: int) -> FormState:
        """The state before the first token."""
        config, like = self.config, self.norm.weight
        cache = empty_long_cache(batch_size, config.num_heads, config.head_width, like)
        ids = torch.empty(batch_size, 0, dtype=torch.int16, device=like.device)
        sections = None if self.memory is None else self.memory.nothing_heard(batch_size, like)
        recalled = nothing_recalled(batch_size, config.num_parts, like.device) if config.recall else None
        return FormState((cache,) * config.num_layers, ids, recalled, sections, 0)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``.

        Keys and values of the window in every layer; two bytes of each token, for the source; for recall 26 more, and
        2 for each part that there may be, none among them, and 16 of each part; and the sections' state, of one size.
        Under autocast the caches are in its dtype, bfloat16: half of that.
        """
        config, like = self.config, self.norm.weight
        numbers = 2 * config.num_layers * config.width * min(num_tokens, config.window - 1)
        sections = 0 if self.memory is None else self.memory.state_bytes(batch_size, like)
        ids = _ID_BYTES * num_tokens if config.reaches else 0
        recalled = recall_state_bytes(batch_size, config.num_parts, num_tokens) if config.recall else 0
        return batch_size * (numbers * like.element_size() + ids) + recalled + sections

    def ears(self) -> list[Ear]:
        """One in each layer, and half-way those of the sections and of the source; see ``EventModel.ears``."""
        ears = [ear_of_layer(f"layer {number}", layer) for number, layer in enumerate(self.layers, start=1)]
        between = [] if self.memory is None else [self.memory.ear("sections")]
        between += [] if self.source is None else [self.source.ear("source")]
        return [*ears[: len(ears) // 2], *between, *ears[len(ears) // 2 :]]

    @property
    def entrance(self) -> tuple[nn.Module, int]:
        """Where tokens come in, each as a vector; what the source tells is heard beside it."""
        return self.embedding, 1

    def forward(
        self, ids_BT: Tensor, state: FormState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, FormState]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        B, T = ids_BT.shape
        state = self.new_state(B) if state is None else state
        if conditions is None:
            unknown_BTC = ids_BT.new_zeros(B, T, len(self.config.condition_sizes))
            conditions = Conditions(unknown_BTC, ids_BT.new_full((B, T), -1))
        x_BTD = self.embedding(ids_BT) + self.conditions(torch.minimum(conditions.channels_BTC, self.most_told_C))
        ids_BS, recalled, pointed = state.ids_BS, state.recalled, None
        if self.pointed is not None:
            ids_BS = torch.cat([ids_BS, ids_BT.to(torch.int16)], dim=1)
            place_BTP, semitones_BTP = self._source(conditions)
            if self.recalled is not None and recalled is not None:
                found, recalled = self._recall(ids_BT, conditions, recalled)
                x_BTD = x_BTD + self.recalled(found.order_index_BTV)
                place_BTP = torch.cat([place_BTP, found.place_BTV], dim=-1)
                semitones_BTP = torch.cat([semitones_BTP, found.semitones_BTV], dim=-1)
            pointed = self._around(place_BTP, semitones_BTP, ids_BS)
            x_BTD = x_BTD + self.pointed(pointed)
        by = turns(state.position, T, self.config.head_width, self.norm.weight)
        caches, sections = list[LongCache](), state.sections
        for number, (layer, past) in enumerate(zip(self.layers, state.caches, strict=True)):
            if number == len(self.layers) // 2:
                x_BTD, sections = self._half_way(x_BTD, conditions, sections, pointed)
            x_BTD, cache = layer(x_BTD, past, state.position, by)
            caches.append(cache)
        logits_BTV = self._logits(self.norm(x_BTD), pointed)
        return logits_BTV, FormState(tuple(caches), ids_BS, recalled, sections, state.position + T)

    def _source(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """Each token's source (B, T, 1), and by how much the plan moves its pitches."""
        shift_BT1 = conditions.channels_BTC[..., self.config.shift_channel, None]
        semitones_BT1 = torch.where(shift_BT1 > 0, shift_BT1 - self.config.shift_zero, 0)
        return conditions.source_BT[..., None], semitones_BT1

    def _recall(self, ids_BT: Tensor, conditions: Conditions, state: RecallState) -> tuple[Recalled, RecallState]:
        """What followed the last tokens when they were heard before."""
        config, channels_BTC = self.config, conditions.channels_BTC
        pitch_BT = ids_BT - config.first_pitch
        pitch_BT = torch.where((pitch_BT >= 0) & (pitch_BT < NUM_PITCHES), pitch_BT, -1)
        part_BT = (channels_BTC[..., config.part_channel] - 1).clamp(min=0)
        return recall_in_parts(ids_BT, pitch_BT, part_BT, config.places(channels_BTC), state)

    def _around(self, place_BTP: Tensor, semitones_BTP: Tensor, ids_BS: Tensor) -> Pointed:
        """The tokens around each place, their pitches moved by so many semitones, 0-127."""
        around = tokens_around(place_BTP, ids_BS, self.config.vocabulary_size, self.config.reaches)
        pitch_BTO = around.tokens_BTO - self.config.first_pitch
        is_pitch_BTO = (pitch_BTO >= 0) & (pitch_BTO < NUM_PITCHES)
        moved_BTO = pitch_BTO + semitones_BTP.index_select(-1, around.layout.pointer_O)
        moved_BTO = self.config.first_pitch + moved_BTO.clamp(0, NUM_PITCHES - 1)
        return around._replace(tokens_BTO=torch.where(is_pitch_BTO, moved_BTO, around.tokens_BTO))

    def _half_way(
        self, x_BTD: Tensor, conditions: Conditions, sections: SectionState | None, pointed: Pointed | None
    ) -> tuple[Tensor, SectionState | None]:
        """With what the tokens hear of the sections before their own, and then of their sources."""
        if self.memory is not None and sections is not None:
            section_BT = conditions.channels_BTC[..., self.config.section_channel]
            heard_BTD, sections = self.memory(x_BTD, section_BT, sections)
            x_BTD = x_BTD + heard_BTD
        if self.source is not None and pointed is not None:
            x_BTD = x_BTD + self.source(x_BTD, pointed)
        return x_BTD, sections

    def _logits(self, x_BTD: Tensor, pointed: Pointed | None) -> Tensor:
        """With what copying is worth added to the logit of each token pointed at."""
        logits_BTV = self.head(x_BTD)
        if self.worth_head is None or pointed is None:
            return logits_BTV
        logits_BTV = logits_BTV.to(torch.promote_types(logits_BTV.dtype, torch.float32))  # worths may add up
        named_BTP = pointed.named()
        is_named_BTP = named_BTP < self.config.vocabulary_size
        worth_BTP = (self.worth_head(x_BTD) * is_named_BTP).to(logits_BTV.dtype)
        return logits_BTV.scatter_add(-1, torch.where(is_named_BTP, named_BTP, 0), worth_BTP)


def _of_layers(config: FormConfig) -> TransformerConfig:
    """The layers are a Transformer's, with turned queries and keys."""
    return TransformerConfig(
        vocabulary_size=config.vocabulary_size,
        width=config.width,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        feedforward_width=config.feedforward_width,
        dropout=config.dropout,
        window=config.window,
    )
