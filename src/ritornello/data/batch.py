"""Batch: what a model learns from in one step.

Shapes: B batch, T tokens, C condition channels.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sequences, padded at their ends with id 0.

    ``scored_BT`` (bool) marks the tokens whose prediction counts: never the first, never padding,
    never what is given rather than composed. ``channels_BTC`` and ``source_BT`` (int64) are the
    conditions, row t for the token at t + 1; None where the data has none. ``pieces`` are the
    indices of the sequences in the prepared level. In a stream (``streams.py``) ``goes_on`` says whether
    row r goes on where row r of the stream's batch before ended, which may have had further rows that
    ended for good; false where all rows begin. ``context_tokens`` says for each row how many of its first
    ids are only heard, with the next one to follow; none are where it is empty. The first ``place_channels``
    channels are no plan's: they say where in the bar a token stands.
    """

    ids_BT: Tensor
    scored_BT: Tensor
    channels_BTC: Tensor | None
    source_BT: Tensor | None
    pieces: tuple[int, ...]
    goes_on: bool = False
    context_tokens: tuple[int, ...] = ()
    place_channels: int = 0
