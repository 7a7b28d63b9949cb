"""StreamLoader: whole performances from left to right, for models that carry their state from step to step.

Pieces of like length make a *group* and are read side by side, one a row, from their beginnings in
steps of ``window_tokens`` targets; a piece that has ended drops out, and when the longest has ended
the next group begins. So all rows of a step are at one position of their pieces, as a state wants
it, and a group is dealt anew in every epoch: pieces are sorted by their lengths, each made a little
longer or shorter by chance, and the order of the groups is drawn. An epoch holds every target of
every piece once.

The loader's whole state is the step. The groups of all epochs, one behind the other, are numbered;
part ``part`` of ``parts`` reads the groups ``part``, ``part + parts`` and so on, a stream of its own.

**Augmentation** is a transposition, drawn for each piece and epoch among those that keep all of the
piece on the keyboard.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ritornello.data.augmentation import Augmentation, transposed_at_random
from ritornello.data.batch import Batch
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import Row, collate
from ritornello.errors import UserError
from ritornello.scores.score import IntArray

_LENGTH_JITTER = 0.05
"""Lengths are sorted after multiplication by 1 +- this, so that groups differ between epochs."""
_GROUPS_IN_MEMORY = 16


class StreamLoader:
    """Training batches that go on where the ones before ended."""

    def __init__(
        self,
        data: PreparedLevel,
        *,
        seed: int,
        batch_tokens: int,
        window_tokens: int,
        transpose: tuple[int, int] = (0, 0),
    ) -> None:
        """Loads nothing yet.

        Args:
            data: a level of performances.
            seed: any number, at least 0.
            batch_tokens: predicted tokens that one process reads at once; at least one piece is read.
            window_tokens: predicted tokens of a piece in one step.
            transpose: lowest and highest transposition in semitones.

        Raises:
            UserError: no training piece, or transposition of a scheme that has none.
        """
        Augmentation(transpose).check(data.name)
        self.data, self.seed, self.window_tokens, self.transpose = data, seed, window_tokens, transpose
        self.pieces = np.array([piece for piece in data.of_split("train") if data.entries[piece].length > 1])
        if not len(self.pieces):
            raise UserError("there is no piece to train on", where=data.corpus)
        self.lengths: IntArray = np.array([data.entries[int(piece)].length for piece in self.pieces])
        lanes = max(1, batch_tokens // window_tokens)
        self.groups_per_epoch = -(-len(self.pieces) // lanes)
        self._ends: dict[tuple[int, int], list[int]] = {}  # of each stream: the step after each of its groups
        self._epoch = lru_cache(maxsize=2)(self._dealt)
        self._group = lru_cache(maxsize=_GROUPS_IN_MEMORY)(self._read)

    def batch(self, step: int, part: int = 0, parts: int = 1) -> Batch:
        """The rows of part ``part`` of ``parts`` in step ``step`` (0 = the first), longest piece first.

        It goes on from the batch of the same part in the step before, unless it says that it begins.
        """
        ends = self._ends.setdefault((part, parts), [])
        while not ends or ends[-1] <= step:
            longest = int(self.lengths[self._members(part + parts * len(ends))[0]])
            ends.append((ends[-1] if ends else 0) - (1 - longest) // self.window_tokens)
        place = bisect_right(ends, step)
        start = (step - (ends[place - 1] if place else 0)) * self.window_tokens
        number = part + parts * place
        windows = [ids[start : start + self.window_tokens + 1] for ids in self._group(number)]
        rows = [Row(ids, np.arange(len(ids)) > 0) for ids in windows if len(ids) > 1]
        pieces = tuple(int(self.pieces[member]) for member in self._members(number)[: len(rows)])
        return replace(collate(rows, pieces), goes_on=start > 0)

    def _members(self, number: int) -> IntArray:
        """Of group ``number``: indices into ``pieces``, the longest first."""
        epoch, place = divmod(number, self.groups_per_epoch)
        return self._epoch(epoch)[place]

    def _dealt(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng([self.seed, 0, epoch])
        jittered = self.lengths * random.uniform(1 - _LENGTH_JITTER, 1 + _LENGTH_JITTER, len(self.lengths))
        groups = np.array_split(np.argsort(jittered, kind="stable"), self.groups_per_epoch)
        longest_first = [group[np.argsort(-self.lengths[group], kind="stable")] for group in groups]
        return [longest_first[i] for i in random.permutation(len(groups))]

    def _read(self, number: int) -> list[IntArray]:
        """The ids of the whole pieces of a group."""
        epoch = number // self.groups_per_epoch
        return [self._piece(int(self.pieces[member]), epoch) for member in self._members(number)]

    def _piece(self, piece: int, epoch: int) -> IntArray:
        ids = self.data.ids(piece)
        if self.transpose == (0, 0):
            return ids
        random = np.random.default_rng([self.seed, 1, epoch, piece])
        return transposed_at_random(ids, self.transpose, random, self.data.name)
