"""The levels of a composition: plans as a plain language model, notes as frames under a plan.

    structure --PlanLevel--> phrases --PlanLevel--> notes --NoteLevel-->

Who hears what: a ``PlanLevel`` hears all of its own past and, at every step, what the level above
says of the token to come. A ``NoteLevel`` hears all earlier frames through its backbone, the frames
around the place that the plan names as the source finely (``modules/source.py``), and inside its
frame the slots above (``modules/slots.py``).

**Source**: the division of labour is Whole-Song Generation's (arXiv 2405.09901), with autoregressive
models instead of diffusion. Frames with a small decoder inside follow MegaByte (arXiv 2305.07185);
intervals in the output take the place of Music Transformer's relative pitch (arXiv 1809.04281).

Shapes: B batch, T tokens, V vocabulary, D width, C condition channels, F frames, S voices, M marks,
P pitches, N features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ritornello.models.base import Conditions, ModelConfig
from ritornello.modules.attention import Block, ears_of
from ritornello.modules.chroma import NUM_CLASSES, class_counts, fading_sums, seen_from, shares
from ritornello.modules.ears import Ear, of_frames
from ritornello.modules.features import FeatureSum
from ritornello.modules.memory import KVCache, empty_cache
from ritornello.modules.slots import (
    NUM_AGES,
    NUM_INTERVALS,
    NUM_LEAPS,
    Alphabet,
    SlotDecoder,
    Surroundings,
    interval_feature,
    leap_feature,
    source_feature,
)
from ritornello.modules.source import SourceAttention
from ritornello.modules.voices import HOLD, SILENCE, Voices, follow, silent_voices

_INTEGER_BYTES = torch.int64.itemsize


class PlanLevelConfig(ModelConfig):
    """Numbers of a PlanLevel."""

    vocabulary_size: int = Field(ge=1)
    condition_sizes: tuple[int, ...] = ()
    """Number of values of every condition channel."""
    width: int = 128
    num_layers: int = 4
    num_heads: int = 4
    feedforward_width: int = 512
    max_distance: int = 128
    """From here on all distances share one attention bias."""
    dropout: float = 0.3
    attention_dropout: float = 0.1


class PlanState(NamedTuple):
    """What a PlanLevel remembers."""

    caches: tuple[KVCache, ...]


class PlanLevel(nn.Module):
    """A small causal Transformer over plan tokens; conditions are added to the input."""

    def __init__(self, config: PlanLevelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.conditions = FeatureSum(config.condition_sizes, config.width)
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocabulary_size)

    def new_state(self, batch_size: int) -> PlanState:
        """The state before the first token."""
        config = self.config
        cache = empty_cache(batch_size, config.num_heads, config.width // config.num_heads, self.head.weight)
        return PlanState((cache,) * config.num_layers)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: keys and values, in every layer, of all tokens."""
        numbers = 2 * self.config.num_layers * self.config.width * num_tokens
        return batch_size * numbers * self.head.weight.element_size()

    def ears(self) -> list[Ear]:
        """One in each layer; see ``EventModel.ears``."""
        return ears_of(self.blocks)

    @property
    def entrance(self) -> tuple[nn.Module, int]:
        """Where tokens come in, each as a vector."""
        return self.embedding, 1

    def forward(
        self, ids_BT: Tensor, state: PlanState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, PlanState]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        state = self.new_state(ids_BT.shape[0]) if state is None else state
        unknown_BTC = ids_BT.new_zeros(*ids_BT.shape, len(self.config.condition_sizes))
        channels_BTC = unknown_BTC if conditions is None else conditions.channels_BTC
        x_BTD = self.embedding(ids_BT) + self.conditions(channels_BTC)
        caches: list[KVCache] = []
        for block, past in zip(self.blocks, state.caches, strict=True):
            x_BTD, cache = block(x_BTD, past)
            caches.append(cache)
        return self.head(self.norm(x_BTD)), PlanState(tuple(caches))


