"""Models whose nats are known by hand, and pieces for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ritornello.tokenizers.performance import NOTE_ON, TIME_SHIFT

VOCABULARY = 391


@dataclass(frozen=True)
class Entry:
    """What is read of an entry of prepared data."""

    length: int
    split: str = "validation"


class Pieces:
    """Prepared data in memory."""

    name = "performance"

    def __init__(self, pieces: list[np.ndarray], name: str = "performance") -> None:
        self.name, self._pieces = name, pieces
        self.entries = [Entry(len(piece)) for piece in pieces]

    def ids(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        return self._pieces[index][start:stop]


def notes(pitches: Any) -> list[int]:
    """A note every 50 ms: two tokens each, NOTE_ON first."""
    return [token for pitch in pitches for token in (NOTE_ON + int(pitch), TIME_SHIFT + 5)]


class Listener(nn.Module):
    """Every token costs log 391 nats, or ``saved`` less once at least ``needs`` tokens in a row were heard.

    It can do so because all ids are below a bound, of which a listener with memory is sure. The state is how
    many were heard; ``reach`` limits it, as a model of limited horizon.
    """

    def __init__(self, needs: int, bound: int = 300, reach: int | None = None) -> None:
        super().__init__()
        self.needs, self.bound, self.reach = needs, bound, reach
        self.unused = nn.Parameter(torch.zeros(1))

    @property
    def saved(self) -> float:
        return math.log(VOCABULARY / self.bound)

    def forget(self, heard_B: Tensor) -> Tensor:
        return torch.zeros_like(heard_B)

    def limited(self, horizon: int) -> Listener:
        return Listener(self.needs, self.bound, horizon)

    def forward(self, ids_BT: Tensor, state: Tensor | None = None, _conditions: object = None) -> tuple[Tensor, Tensor]:
        assert int(ids_BT.max()) < self.bound
        heard_B = torch.zeros(len(ids_BT), dtype=torch.int64) if state is None else state
        heard_BT = heard_B[:, None] + 1 + torch.arange(ids_BT.shape[1])
        sure_BT = (heard_BT if self.reach is None else heard_BT.clamp(max=self.reach)) >= self.needs
        logits_BTV = torch.zeros(*ids_BT.shape, VOCABULARY)
        logits_BTV[..., self.bound :].masked_fill_(sure_BT[..., None], -math.inf)
        return logits_BTV, heard_BT[:, -1]


class Parrot(nn.Module):
    """Expects, with probability 1/2, what followed when the last eight tokens were heard last; else knows nothing."""

    memory = 8

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forget(self, heard_BS: Tensor) -> Tensor:
        return heard_BS[:, :0]

    def forward(self, ids_BT: Tensor, state: Tensor | None = None, _conditions: object = None) -> tuple[Tensor, Tensor]:
        heard_BS = ids_BT if state is None else torch.cat([state, ids_BT], dim=1)
        logits_BTV = torch.zeros(*ids_BT.shape, VOCABULARY)
        for row, logits_TV in zip(heard_BS.tolist(), logits_BTV, strict=True):
            followed: dict[tuple[int, ...], int] = {}
            for t in range(self.memory, len(row) + 1):
                context = tuple(row[t - self.memory : t])
                place = t - 1 - (len(row) - ids_BT.shape[1])
                if place >= 0 and context in followed:
                    logits_TV[place, followed[context]] = math.log(VOCABULARY - 1)
                if t < len(row):
                    followed[context] = row[t]
        return logits_BTV, heard_BS
