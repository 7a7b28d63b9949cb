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
from ritornello.tokenizers.chorale import FERMATA, FRAME_TOKENS, HOLD, NONE, ChoraleTokenizer
from ritornello.tokenizers.performance import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, PerformanceTokenizer
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.training.build import build_model

NUM_TOKENS = 47  # nine frames and two tokens; past several windows and blocks in two layers
WINDOW, BLOCK, NUM_LAYERS = 9, 5, 2
SEGMENT, MEMORY = 7, 10
POSITIONS = ("absolute", "relative", "relative_uv", "rotary", "alibi")


class Events:
    """Tokens without a meaning, as few as keep a test small."""

    vocabulary = tuple(range(20))
    condition_sizes: tuple[int, ...] = ()


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


def everything(_position: int) -> int:
    return 0


def through_windows(position: int) -> int:
    return max(0, position - NUM_LAYERS * (WINDOW - 1))


def through_segments(position: int) -> int:
    for _ in range(NUM_LAYERS):
        position = max(0, own_segment(position) - MEMORY)
    return position


def own_segment(position: int) -> int:
    return position // SEGMENT * SEGMENT


def through_blocks(position: int) -> int:
    return max(0, position // BLOCK - NUM_LAYERS) * BLOCK


@dataclass(frozen=True)
class Entry:
    """One model, or one variant of it."""

    model: str
    scheme: Any
    config: dict[str, Any]
    allowed: Callable[[Tensor], Tensor] = as_they_are
    """Random ids to ids that may stand where they stand."""
    first_heard: Callable[[int], int] = everything
    """The first token of those up to a position that its logits all depend on."""
    hears_beyond: bool = False
    """Whether it may hear some of the tokens before that too."""
    first_learned: Callable[[int], int] | None = None
    """The first token that gradients reach; None: they reach as far as is heard."""
    embeds: str = "embedding"
    """The module through which alone single tokens come in; empty if there is none."""
    dropout: tuple[str, ...] = field(default=("dropout",))
    """Fields to set to 0 where it must learn fast."""


_SHARED = {"width": 16, "num_heads": 2, "feedforward_width": 24, "num_layers": NUM_LAYERS}
_STACK = {**_SHARED, "max_distance": 6}
_LEVEL_DROPOUT = ("dropout", "attention_dropout")
ENTRIES = {
    "notes": Entry("notes", ChoraleTokenizer, {**_STACK, "slot_width": 16}, chorale_frames, embeds="",
                   dropout=_LEVEL_DROPOUT),
    "plan": Entry("plan", PhraseTokenizer, _STACK, dropout=_LEVEL_DROPOUT),
    "lstm": Entry("lstm", Events, {"width": 16, "num_layers": NUM_LAYERS}),
    "transformer keyboard": Entry("transformer", PerformanceTokenizer, {**_STACK, "window": WINDOW, "keyboard": True},
                                  single_notes, through_windows, hears_beyond=True, embeds=""),
    "transformer_xl": Entry("transformer_xl", Events, {**_SHARED, "segment": SEGMENT, "memory": MEMORY},
                            first_heard=through_segments, first_learned=own_segment),
    **{
        f"transformer {positions} {horizon}": Entry(
            "transformer",
            Events,
            {**_STACK, "positions": positions, horizon: size},
            first_heard=first_heard,
        )
        for positions in POSITIONS
        for horizon, size, first_heard in (("window", WINDOW, through_windows), ("block", BLOCK, through_blocks))
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
