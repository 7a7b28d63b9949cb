"""Runs of plain channel events in a MIDI track, measured all at once.

Where an event ends depends on where it begins, so a track seems to need a loop over its events. But where the *next*
event would begin can be worked out for every byte of a block at once, as if an event began there. Jumps of one event
joined to jumps of two, four and eight then leave a loop over every eighth event.

An event is plain when it is whole, its delta has at most four bytes, and it has two data bytes (notes, controllers,
key pressure, pitch bend), with a status byte or running on. All else is left to ``midi_scan``, event by event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 14
_LONGEST_EVENT = 7
_FEWEST_JUMPS = 4
"""With fewer jumps of eight events, going event by event is faster."""


@dataclass(frozen=True, slots=True)
class Run:
    """Plain events up to ``position``: their ticks, their note-ons, and the status that runs on."""

    position: int
    ticks: int
    num_notes: int
    status: int


class PlainRuns:
    """Finds the runs of one track; holds the jumps of one block, 32 bytes per byte of it."""

    def __init__(self, track: bytes) -> None:
        self._track = np.frombuffer(track, dtype=np.uint8)
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
        """Works out the jumps of the block that begins there; past its end an event may be whole all the same."""
        self._begin = begin
        block = self._track[begin : begin + BLOCK_BYTES + _LONGEST_EVENT]
        self._bytes = np.append(block, np.full(2 * _LONGEST_EVENT, 0xFF, dtype=np.uint8))
        num_places = min(BLOCK_BYTES, len(block))
        self._delta_bytes, event_bytes = _event_bytes(self._bytes, num_places)
        # The seven places behind the last one, which an event can reach, lead nowhere: there the next block takes over.
        self._one = np.arange(num_places + _LONGEST_EVENT)
        self._one[:num_places] += event_bytes
        self._two = self._one[self._one]
        self._four = self._two[self._two]
        self._eight = memoryview(self._four[self._four])

    def _measured(self, places: list[int], end: int, status: int) -> Run:
        """Sums up the events that begin at every eighth of ``places``, and those between them."""
        table = np.empty((len(places), 8), dtype=np.int64)
        table[:, 0] = places
        table[:, 4] = self._four[table[:, 0]]
        table[:, 2::4] = self._two[table[:, 0::4]]
        table[:, 1::2] = self._one[table[:, 0::2]]
        events = table.ravel()
        events = events[: int(np.searchsorted(events, end))]  # the last jump may be shorter than eight
        delta_bytes = self._delta_bytes[events]
        status_at = events + delta_bytes
        statuses = self._bytes[status_at]
        told = statuses >= 0x80
        running = np.maximum.accumulate(np.where(told, np.arange(1, len(events) + 1), 0))
        statuses = np.append(np.uint8(status), statuses)[running]
        strikes = (statuses & 0xF0 == 0x90) & (self._bytes[status_at + told + 1] > 0)
        ticks = _sum_of_deltas(self._bytes, events, delta_bytes)
        return Run(self._begin + end, ticks, int(np.count_nonzero(strikes)), int(statuses[-1]))


def _event_bytes(data: NDArray[np.uint8], num_places: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For each place as if an event began there: bytes of its delta, and of all of it (0 if it is not plain)."""
    low = (data < 0x80).view(np.uint8)
    high = (data >= 0x80).view(np.uint8)
    status = data[:-2]
    plain = ((status >= 0x80) & (status < 0xC0)) | ((status >= 0xE0) & (status < 0xF0))
    body = 3 * (plain.view(np.uint8) & low[1:-1] & low[2:]) + 2 * (low[:-2] & low[1:-1])
    delta = np.ones(num_places, dtype=np.uint8)
    whole = low[:num_places] * _behind(body, 1, num_places)
    more = high[:num_places]
    for length in (2, 3, 4):
        delta += more
        whole += more * low[length - 1 : length - 1 + num_places] * _behind(body, length, num_places)
        more = more & high[length - 1 : length - 1 + num_places]
    return delta, whole


def _behind(body: NDArray[np.uint8], delta_bytes: int, num_places: int) -> NDArray[np.uint8]:
    """Bytes of an event whose body stands behind a delta of so many bytes; 0 if that is no plain body."""
    rest = body[delta_bytes : delta_bytes + num_places]
    return rest + np.uint8(delta_bytes) * (rest > 0).view(np.uint8)


def _sum_of_deltas(data: NDArray[np.uint8], events: NDArray[np.int64], delta_bytes: NDArray[np.uint8]) -> int:
    """Numbers of seven bits a byte, added up."""
    total = 0
    for length in range(1, int(delta_bytes.max()) + 1):
        here = events[delta_bytes == length]
        for byte in range(length):
            total += int((data[here + byte] & 0x7F).sum(dtype=np.int64)) << 7 * (length - 1 - byte)
    return total
