"""What all models of event tokens share: an embedding, a stack that hears, a head; keyboard and recall, if wanted.

Who hears what is the stack's affair alone, one architecture per file. With ``keyboard: true`` any of them knows the
keyboard beside what it hears (``modules/keyboard.py``): which keys sound and since when, the last notes with their
distances in time and pitch, the last velocities; and every event to come is judged by what it would do there
(``modules/touch.py``). Memory can then be spent on what is farther away. With ``recall: true`` it is told what followed
at the latest earlier place of the piece at which the last notes were the same, as they were or transposed
(``modules/recall.py``): a memory of everything, for two bytes a token.

**Source** of both: ours. What is relative in pitch and time follows an idea of Music Transformer (arXiv
1809.04281, section 3.4.1, there for chorales), here counted from the ids instead of learned by attention. Nothing but
past ids is used, so their likelihoods may stand beside those of any model over the same tokens.

Shapes: B batch, T tokens, V vocabulary, D width.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from ritornello.models.base import MAX_PARAMETERS, Conditions, ModelConfig
from ritornello.modules.ears import Ear
from ritornello.modules.keyboard import NUM_EVENTS, STATE_BYTES, Keyboard, KeyboardState, follow, untouched_keyboard
from ritornello.modules.recall import (
    BYTES_PER_TOKEN,
    Recalled,
    RecallHead,
    RecallInput,
    RecallState,
    nothing_heard,
    recall,
)
from ritornello.modules.touch import KeyboardHead, KeyboardInput


class EventConfig(ModelConfig):
    """Numbers of any model of event tokens."""

    vocabulary_size: int = Field(ge=1)
    condition_sizes: tuple[int, ...] = Field(default=(), max_length=0)
    """Always empty: these models hear tokens only."""
    width: int = Field(default=256, ge=1)
    keyboard: bool = False
    """Know the keyboard. The vocabulary must then end with the events of the performance scheme: 128 NOTE_ON, 128
    NOTE_OFF, 100 TIME_SHIFT, 32 VELOCITY."""

    recall: bool = False
    """Recall what followed the last notes before. The vocabulary must then hold those events too."""

    @property
    def stack_parameters(self) -> int:
        """Numbers that the stack learns, exactly."""
        raise NotImplementedError

    @property
    def num_specials(self) -> int:
        """How many ids come before the performance events."""
        return self.vocabulary_size - NUM_EVENTS

    @property
    def num_parameters(self) -> int:
        """Exactly."""
        D, V = self.width, self.vocabulary_size
        head = D * V + V
        if self.keyboard:
            head = KeyboardInput.num_parameters(D) + KeyboardHead.num_parameters(D, self.num_specials)
        recall = RecallInput.num_parameters(D) + RecallHead.num_parameters(D) if self.recall else 0
        return V * D + self.stack_parameters + head + recall

    @model_validator(mode="after")
    def _is_of_a_size(self) -> Self:
        if (self.keyboard or self.recall) and self.num_specials < 0:
            what = "a keyboard needs" if self.keyboard else "recall needs"
            raise ValueError(f"vocabulary of {self.vocabulary_size}: {what} the {NUM_EVENTS} performance events")
        if self.num_parameters > MAX_PARAMETERS:
            raise ValueError(f"{self.num_parameters} parameters are too many (limit: {MAX_PARAMETERS})")
        return self


class AttentionConfig(EventConfig):
    """Numbers of any model whose stack is layers of attention and feed-forward."""

    num_layers: int = Field(default=6, ge=1)
    num_heads: int = Field(default=4, ge=1)
    """Must divide ``width``."""
    feedforward_width: int = Field(default=1024, ge=1)
    dropout: float = Field(default=0.1, ge=0, le=0.9)
    """Of the embedding, of what a layer adds, and inside the feed-forward layers."""

    @property
    def head_width(self) -> int:
        """Of every head."""
        return self.width // self.num_heads

    @property
    def turns_heads(self) -> bool:
        """Whether positions turn the channels of a head in pairs."""
        return True

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(f"num_heads {self.num_heads} does not divide width {self.width}")
        if self.turns_heads and self.head_width % 2:
            what = f"rotary positions need an even head width, not {self.head_width}"
            raise ValueError(f"num_heads {self.num_heads}: {what}")
        return self


class Stack(Protocol):
    """All between the vectors of the tokens and the head; its state is a value."""

    def new_state(self, batch_size: int) -> Any:
        """The state before the first token."""
        ...

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of all tensors in the state after ``num_tokens``, in the dtype of the weights."""
        ...

    def forget(self, state: Any) -> Any:
        """The state with nothing in it that was heard; the position goes on."""
        ...

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """Who hears what; see ``EventModel.hears``."""
        ...

    def ears(self) -> list[Ear]:
        """See ``EventModel.ears``."""
        ...

    def __call__(self, x_BTD: Tensor, state: Any, /) -> tuple[Tensor, Any]:
        """What is made of the tokens' vectors (B, T, D), normed, and the state after the last."""
        ...


class EventState(NamedTuple):
    """What a model of events remembers."""

    heard: Any
    """Of its stack."""
    keyboard: KeyboardState | None
    """None without the option."""
    recalled: RecallState | None
    """None without the option."""


class _Known(NamedTuple):
    """What is known after each token beside what is heard; None without the option."""

    keys: Keyboard | None
    matches: Recalled | None


