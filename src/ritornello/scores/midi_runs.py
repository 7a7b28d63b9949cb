"""Runs of plain channel events in a MIDI track, measured all at once.

Where an event ends depends on where it begins, so a track seems to need a loop over its events. But of the bytes of an
event with two data bytes (notes, controllers, key pressure, pitch bend), exactly three are below 0x80, whether it has a
status byte or runs on, and however long its delta is: the last byte of the delta, and the data. So the number of low
bytes before a high one tells which event it belongs to and what it is there: in front of the first of three, part of
the delta; in front of the second, the status; in front of the third, an error.

An event is plain when it is whole, its delta has one or two bytes, and it has two data bytes. Then no two high bytes
stand side by side. All else is left to ``midi_scan``, event by event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Run:
    """Plain events up to ``position``: their ticks, their note-ons (0 if not counted), the status that runs on."""

    position: int
    ticks: int
    num_notes: int
    status: int


def plain_run(track: NDArray[np.uint8], position: int, status: int, block_bytes: int, *, counts_notes: bool) -> Run:
    """The plain events from ``position`` on, as many as the next ``block_bytes`` hold; there may be none.

    Args:
        track: the events of the track.
        position: where an event begins.
        status: the status byte that runs on, of an event of two data bytes.
        block_bytes: takes some forty bytes of memory each.
        counts_notes: whether the note-ons are counted, which takes longer.
    """
    block = track[position : position + block_bytes]
    low_at, high_at = np.flatnonzero(block < 0x80), np.flatnonzero(block >= 0x80)
    lows_before, high = high_at - np.arange(len(high_at)), block.take(high_at)
    place = lows_before % 3
    is_status = place == 1
    sound = (place == 0) | is_status & ((high < 0xC0) | (high >= 0xE0) & (high < 0xF0))
    sound[:-1] &= lows_before[:-1] < lows_before[1:]  # not side by side
    num_events = (len(low_at) if sound.all() else int(lows_before[sound.argmin()])) // 3
    num_lows = 3 * num_events
    num_highs = int(lows_before.searchsorted(num_lows))
    high, is_status = high[:num_highs], is_status[:num_highs]
    ticks = int(block.take(low_at[:num_lows:3]).sum()) + 128 * int((high[~is_status] & 0x7F).sum())
    statuses, num_notes = np.append(np.uint8(status), high[is_status]), 0
    if counts_notes:
        first_events = lows_before[:num_highs][is_status] // 3
        num_notes = _num_notes(statuses, first_events, block.take(low_at[2:num_lows:3]))
    return Run(position + num_lows + num_highs, ticks, num_notes, int(statuses[-1]))


def _num_notes(statuses: NDArray[np.uint8], first_events: NDArray[np.int64], velocity: NDArray[np.uint8]) -> int:
    """Note-ons with a velocity; the first status holds before the first of ``first_events``, the next from there on."""
    num_events = np.diff(first_events, prepend=0, append=len(velocity))
    return int(np.count_nonzero(np.repeat(statuses & 0xF0 == 0x90, num_events) & (velocity > 0)))
