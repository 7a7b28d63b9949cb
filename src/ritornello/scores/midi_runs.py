"""Runs of plain channel events in a MIDI track, measured all at once.

Where an event ends depends on where it begins, so a track seems to need a loop over its events. But where the *next*
event would begin can be worked out for every byte of a block at once, as if an event began there. Jumps of one event
joined to jumps of two, four and eight then leave a loop over every eighth event.

An event is plain when it is whole, its delta has one or two bytes, and it has two data bytes (notes, controllers, key
pressure, pitch bend), with a status byte or running on. All else is left to ``midi_scan``, event by event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 14
"""Jumps of larger blocks leave the cache, and take twice the time."""
_LONGEST_EVENT = 5
_FEWEST_JUMPS = 4
"""With fewer jumps of eight events, going event by event is faster."""


@dataclass(frozen=True, slots=True)
class Run:
    """Plain events up to ``position``: their ticks, their note-ons (0 if not counted), the status that runs on."""

    position: int
    ticks: int
    num_notes: int
    status: int


class PlainRuns:
    """Finds the runs of one track; holds the jumps of one block, 32 bytes per byte of it.

    Args:
        track: the events of the track.
        counts_notes: whether the note-ons of a run are counted, which takes a fifth of the time.
    """

    def __init__(self, track: bytes, *, counts_notes: bool) -> None:
        self._track = np.frombuffer(track, dtype=np.uint8)
        self._counts_notes = counts_notes
        self._begin = 0
        self._load(0)

    def follow(self, position: int, status: int) -> Run | None:
        """The plain events from ``position`` on, in this block; None where they are too few for a run.

        Args:
            position: where an event of the track begins, never before that of an earlier call.
            status: the status byte that runs on, of an event of two data bytes.
        """
        if position >= self._begin + BLOCK_BYTES:
            self._load(position)
        place, jump, places = position - self._begin, self._eight, list[int]()
        while (following := jump[place]) != place:
            places.append(place)
            place = following
        return self._measured(places, place, status) if len(places) >= _FEWEST_JUMPS else None

    def _load(self, begin: int) -> None:
        """Works out the jumps of the block that begins there."""
        self._begin = begin
        block = self._track[begin : begin + BLOCK_BYTES + _LONGEST_EVENT]
        self._bytes = np.full(len(block) + 2 * _LONGEST_EVENT, 0xFF, dtype=np.uint8)  # no event ends in these
        self._bytes[: len(block)] = block
        num_places = min(BLOCK_BYTES, len(block))
        # The places behind the last one, which an event can reach, lead nowhere: there the next block takes over.
        self._one = np.arange(num_places + _LONGEST_EVENT)
        self._one[:num_places] += _event_bytes(self._bytes)[:num_places]
        self._two = self._one.take(self._one)
        self._four = self._two.take(self._two)
        self._eight = self._four.take(self._four).data

    def _measured(self, places: list[int], end: int, status: int) -> Run:
        """Sums up the events that begin at every eighth of ``places``, and those between them."""
        table = np.empty((len(places), 8), dtype=np.int64)
        table[:, 0] = places
        table[:, 4] = self._four[table[:, 0]]
        table[:, 2::4] = self._two[table[:, 0::4]]
        table[:, 1::2] = self._one[table[:, 0::2]]
        events = table.ravel()
        events = events[: int(events.searchsorted(end))]  # the last jump may be shorter than eight
        first = self._bytes.take(events)
        long = first >= 0x80
        second = self._bytes.take(events[long] + 1)
        ticks = int((first & 0x7F).sum()) + 127 * int((first[long] & 0x7F).sum()) + int(second.sum())
        status_at = events + 1 + long
        statuses = self._bytes.take(status_at)
        told = statuses >= 0x80
        last_status = next(iter(statuses[told][-1:].tolist()), status)
        num_notes = self._num_notes(statuses, status_at + told + 1, status) if self._counts_notes else 0
        return Run(self._begin + end, ticks, num_notes, last_status)

    def _num_notes(self, statuses: NDArray[np.uint8], velocity_at: NDArray[np.int64], status: int) -> int:
        """Note-ons with a velocity, among events of which those without a status byte take over the last one."""
        running = np.maximum.accumulate(np.where(statuses >= 0x80, np.arange(1, len(statuses) + 1), 0))
        statuses = np.append(np.uint8(status), statuses)[running]
        return int(np.count_nonzero((statuses & 0xF0 == 0x90) & (self._bytes[velocity_at] > 0)))


def _event_bytes(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each place as if an event began there: its bytes, 0 if it is not plain. Shorter than ``data`` by four."""
    low = (data < 0x80).view(np.uint8)
    pairs = low[:-1] & low[1:]
    has_status = ((data - np.uint8(0x80)) < 0x40) | (data >= 0xE0) & (data < 0xF0)
    body = 3 * (has_status[:-2].view(np.uint8) & pairs[1:]) + 2 * pairs[:-1]
    whole = body + (body > 0).view(np.uint8)  # with a delta of one byte
    one, two = whole[1:-1], whole[2:] + (whole[2:] > 0).view(np.uint8)
    return np.where(low[: len(one)].view(np.bool_), one, two * low[1 : 1 + len(two)])