class EventModel(nn.Module):
    """Embedding (with keyboard and recall), stack, head. A subclass brings its configuration and its stack."""

    stack: Stack

    def __init__(self, config: EventConfig, stack: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.keyboard = KeyboardInput(config.width) if config.keyboard else None
        self.stack = stack  # pyright: ignore[reportAttributeAccessIssue]  # a module that fulfils the protocol
        if config.keyboard:
            self.head = KeyboardHead(config.width, config.num_specials)
        else:
            self.head = nn.Linear(config.width, config.vocabulary_size)
            nn.init.normal_(self.head.weight, std=0.02)  # so that training begins near log V nats
            nn.init.zeros_(self.head.bias)
        self.recall = RecallInput(config.width) if config.recall else None
        self.recall_head = RecallHead(config.width) if config.recall else None

    def new_state(self, batch_size: int) -> EventState:
        """The state before the first token."""
        device = self.embedding.weight.device
        keyboard = untouched_keyboard(batch_size, device) if self.config.keyboard else None
        recalled = nothing_heard(batch_size, device) if self.config.recall else None
        return EventState(self.stack.new_state(batch_size), keyboard, recalled)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: the stack's (see there), a keyboard's 2,132, recall's 2 a token."""
        keyboard = STATE_BYTES if self.config.keyboard else 0
        recalled = num_tokens * BYTES_PER_TOKEN if self.config.recall else 0
        return self.stack.state_bytes(batch_size, num_tokens) + batch_size * (keyboard + recalled)

    def forget(self, state: EventState) -> EventState:
        """The state without all that was heard; the position, and what the keyboard is doing, go on.

        What a model makes worse of the music from here on is what its memory was worth.
        """
        recalled = state.recalled
        if recalled is not None:
            recalled = nothing_heard(recalled.event_BS.shape[0], recalled.event_BS.device)
        return EventState(self.stack.forget(state.heard), state.keyboard, recalled)

    def hears(self, ids_T: Tensor) -> dict[str, Tensor]:
        """Who hears what when these ids are read: for each stage, in order, a mask (T, T) of bool.

        Row = position of what hears, column = of what is heard. A stage is one layer, or several that together
        hear no farther than this mask. The boolean product of all stages says which tokens the logits at a position
        depend on, keyboard and recall left aside.
        """
        return self.stack.hears(ids_T)

    def ears(self) -> list[Ear]:
        """What tells of each layer how much its positions hear of others; new ones for every piece.

        The name of an ear begins with that of its stage in ``hears``; where no stage has such a name, all stages
        together are one layer. ``attention.py`` listens.
        """
        return self.stack.ears()

    @property
    def entrance(self) -> tuple[nn.Module, int]:
        """Where tokens come in, each as a vector: what a prediction depends on is found there."""
        return self.embedding, 1

    def absorb(self, ids_BT: Tensor, state: EventState | None = None) -> EventState:
        """The state after ``ids_BT``, of which nothing is to be predicted: a prefix that is only heard."""
        x_BTD, _, state = self._embedded(ids_BT, state)
        return state._replace(heard=self.absorbed(ids_BT, x_BTD, state.heard))

    def forward(
        self, ids_BT: Tensor, state: EventState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, EventState]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        assert conditions is None or not conditions.channels_BTC.shape[-1], "hears tokens only"
        x_BTD, known, state = self._embedded(ids_BT, state)
        h_BTD, heard = self.hear(ids_BT, x_BTD, state.heard)
        return self._logits(h_BTD, known), state._replace(heard=heard)

    def hear(self, ids_BT: Tensor, x_BTD: Tensor, heard: Any) -> tuple[Tensor, Any]:
        """What the stack makes of the tokens; a stack that must see the ids too is called otherwise."""
        del ids_BT
        return self.stack(x_BTD, heard)

    def absorbed(self, ids_BT: Tensor, x_BTD: Tensor, heard: Any) -> Any:
        """The stack's state after a prefix; a stack that need not make anything of one is called otherwise."""
        return self.hear(ids_BT, x_BTD, heard)[1]

    def _embedded(self, ids_BT: Tensor, state: EventState | None) -> tuple[Tensor, _Known, EventState]:
        """The tokens' vectors, what is known at each, and the state with keyboard and recall after them."""
        state = self.new_state(ids_BT.shape[0]) if state is None else state
        x_BTD, keys, matches = self.embedding(ids_BT), None, None
        if self.keyboard is not None and state.keyboard is not None:
            keys, keyboard = follow(ids_BT, state.keyboard, self.config.num_specials)
            x_BTD, state = x_BTD + self.keyboard(keys), state._replace(keyboard=keyboard)
        if self.recall is not None and state.recalled is not None:
            matches, recalled = recall(ids_BT, state.recalled, self.config.num_specials)
            x_BTD, state = x_BTD + self.recall(matches), state._replace(recalled=recalled)
        return x_BTD, _Known(keys, matches), state

    def _logits(self, h_BTD: Tensor, known: _Known) -> Tensor:
        logits_BTV = self.head(h_BTD) if known.keys is None else self.head(h_BTD, known.keys)
        if self.recall_head is None or known.matches is None:
            return logits_BTV
        return logits_BTV + nn.functional.pad(self.recall_head(h_BTD, known.matches), (self.config.num_specials, 0))


def initialise(stack: nn.Module, num_layers: int) -> None:
    """Every matrix keeps the scale of what it hears, and all layers together add about as much as the embedding holds.

    The matrices by which a layer adds to the residual path are those named ``project_out`` and ``narrow``.
    """
    modules: list[tuple[str, nn.Module]] = list(stack.named_modules())  # pyright: ignore[reportUnknownArgumentType]
    for name, module in modules:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if name.rpartition(".")[2] in ("project_out", "narrow"):
                module.weight.data.mul_((2 * num_layers) ** -0.5)
            if module.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]
                nn.init.zeros_(module.bias)