class NoteLevelConfig(ModelConfig):
    """Numbers of a NoteLevel; those from ``num_voices`` on describe the chorale scheme."""

    vocabulary_size: int = Field(ge=1)
    """The vocabulary ends with HOLD, REST and the pitches, lowest first; all tokens before are marks."""
    condition_sizes: tuple[int, ...] = ()
    """Number of values of every condition channel; without channels no source is heard either."""
    width: int = 224
    num_layers: int = 4
    num_heads: int = 4
    feedforward_width: int = 640
    max_distance: int = 128
    """From here on all distances in frames share one attention bias."""
    slot_width: int = 224
    num_slot_layers: int = 1
    fades: tuple[float, ...] = (8.0, 32.0, 1e6)
    """Frames in which the weight of a heard pitch class falls to 1/e, one memory each."""
    dropout: float = 0.4
    attention_dropout: float = 0.2
    feature_dropout: float = 0.3
    """Share of the input features that are left out in training."""
    num_voices: int = 4
    num_pitches: int = 61
    lowest_class: int = 6
    """Pitch class of the lowest pitch."""
    frames_per_beat: int = 4
    pitch_class_channels: tuple[int, ...] = (1, 3, 5, 6, 8)
    """Condition channels that name a pitch class, as 1 + class."""
    shift_channel: int = 15
    """Condition channel that says how far the music lies above its source, as ``shift_zero`` + semitones."""
    shift_zero: int = 12


class NoteState(NamedTuple):
    """What a NoteLevel remembers; the batch comes first in every tensor."""

    caches: tuple[KVCache, ...]
    source_cache: KVCache
    """Contents of all frames, for those that will derive from them."""
    events_BFS: Tensor
    """What every voice did in all frames: HOLD, SILENCE or 1 + pitch index."""
    sums_BC12: Tensor
    """The fading memory of pitch classes."""
    known: Surroundings
    """What was known when the frame in progress began, F = 1."""
    pending_BT: Tensor
    """The tokens of the frame in progress, fewer than 1 + S."""


class Plan(NamedTuple):
    """What the plan says of F coming frames."""

    features_BFN: Tensor
    """Place in the beat, then the condition channels."""
    source_BF: Tensor
    """Frame from which it derives; negative where none is named."""


