"""Steps a language model: prefill, feed, fork. It knows nothing of music or of sampling.

A Stream is a value, as the model's state is: feeding gives a new Stream and leaves the old one as it was, so a piece
can be tried in several ways from one place.

Shapes: B batch, T tokens, N the last of them, V vocabulary, C condition channels.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ritornello.models.base import Conditions, LanguageModel
from ritornello.models.form_steps import stepped
from ritornello.models.states import rows_of_state
from ritornello.scores.score import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A model that has read ``length`` tokens of each of B pieces."""

    model: LanguageModel
    state: Any
    batch_size: int
    length: int = 0
    logits_BNV: NDArray[np.float64] | None = None
    """For the tokens after each of the last ones that were fed; None before the first."""

    @property
    def logits_BV(self) -> NDArray[np.float64] | None:  # noqa: N802, its shape is part of its name
        """For the next token; None before the first."""
        return None if self.logits_BNV is None else self.logits_BNV[:, -1]

    def feed(
        self,
        ids_BT: IntArray,
        channels_BTC: IntArray | None = None,
        source_BT: IntArray | None = None,
        num_logits: int = 1,
    ) -> Stream:
        """The stream after T > 0 more tokens.

        Args:
            ids_BT: the tokens.
            channels_BTC: what is known of the token after each of them; None for a model without conditions.
            source_BT: the position from which the token after each derives; None = none does.
            num_logits: of how many of them the logits are kept, the last ones.
        """
        conditions = None
        if channels_BTC is not None:
            source = np.full(ids_BT.shape, -1) if source_BT is None else source_BT
            conditions = Conditions(torch.tensor(channels_BTC), torch.tensor(source))
        with torch.inference_mode():
            logits_BTV, state = self.model.forward(torch.tensor(ids_BT), self.state, conditions)
        last = cast("NDArray[np.float64]", logits_BTV[:, -num_logits:].double().numpy())
        length = self.length + ids_BT.shape[1]
        return dataclasses.replace(self, state=state, length=length, logits_BNV=last)

    def fork(self, rows: Sequence[int]) -> Stream:
        """A stream whose pieces are those in ``rows``, which may repeat or leave out any."""
        last = None if self.logits_BNV is None else self.logits_BNV[list(rows)]
        state = rows_of_state(self.state, torch.tensor(rows))
        return dataclasses.replace(self, state=state, batch_size=len(rows), logits_BNV=last)


def new_stream(model: LanguageModel, batch_size: int = 1) -> Stream:
    """A stream before the first token, of the model as it is now."""
    model = stepped(model)
    return Stream(model, model.new_state(batch_size), batch_size)


@contextmanager
def small_steps() -> Generator[None]:
    """Lets torch and Python do as suits the steps of a small model, and puts it back.

    One thread: such steps are too short to be shared, on busy cores threads that wait for each other cost far more than
    they save, and the sums stay the same everywhere. No oneDNN: to set it up for a few numbers takes longer than all
    else with them. And the garbage collector need not look again and again through all that was there before.
    """
    num_threads, has_onednn = torch.get_num_threads(), bool(torch.backends.mkldnn.enabled)
    torch.set_num_threads(1)
    _let_onednn(be_used=False)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        torch.set_num_threads(num_threads)
        _let_onednn(be_used=has_onednn)


def _let_onednn(*, be_used: bool) -> None:
    """Its other flags stay as they are."""
    torch.backends.mkldnn.set_flags(_enabled=be_used)  # pyright: ignore[reportUnknownMemberType]
