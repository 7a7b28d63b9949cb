"""Pianist: a Transformer over performance events that knows the keyboard.

Who hears what: as a Transformer, the ``window - 1`` events before it in every layer; beside that, at every
step, the keyboard itself (``modules/keyboard.py``): which keys sound and since when, the last notes with
their distances in time and pitch, the last velocities. And every event to come is judged by what it would
do on that keyboard (``modules/touch.py``).

**Source**: ours. What is relative in pitch and time follows an idea of Music Transformer (arXiv 1809.04281, section
3.4.1, there for chorales), here counted from the ids instead of learned by attention. Nothing but past ids is used, so
its likelihoods may stand beside those of any model over the same tokens.

Shapes: B batch, T tokens, V vocabulary, D width.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from pydantic import model_validator
from torch import Tensor, nn

from ritornello.models.base import Conditions
from ritornello.models.transformer import Stack, TransformerConfig, TransformerState
from ritornello.modules.keyboard import NUM_EVENTS, STATE_BYTES, KeyboardState, follow, untouched_keyboard
from ritornello.modules.touch import KeyboardHead, KeyboardInput


class PianistConfig(TransformerConfig):
    """Numbers of a Pianist: those of its Transformer.

    The vocabulary must end with the events of the performance scheme: 128 NOTE_ON, 128 NOTE_OFF, 100 TIME_SHIFT,
    32 VELOCITY.
    """

    @property
    def num_parameters(self) -> int:
        """Exactly."""
        head = self.width * self.vocabulary_size + self.vocabulary_size
        plain = super().num_parameters - head
        return (
            plain
            + KeyboardInput.num_parameters(self.width)
            + KeyboardHead.num_parameters(self.width, self.num_specials)
        )

    @property
    def num_specials(self) -> int:
        """How many ids come before the events."""
        return self.vocabulary_size - NUM_EVENTS

    @model_validator(mode="after")
    def _holds_the_events(self) -> Self:
        if self.num_specials < 0:
            raise ValueError(
                f"vocabulary of {self.vocabulary_size}: a Pianist needs the {NUM_EVENTS} performance events"
            )
        return self


class PianistState(NamedTuple):
    """What a Pianist remembers."""

    heard: TransformerState
    keyboard: KeyboardState


class Pianist(nn.Module):
    """Embedding and keyboard, stack, head."""

    def __init__(self, config: PianistConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.keyboard = KeyboardInput(config.width)
        self.stack = Stack(config)
        self.head = KeyboardHead(config.width, config.num_specials)

    def new_state(self, batch_size: int) -> PianistState:
        """The state before the first token."""
        keyboard = untouched_keyboard(batch_size, self.embedding.weight.device)
        return PianistState(self.stack.new_state(batch_size), keyboard)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Bytes of the state after ``num_tokens``: the stack's (see there), and 2,132 for each keyboard."""
        return self.stack.state_bytes(batch_size, num_tokens) + batch_size * STATE_BYTES

    def forward(
        self, ids_BT: Tensor, state: PianistState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, PianistState]:
        """Logits (B, T, V) for the token after each of ``ids_BT``, and the state after the last."""
        assert conditions is None or not conditions.channels_BTC.shape[-1], "hears tokens only"
        state = self.new_state(ids_BT.shape[0]) if state is None else state
        known, keyboard = follow(ids_BT, state.keyboard, self.config.num_specials)
        x_BTD, heard = self.stack(self.embedding(ids_BT) + self.keyboard(known), state.heard)
        return self.head(x_BTD, known), PianistState(heard, keyboard)
