"""Nats of pieces read side by side in chunks, the state carried; and of stretches of them with the past forgotten.

Shapes: B batch (pieces side by side), T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ritornello.models.states import rows_of_state
from ritornello.scores.score import IntArray

NatsArray: TypeAlias = NDArray[np.float32]


class StreamReader:
    """Reads with one model, and counts what it has read.

    Args:
        model: a ``LanguageModel``, in evaluation mode.
        chunk_tokens: tokens of a piece read at once; changes the speed, never the figures.
        total: how many tokens will be predicted in all.
        on_progress: called with how many of how many were.
    """

    def __init__(
        self, model: nn.Module, chunk_tokens: int, total: int, on_progress: Callable[[int, int], None] | None
    ) -> None:
        self._model: Any = model
        self._device = next(model.parameters()).device
        self._chunk_tokens, self._on_progress = chunk_tokens, on_progress
        self._done, self._total = 0, total

    def nats_with_stretches(
        self, rows: list[IntArray], stretches: Sequence[Mapping[int, int]]
    ) -> tuple[list[NatsArray], list[dict[int, NatsArray]]]:
        """The nats of each row, and by start those of its stretches ``{start: stop}``; see ``token_nats``."""
        forgetting: list[dict[int, NatsArray]] = [{} for _ in rows]

        def read_stretches(start: int, state: Any) -> None:
            lanes = [lane for lane, mine in enumerate(stretches) if start in mine]
            lanes.sort(key=lambda lane: -stretches[lane][start])
            forgotten = rows_of_state(self._model.forget(state), self._numbers(lanes))
            nats = self.nats([rows[lane][start : stretches[lane][start]] for lane in lanes], forgotten)
            for lane, mine in zip(lanes, nats, strict=True):
                forgetting[lane][start] = mine

        starts = {start for mine in stretches for start in mine}
        return self.nats(rows, at_starts=starts, visit=read_stretches), forgetting

    def nats(
        self,
        rows: list[IntArray],
        state: Any = None,
        at_starts: Collection[int] = (),
        visit: Callable[[int, Any], None] | None = None,
    ) -> list[NatsArray]:
        """Nats of every token of each row, longest first; 0 for the first token of each.

        ``visit`` is given the state before each token in ``at_starts``, of the rows that go on behind it.
        """
        nats = [np.zeros(len(row), dtype=np.float32) for row in rows]
        lanes, last = len(rows), len(rows[0]) - 1
        borders = {*range(0, last, self._chunk_tokens), *(start for start in at_starts if start < last)}
        for start, stop in pairwise([*sorted(borders), last]):
            going_on = sum(len(row) - 1 > start for row in rows)
            if state is not None and going_on < lanes:
                state = rows_of_state(state, self._numbers(range(going_on)))
            lanes = going_on
            if visit is not None and start in at_starts:
                visit(start, state)
            ids_BT = side_by_side([row[start : stop + 1] for row in rows[:lanes]])
            losses_BT, state = next_nats(self._model, ids_BT, state)
            for mine, losses in zip(nats, losses_BT, strict=False):
                part = mine[start + 1 : stop + 1]
                part[:] = losses[: len(part)]
                self._count(len(part))
        return nats

    def _count(self, num_tokens: int) -> None:
        self._done += num_tokens
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)

    def _numbers(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, device=self._device)


def next_nats(model: nn.Module, ids_BT: Tensor, state: Any) -> tuple[NatsArray, Any]:
    """Nats of all ids but the first of each row, (B, T - 1), and the state after all but the last."""
    ids_BT = ids_BT.to(next(model.parameters()).device)
    logits_BTV, state = model(ids_BT[:, :-1], state, None)
    flat = nn.functional.cross_entropy(logits_BTV.float().flatten(0, 1), ids_BT[:, 1:].flatten(), reduction="none")
    return flat.reshape(logits_BTV.shape[:2]).cpu().numpy(), state


def side_by_side(rows: list[IntArray]) -> Tensor:
    """Rows of ids (B, T), padded with 0 to the longest."""
    table = np.zeros((len(rows), max(len(row) for row in rows)), dtype=np.int64)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(table)  # pyright: ignore[reportUnknownMemberType]
