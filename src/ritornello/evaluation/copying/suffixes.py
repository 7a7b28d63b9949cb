"""Where the longest run of one sequence stands in another: a suffix array over bytes.

A *text* is a row of sequences of bytes 0 to 254, each with an ``END`` behind it, and ``PADDING`` more behind the last.
Its suffix array is the places of the text in the order of what begins there; of all runs of the text, one that shares
most with a given sequence stands next to where that sequence would stand in it.

**Source**: U. Manber and G. Myers, "Suffix arrays" (SIAM J. Computing 22, 1993): sorting by doubling, and the search
that compares from what both of its ends have in common with the sequence; that only groups not yet settled are sorted
again: N. J. Larsson and K. Sadakane (2007). Eight bytes are compared at once, as one number. Runs are compared byte by
byte, never by a hash. What follows the first ``END`` of a suffix does not matter, as no sequence holds an ``END``.

Shapes: n bytes of text without the padding, Q bytes of a sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]

END = 255
PADDING = 8
MAX_BYTES = 2**31 - 1 - PADDING
"""Of a text, so that places fit into 32 bits."""
_WORD = 8
_PART = 2**20
_POWERS = np.array([256**k for k in range(_WORD)], dtype=np.uint64)


class Longest(NamedTuple):
    """For each place of a sequence (Q,) the longest run from there on that the text has, and where it has it."""

    length: IntArray
    place: IntArray
    """One of those places of the text; -1 where the length is 0."""


def suffix_array(text: Bytes) -> Places:
    """The places (n,) of a padded text (n + PADDING,) in the order of the suffixes that begin there."""
    num = len(text) - PADDING
    if num < 1:
        return np.zeros(0, dtype=np.int32)
    words = np.array(_words(text)[:num], dtype=np.uint64)
    order: Places = np.argsort(words).astype(np.int32)
    words = words[order]
    leads = np.concatenate([[True], words[1:] != words[:-1]])  # first of a group of suffixes that agree so far
    del words
    rank = np.empty(num, dtype=np.int32)
    rank[order] = _lead_of_each(leads)
    have = _WORD
    while not leads.all():
        for start, stop in _parts(leads):
            _sort_groups(order, rank, leads, slice(start, stop), have)
        have *= 2
    return order


def longest_runs(text: Bytes, order: Places, sequence: Bytes) -> Longest:
    """For each place of a sequence (Q,) of bytes below ``END`` the longest run that the text has.

    Args:
        text: padded, (n + PADDING,).
        order: its suffix array (n,).
        sequence: (Q,).
    """
    num = len(sequence)
    if not num or not len(order):
        return Longest(np.zeros(num, dtype=np.int64), np.full(num, -1))
    search = _Search(text, order, sequence)
    search.run()
    above, below = search.above_shares, search.below_shares
    length = np.maximum(above, below)
    beside = np.where(above >= below, search.above, search.below)
    place = order[np.clip(beside, 0, len(order) - 1)].astype(np.int64)
    return Longest(length, np.where(length > 0, place, -1))


def _parts(leads: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Stretches of about ``_PART`` suffixes, which bound what sorting needs of memory; none cuts a group in two."""
    start = 0
    while start < len(leads):
        stop = min(start + _PART, len(leads))
        rest = leads[stop:]
        stop = stop + int(rest.argmax()) if rest.any() else len(leads)
        yield start, stop
        start = stop


def _sort_groups(order: Places, rank: Places, leads: NDArray[np.bool_], part: slice, have: int) -> None:
    """Sorts groups that agree in ``have`` bytes by what follows these, in place.

    Ranks that were refined a moment ago serve as well: they differ only where the suffixes do.
    """
    alone = leads[part] & np.append(leads[part][1:], True)
    unsettled = np.flatnonzero(~alone) + part.start
    suffixes = order[unsettled]
    behind = suffixes.astype(np.int64) + have
    num = len(rank)
    after = np.where(behind < num, rank[np.minimum(behind, num - 1)], num - 1 - behind)  # from -have to num - 1
    keys = rank[suffixes].astype(np.int64) * (num + have) + after + have
    by_key = np.argsort(keys)
    suffixes, keys = suffixes[by_key], keys[by_key]
    first = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
    order[unsettled] = suffixes
    leads[unsettled] = first
    rank[suffixes] = unsettled[_lead_of_each(first)]


class _Search:
    """Bisection for all suffixes of a sequence at once: each lies between ``above`` and ``below`` in the array."""

    def __init__(self, text: Bytes, order: Places, sequence: Bytes) -> None:
        num = len(sequence)
        self._text, self._order = text, order
        self._text_words = _words(text)
        self._sequence = np.append(sequence, np.full(PADDING, END, dtype=np.uint8))
        self._sequence_words = np.array(_words(self._sequence), dtype=np.uint64)
        self._left = np.arange(num, 0, -1)  # bytes from each place to the end
        self.above, self.below = np.full(num, -1), np.full(num, len(order))
        self.above_shares, self.below_shares = np.zeros(num, dtype=np.int64), np.zeros(num, dtype=np.int64)
        """With how many bytes the suffix there begins as the sequence does."""

    def run(self) -> None:
        """Until the two are neighbours, or the sequence is there to its end."""
        at = np.arange(len(self._left))
        while len(at):
            middle = (self.above[at] + self.below[at]) // 2
            place = self._order[middle].astype(np.int64)
            shares = np.minimum(self.above_shares[at], self.below_shares[at])
            self._extend(at, place, shares)
            goes_after = self._text[place + shares] < self._sequence[at + shares]
            up, down = at[goes_after], at[~goes_after]
            self.above[up], self.above_shares[up] = middle[goes_after], shares[goes_after]
            self.below[down], self.below_shares[down] = middle[~goes_after], shares[~goes_after]
            at = at[(self.below[at] - self.above[at] > 1) & (shares < self._left[at])]

    def _extend(self, at: IntArray, place: IntArray, shares: IntArray) -> None:
        """Counts on in ``shares``, in place, how much the sequence at ``at`` and the text at ``place`` have alike."""
        going = np.arange(len(at))
        while len(going):
            here = shares[going]
            differs = self._sequence_words[at[going] + here] ^ self._text_words[place[going] + here]
            alike = _WORD - np.searchsorted(_POWERS, differs, side="right")
            left = self._left[at[going]]
            shares[going] = np.minimum(here + alike, left)
            going = going[(alike == _WORD) & (here + _WORD < left)]


def _words(text: Bytes) -> NDArray[Any]:
    """The eight bytes from each place on as one number, the first byte weighing most; a view."""
    count = max(0, len(text) - _WORD + 1)
    return np.ndarray((count,), ">u8", buffer=text if count else None, strides=(1,) if count else None)


def _lead_of_each(leads: NDArray[np.bool_]) -> Places:
    """For each the place of the last lead up to it."""
    places = np.arange(len(leads), dtype=np.int32)
    return np.maximum.accumulate(np.where(leads, places, np.int32(0)))
