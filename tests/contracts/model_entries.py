"""What the contracts of models run over: every entry of MODELS, the Transformer in all its variants.

A new model is one line of ``ENTRIES``: its key in MODELS, the scheme of its tokens, a small configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ritornello.models.base import Conditions
from ritornello.models.events import EventModel
from ritornello.modules.retention import SCHEDULES
from ritornello.tokenizers.chorale import FERMATA, FRAME_TOKENS, HOLD, NONE, ChoraleTokenizer
from ritornello.tokenizers.performance import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, PerformanceTokenizer
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.training.build import build_model

NUM_TOKENS = 47  # nine frames and two tokens; past several windows and blocks in two layers
WINDOW, BLOCK, NUM_LAYERS = 9, 5, 2
SEGMENT, MEMORY, BUDGET = 7, 10, 12
POSITIONS = ("absolute", "relative", "relative_uv", "rotary", "alibi")


class Events:
    """Tokens without a meaning, as few as keep a test small."""

    vocabulary = tuple(range(20))
    condition_sizes: tuple[int, ...] = ()


class PlannedEvents:
    """Some of them are pitches; the channels are the number of the section and the shift to the source."""

    vocabulary = tuple(range(140))
    condition_sizes = (5, 40, 25)


def as_they_are(ids_BT: Tensor) -> Tensor:
    return ids_BT


def chorale_frames(ids_BT: Tensor) -> Tensor:
    """Marks and voices where they belong."""
    slots = torch.arange(ids_BT.shape[1]) % FRAME_TOKENS
    marks = torch.where(ids_BT % 2 == 0, NONE, FERMATA)
    return torch.where(slots == 0, marks, HOLD + ids_BT % (len(ChoraleTokenizer.vocabulary) - HOLD))


def single_notes(ids_BT: Tensor) -> Tensor:
    """A velocity, a note that begins, time, its end."""
    turn, pitch = torch.arange(ids_BT.shape[1]) % 4, ids_BT % 128
    kinds = [VELOCITY + ids_BT % 32, NOTE_ON + pitch, TIME_SHIFT + 1 + ids_BT % 100, NOTE_OFF + pitch.roll(2, 1)]
    return torch.stack(kinds).gather(0, turn.expand_as(ids_BT)[None])[0]


def few_notes(ids_BT: Tensor) -> Tensor:
    """Three pitches only, so that much is heard again."""
    return NOTE_ON + 60 + ids_BT % 3


def few_pitches(ids_BT: Tensor) -> Tensor:
    """The same in bars."""
    return _FIRST_PITCH + 60 + ids_BT % 3


def own_segment(position: int) -> int:
    return position // SEGMENT * SEGMENT


@dataclass(frozen=True)
class Entry:
    """One model, or one variant of it."""

    model: str
    scheme: Any
    config: dict[str, Any]
    allowed: Callable[[Tensor], Tensor] = as_they_are
    """Random ids to ids that may stand where they stand."""
    hears_beyond: bool = False
    """Whether it may hear more than its masks say: through the keyboard."""
    first_learned: Callable[[int], int] | None = None
    """The first token that gradients reach; None: they reach as far as is heard."""
    rounding: float = 0.0
    """By how much later tokens may change earlier logits in float64. Where tokens set the borders, later ones decide in
    which shapes earlier ones are computed, so in which order sums are made."""
    embeds: str = "embedding"
    """The module through which alone single tokens come in; empty if there is none."""
    dropout: tuple[str, ...] = field(default=("dropout",))
    """Fields to set to 0 where it must learn fast."""


_SHARED = {"width": 16, "num_heads": 2, "feedforward_width": 24, "num_layers": NUM_LAYERS}
_STACK = {**_SHARED, "max_distance": 6}
_PERCEIVER = {**_SHARED, "context": 17, "latents": 6}
_FIRST_PITCH = 7
_FORM = {**_SHARED, "window": NUM_TOKENS, "num_summaries": 3, "source_width": 12, "section_channel": 1,
         "shift_channel": 2, "first_pitch": _FIRST_PITCH}  # fmt: skip
_LEVEL_DROPOUT = ("dropout", "attention_dropout")
ENTRIES = {
    "notes": Entry("notes", ChoraleTokenizer, {**_STACK, "slot_width": 16}, chorale_frames, embeds="",
                   dropout=_LEVEL_DROPOUT),
    "plan": Entry("plan", PhraseTokenizer, _STACK, dropout=_LEVEL_DROPOUT),
    "form": Entry("form", PlannedEvents, _FORM, rounding=1e-12),
    "form without sections": Entry("form", PlannedEvents, {**_FORM, "num_summaries": 0}),
    "form without source": Entry("form", PlannedEvents, {**_FORM, "source_width": 0}, rounding=1e-12),
    "form recall": Entry("form", PlannedEvents, {**_FORM, "recall": True, "place_channels": (0, 0), "part_channel": 0},
                         few_pitches, rounding=1e-12),
    "form without a plan": Entry("form", Events, _FORM),
    "lstm": Entry("lstm", Events, {"width": 16, "num_layers": NUM_LAYERS}),
    "transformer keyboard": Entry("transformer", PerformanceTokenizer, {**_STACK, "window": WINDOW, "keyboard": True},
                                  single_notes, hears_beyond=True, embeds=""),
    "transformer recall": Entry("transformer", PerformanceTokenizer, {**_STACK, "window": WINDOW, "recall": True},
                                few_notes, hears_beyond=True, embeds=""),
    "transformer_xl": Entry("transformer_xl", Events, {**_SHARED, "segment": SEGMENT, "memory": MEMORY},
                            first_learned=own_segment),
    "museformer": Entry("museformer", Events, {**_SHARED, "fine_spans": (1, 2, 4), "first_shift": 10, "num_shifts": 4,
                                               "span_steps": 4}, rounding=1e-12),
    "museformer bars": Entry("museformer", Events, {**_SHARED, "fine_spans": (1, 2, 4), "bar_ids": (3, 8, 9, 14, 17)},
                             rounding=1e-12),
    **{
        f"transformer {positions} {horizon}": Entry(
            "transformer", Events, {**_STACK, "positions": positions, horizon: size}
        )
        for positions in POSITIONS
        for horizon, size in (("window", WINDOW), ("block", BLOCK))
    },
    **{
        f"perceiver_ar carrying {carried}": Entry("perceiver_ar", Events, {**_PERCEIVER, "carried": carried})
        for carried in (0, 3, 5)
    },
    "perceiver_s": Entry("perceiver_s", Events, {**_PERCEIVER, "num_cross_heads": 2, "scales": (None, 5, 9)}),
    **{
        f"dsmr {name}": Entry(
            "dsmr", Events, {**_SHARED, "segment": SEGMENT, "budget": BUDGET, **values}, first_learned=own_segment
        )
        for name, values in [
            *((schedule, {"schedule": schedule}) for schedule in SCHEDULES),
            ("fhcr", {"schedule": "full", "num_kv_heads": 1}),
            ("soft gates", {"schedule": "uniform", "gates": "soft"}),
            ("straight-through gates", {"schedule": "uniform", "gates": "straight_through"}),
        ]
    },
}  # fmt: skip


def build(name: str, dtype: torch.dtype = torch.float64, **values: Any) -> Any:
    """The model, in evaluation mode."""
    entry = ENTRIES[name]
    sizes = {"vocabulary_size": len(entry.scheme.vocabulary), "condition_sizes": condition_sizes(entry)}
    torch.manual_seed(0)
    model: nn.Module = build_model(entry.model, {**entry.config, **values}, **sizes)
    for parameter in model.parameters():  # none may stay at zero, or it would hide a fault
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.to(dtype).eval()


def heard(model: nn.Module, ids_T: Tensor) -> Tensor:
    """Which tokens the logits at each position depend on (T, T): all stages of hearing, one after the other."""
    if not isinstance(model, EventModel):
        return torch.ones(len(ids_T), len(ids_T), dtype=torch.bool).tril()
    reached_TT = torch.eye(len(ids_T))
    for mask_TT in model.hears(ids_T).values():
        reached_TT = ((mask_TT.float() @ reached_TT) > 0).float()
    return reached_TT > 0


def random_input(name: str, seed: int, rows: int = 2) -> tuple[Tensor, Conditions]:
    """Any ids, conditions and sources; a source lies anywhere, even ahead, where it must not be heard."""
    torch.manual_seed(seed)
    entry = ENTRIES[name]
    ids = torch.randint(len(entry.scheme.vocabulary), (rows, NUM_TOKENS))
    channels = [torch.randint(size, ids.shape) for size in condition_sizes(entry)]
    none = ids.new_empty(*ids.shape, 0)
    stacked = torch.stack(channels, dim=-1) if channels else none
    return ids, Conditions(stacked, torch.randint(-1, NUM_TOKENS, ids.shape))


def learnable_input(name: str, seed: int) -> tuple[Tensor, Conditions]:
    """One sequence in which every token may stand where it stands."""
    ids, conditions = random_input(name, seed, rows=1)
    return ENTRIES[name].allowed(ids), conditions


def condition_sizes(entry: Entry) -> tuple[int, ...]:
    return tuple(getattr(entry.scheme, "condition_sizes", ()))
