"""Spans of a piece, its bars or its seconds, counted from the ids alone.

A rule says which span a token belongs to, given the tokens up to it; what comes later never changes it, and a clock
carried from chunk to chunk makes any chunks equal the whole. Spans are numbered without a gap from one token to the
next, so the numbers of the tokens never fall and never rise by more than one.

Shapes: B batch, T tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class SpanRule(Protocol):
    """How spans are counted. Before the first token every clock is zero."""

    @property
    def least_tokens(self) -> int:
        """Fewest tokens of a span that is over and was heard from its beginning."""
        ...

    def count(self, ids_BT: Tensor, clock_B: Tensor) -> tuple[Tensor, Tensor]:
        """Number of the span of every token (B, T), and the clock after the last, both int64."""
        ...


@dataclass(frozen=True, slots=True)
class Bars:
    """A span is a bar: each of some tokens opens a new one, and is its first token.

    The number is how many have opened so far: 0 for what stands before the first.
    """

    bar_ids: tuple[int, ...]

    @property
    def least_tokens(self) -> int:
        """A bar may hold nothing but its bar line."""
        return 1

    def count(self, ids_BT: Tensor, clock_B: Tensor) -> tuple[Tensor, Tensor]:
        """The clock counts the bars that have opened."""
        opens_BT = torch.isin(ids_BT, ids_BT.new_tensor(self.bar_ids))
        return clock_B[:, None] + opens_BT.cumsum(dim=1), clock_B + opens_BT.sum(dim=1)


@dataclass(frozen=True, slots=True)
class Stretches:
    """A span is a stretch of time, ``span_steps`` long; the number is the time at which a token stands, divided by it.

    The ids ``first_shift``, ``first_shift + 1``, ... move the clock on by 1, 2, ... ``num_shifts`` steps (at most
    ``span_steps``, so that none skips a span). A token stands where the clock is before it: the shift that reaches or
    passes a multiple of ``span_steps`` is the last token of its span.
    """

    first_shift: int
    num_shifts: int
    span_steps: int

    @property
    def least_tokens(self) -> int:
        """As many shifts as fit into a span."""
        return self.span_steps // self.num_shifts

    def count(self, ids_BT: Tensor, clock_B: Tensor) -> tuple[Tensor, Tensor]:
        """The clock counts steps."""
        steps_BT = ids_BT - self.first_shift + 1
        steps_BT = steps_BT * ((steps_BT > 0) & (steps_BT <= self.num_shifts))
        before_BT = clock_B[:, None] + steps_BT.cumsum(dim=1) - steps_BT
        return before_BT // self.span_steps, clock_B + steps_BT.sum(dim=1)