class NoteLevel(nn.Module):
    """Notes as frames of a mark and S voices: a Transformer over frames, a small decoder inside each.

    Frame f is predicted from the backbone's state after frame f - 1 and from what the plan says of f.
    Frame 0 is a header: it is given, not composed, and its logits mean nothing. The row of
    ``conditions`` that belongs to the first token of a frame speaks for the whole frame.
    """

    IMPOSSIBLE = -30.0
    """Logit of a token that never stands in this slot: finite, so that whatever is fed can be scored."""

    def __init__(self, config: NoteLevelConfig) -> None:
        super().__init__()
        self.config = config
        S, D, has_plan = config.num_voices, config.width, bool(config.condition_sizes)
        self.frame_tokens = 1 + S
        self.hold_id = config.vocabulary_size - config.num_pitches - 2
        self.pairs = [(a, b) for a in range(S) for b in range(a + 1, S)]
        voice_sizes = [config.num_pitches + 1, NUM_AGES, NUM_LEAPS]
        content_sizes = [*[self.hold_id] * self.frame_tokens, *voice_sizes * S, *[NUM_INTERVALS] * len(self.pairs)]
        plan_sizes = [config.frames_per_beat, *config.condition_sizes]
        self.plan_classes = config.pitch_class_channels if has_plan else ()
        num_chroma = len(config.fades) + len(self.plan_classes)
        self.content = FeatureSum(content_sizes, D, config.feature_dropout)
        self.plan = FeatureSum(plan_sizes, D)
        self.from_chroma = nn.Linear(2 * num_chroma * NUM_CLASSES, D, bias=False)
        self.blocks = _blocks(config)
        self.source = SourceAttention(D, config.num_heads, config.attention_dropout) if has_plan else None
        self.norm = nn.LayerNorm(D)
        self.decoder = SlotDecoder(
            D,
            config.slot_width,
            config.num_slot_layers,
            Alphabet(self.hold_id, S, config.num_pitches, config.lowest_class),
            num_chroma,
            plan_sizes,
            config.dropout,
            config.feature_dropout,
        )

    def new_state(self, batch_size: int) -> NoteState:
        """The state before the first token."""
        config, like, B = self.config, self.norm.weight, batch_size
        silent = silent_voices(B, config.num_voices, like.device)
        nothing = empty_cache(B, config.num_heads, config.width // config.num_heads, like)
        num_chroma = len(config.fades) + len(self.plan_classes)
        known = Surroundings(
            frame_BFD=like.new_zeros(B, 1, config.width),
            before=Voices(*(row[:, None] for row in silent)),
            chroma_BFC12=like.new_zeros(B, 1, num_chroma, NUM_CLASSES),
            features_BFN=silent.pitch_BFV.new_zeros(B, 1, 1 + len(config.condition_sizes)),
            source_BFV=silent.pitch_BFV.new_full((B, 1, config.num_voices), FeatureSum.NOTHING),
        )
        return NoteState(
            caches=(nothing,) * config.num_layers,
            source_cache=nothing,
            events_BFS=silent.pitch_BFV.new_empty(B, 0, config.num_voices),
            sums_BC12=like.new_zeros(B, len(config.fades), NUM_CLASSES),
            known=known,
            pending_BT=silent.pitch_BFV.new_empty(B, 0),
        )

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``.

        Of every whole frame keys and values in all layers, and for the source if there is a plan, and
        S events; of the last one what is known of the next; and the tokens of the frame in progress.
        """
        config, S, num_chroma = self.config, self.config.num_voices, len(self.config.fades) + len(self.plan_classes)
        num_frames, num_pending = divmod(num_tokens, self.frame_tokens)
        num_caches = config.num_layers + (self.source is not None)
        reals = 2 * num_caches * config.width * num_frames
        reals += config.width + (len(config.fades) + num_chroma) * NUM_CLASSES
        integers = S * num_frames + 4 * S + 1 + len(config.condition_sizes) + num_pending
        return batch_size * (reals * self.norm.weight.element_size() + integers * _INTEGER_BYTES)

    def ears(self) -> list[Ear]:
        """One in each layer and one for the source; what is heard of a frame is spread evenly over its tokens."""
        ears = ears_of(self.blocks)
        if self.source is not None:
            ears.insert(len(ears) // 2, self.source.ear("source"))
        return [of_frames(ear, self.frame_tokens) for ear in ears]

    @property
    def entrance(self) -> tuple[nn.Module, int]:
        """Where tokens come in, each frame as a vector."""
        return self.content, self.frame_tokens

    def forward(
        self, ids_BT: Tensor, state: NoteState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, NoteState]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        state = self.new_state(ids_BT.shape[0]) if state is None else state
        num_pending, tokens_BT = state.pending_BT.shape[1], torch.cat([state.pending_BT, ids_BT], dim=1)
        num_frames = tokens_BT.shape[1] // self.frame_tokens
        known = state.known
        if num_frames:
            plan = self._plan(conditions, state, num_frames, ids_BT)
            state = self._hear(self._frames(tokens_BT, num_frames), plan, state)
            known = known.then(state.known)
        logits_BTV = self._decode(tokens_BT, known, num_pending)
        pending_BT = tokens_BT[:, num_frames * self.frame_tokens :]
        return logits_BTV, state._replace(known=state.known.since(-1), pending_BT=pending_BT)

    def _plan(self, conditions: Conditions | None, state: NoteState, num_frames: int, ids_BT: Tensor) -> Plan:
        """What is said of the frames that follow each of ``num_frames`` completed ones."""
        B, past = ids_BT.shape[0], state.events_BFS.shape[1]
        frames_F = torch.arange(past + 1, past + 1 + num_frames, device=ids_BT.device)
        phase_BF1 = (frames_F % self.config.frames_per_beat).expand(B, -1)[..., None]
        if conditions is None:
            unknown = phase_BF1.new_zeros(B, num_frames, len(self.config.condition_sizes))
            return Plan(torch.cat([phase_BF1, unknown], dim=-1), phase_BF1.new_full((B, num_frames), -1))
        last_slots = slice(self.frame_tokens - 1 - state.pending_BT.shape[1], None, self.frame_tokens)
        source_BF = conditions.source_BT[:, last_slots]
        source_BF = torch.where(source_BF < 0, -1, source_BF // self.frame_tokens)
        return Plan(torch.cat([phase_BF1, conditions.channels_BTC[:, last_slots]], dim=-1), source_BF)

    def _hear(self, frames_BFT: Tensor, plan: Plan, state: NoteState) -> NoteState:
        """The state after F whole frames; ``known`` holds what is known of the frame after each of them."""
        config = self.config
        events_BFS = self._events(frames_BFT[..., 1:])
        voices = follow(events_BFS, Voices(*(row[:, -1] for row in state.known.before)))
        classes_BFS = (voices.pitch_BFV - 1 + config.lowest_class) % NUM_CLASSES
        sounding_BFS = (voices.pitch_BFV != SILENCE).to(state.sums_BC12.dtype)
        sums_BFC12 = fading_sums(class_counts(classes_BFS, sounding_BFS), state.sums_BC12, config.fades)
        chroma_BFC12 = self._chroma(sums_BFC12, plan)
        outer = [seen_from(chroma_BFC12, classes_BFS[..., voice]).flatten(-2) for voice in (-1, 0)]
        content_BFD = self.content(self._content(frames_BFT, voices)) + self.from_chroma(torch.cat(outer, dim=-1))
        all_events_BFS = torch.cat([state.events_BFS, events_BFS], dim=1)
        frame_BFD, caches, source_cache = self._backbone(content_BFD, plan, state)
        known = Surroundings(
            frame_BFD=frame_BFD,
            before=voices,
            chroma_BFC12=chroma_BFC12,
            features_BFN=plan.features_BFN,
            source_BFV=self._source_features(all_events_BFS, voices.pitch_BFV, plan),
        )
        return NoteState(caches, source_cache, all_events_BFS, sums_BFC12[:, -1], known, state.pending_BT)

    def _backbone(
        self, content_BFD: Tensor, plan: Plan, state: NoteState
    ) -> tuple[Tensor, tuple[KVCache, ...], KVCache]:
        """States for the frames to come, and what was heard."""
        x_BFD, caches = content_BFD + self.plan(plan.features_BFN), list(state.caches)
        source_cache = state.source_cache
        if self.source is not None:
            source_cache = self.source.remember(content_BFD, source_cache)
        for layer, block in enumerate(self.blocks):
            if self.source is not None and layer == len(self.blocks) // 2:
                x_BFD = x_BFD + self.source(x_BFD, plan.source_BF, source_cache)
            x_BFD, caches[layer] = block(x_BFD, caches[layer])
        return self.norm(x_BFD), tuple(caches), source_cache

    def _decode(self, tokens_BT: Tensor, known: Surroundings, num_pending: int) -> Tensor:
        """Logits for the tokens behind ``tokens_BT[:, num_pending:]``, each in the frame it stands in."""
        slots = self.frame_tokens
        num_left = tokens_BT.shape[1] % slots
        first = num_pending + 1
        if first == slots:  # nothing is left to predict in the frame that was in progress
            known, tokens_BT, first = known.since(1), tokens_BT[:, slots:], 0
        num_frames = known.frame_BFD.shape[1]
        padded_BT = nn.functional.pad(tokens_BT, (0, num_frames * slots - tokens_BT.shape[1]))
        frames_BFT = self._frames(padded_BT, num_frames)
        now = follow(self._events(frames_BFT[..., 1:]), Voices(*(row[:, 0] for row in known.before)))
        wanted = range(slots) if num_frames > 1 else range(first, num_left + 1)
        marks_BF = frames_BFT[..., 0].clamp(max=self.hold_id - 1)
        logits = self.decoder(marks_BF, now, known, wanted)
        logits_BFTV = torch.stack([self._widened(x, slot) for x, slot in zip(logits, wanted, strict=True)], dim=2)
        logits_BTV = logits_BFTV.flatten(1, 2)
        return logits_BTV if num_frames == 1 else logits_BTV[:, first : (num_frames - 1) * slots + num_left + 1]

    def _widened(self, logits: Tensor, slot: int) -> Tensor:
        """Logits of marks, or of hold, rest and pitches, in their places among all V."""
        missing = self.config.vocabulary_size - logits.shape[-1]
        return nn.functional.pad(logits, (missing, 0) if slot else (0, missing), value=self.IMPOSSIBLE)

    def _frames(self, tokens_BT: Tensor, num_frames: int) -> Tensor:
        return tokens_BT[:, : num_frames * self.frame_tokens].reshape(-1, num_frames, self.frame_tokens)

    def _events(self, ids_BFS: Tensor) -> Tensor:
        """HOLD, SILENCE or 1 + pitch index; a token that is not of a voice holds."""
        return torch.where(ids_BFS <= self.hold_id, HOLD, ids_BFS - self.hold_id - 1)

    def _content(self, frames_BFT: Tensor, voices: Voices) -> Tensor:
        """Integer features (B, F, N) of what a frame holds."""
        marks_BFT = torch.where(frames_BFT < self.hold_id, frames_BFT, FeatureSum.NOTHING)
        ages_BFS = voices.age_BFV.clamp(max=NUM_AGES - 1)
        rows = torch.stack([voices.pitch_BFV, ages_BFS, leap_feature(voices.leap_BFV)], dim=-1).flatten(-2)
        upper, lower = (voices.pitch_BFV[..., list(side)] for side in zip(*self.pairs, strict=True))
        return torch.cat([marks_BFT, rows, interval_feature(upper, lower)], dim=-1)

    def _chroma(self, sums_BFC12: Tensor, plan: Plan) -> Tensor:
        """What has sounded and what the plan names, by pitch class, each channel with the sum ``num_voices`` or 0."""
        named_BFC = plan.features_BFN[..., [1 + channel for channel in self.plan_classes]]
        named_BFC12 = nn.functional.one_hot(named_BFC, NUM_CLASSES + 1)[..., 1:].to(sums_BFC12.dtype)
        return self.config.num_voices * torch.cat([shares(sums_BFC12), named_BFC12], dim=2)

    def _source_features(self, events_BFS: Tensor, pitch_BFS: Tensor, plan: Plan) -> Tensor:
        """What the source does at the frames to come, moved to where the plan wants it, seen from each voice."""
        config, F = self.config, pitch_BFS.shape[1]
        if self.source is None:
            return torch.full_like(pitch_BFS, FeatureSum.NOTHING)
        shift_BF = plan.features_BFN[..., 1 + config.shift_channel]
        shift_BF1 = torch.where(shift_BF > 0, shift_BF - config.shift_zero, 0)[..., None]
        index_BFS = plan.source_BF.clamp(min=0)[..., None].expand_as(pitch_BFS)
        event_BFS = events_BFS.gather(1, index_BFS.clamp(max=events_BFS.shape[1] - 1))
        moved_BFS = torch.where(event_BFS > SILENCE, event_BFS + shift_BF1, event_BFS)
        latest_F = torch.arange(events_BFS.shape[1] - F, events_BFS.shape[1], device=events_BFS.device)
        heard_BF = (plan.source_BF >= 0) & (plan.source_BF <= latest_F)
        return torch.where(heard_BF[..., None], source_feature(moved_BFS, pitch_BFS), FeatureSum.NOTHING)


def _blocks(config: PlanLevelConfig | NoteLevelConfig) -> nn.ModuleList:
    return nn.ModuleList(
        Block(
            config.width,
            config.num_heads,
            config.feedforward_width,
            config.max_distance,
            config.dropout,
            config.attention_dropout,
        )
        for _ in range(config.num_layers)
    )
