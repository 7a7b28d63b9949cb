"""Loader: batches of a prepared level as a pure function of (seed, step).

The loader's whole state is the step. Each epoch holds every piece once, in batches of like length;
how many sequences each batch holds is fixed by the lengths, so every epoch has equally many
batches and the step alone says epoch and place. Pieces are transposed and their plans hidden on
the fly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.data.batch import Batch
from ritornello.data.corpora.base import Split
from ritornello.data.rows import Row, collate, cropped_frames, truncated
from ritornello.data.transposition import Transposer
from ritornello.errors import UserError
from ritornello.scores.score import IntArray

FORMAT = 1
_LENGTH_JITTER = 0.15
"""Lengths are sorted after multiplication by 1 +- this, so that batches differ between epochs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a prepared level: tokens ``start`` to ``start + length`` of its columns."""

    id: str
    group: str
    split: Split
    start: int
    length: int


class PreparedLevel:
    """One level of a prepared folder, mapped into memory.

    ``ids`` (N,), ``scored`` (N,), ``conditions`` (N, C) and ``source`` (N,) hold all pieces one
    after the other; the last two are None where the level has no conditions.
    """

    def __init__(self, folder: Path, level: str) -> None:
        """Raises UserError when ``folder`` was not prepared with this level."""
        index = _read_index(folder)
        if level not in index["levels"]:
            raise UserError(f"has no level {level!r}", where=str(folder), mend=f"one of {', '.join(index['levels'])}")
        facts: dict[str, Any] = index["levels"][level]
        self.name = level
        self.corpus: str = index["corpus"]
        self.vocabulary_hash: str = facts["vocabulary_hash"]
        self.vocabulary_size: int = facts["vocabulary_size"]
        self.condition_sizes: tuple[int, ...] = tuple(facts["condition_sizes"])
        self.states_keys: bool = index["states_keys"]
        self.entries = [
            Entry(p["id"], p["group"], p["split"], *p["spans"][level]) for p in index["pieces"] if level in p["spans"]
        ]
        self.ids = _column(folder / level / "ids.npy")
        self.scored = _column(folder / level / "scored.npy")
        self.conditions = _column(folder / level / "conditions.npy") if self.condition_sizes else None
        source = folder / level / "source.npy"
        self.source = _column(source) if source.is_file() else None
        if any(e.start + e.length > len(self.ids) for e in self.entries):
            raise UserError("the index does not fit the columns", where=str(folder), mend="prepare again")

    def of_split(self, split: Split) -> list[int]:
        """Indices of the pieces of a split."""
        return [i for i, entry in enumerate(self.entries) if entry.split == split]

    def row(self, index: int) -> Row:
        """The whole piece ``index``, copied out of the columns."""
        entry = self.entries[index]
        span = slice(entry.start, entry.start + entry.length)
        conditions, source = (c if c is None else c[span].astype(np.int64) for c in (self.conditions, self.source))
        return Row(self.ids[span].astype(np.int64), np.array(self.scored[span]), conditions, source)

    def whole_batches(self, pieces: list[int], batch_tokens: int) -> Iterator[Batch]:
        """Whole pieces in batches of like length, each once, for evaluation."""
        ordered = sorted(pieces, key=lambda i: (self.entries[i].length, i))
        sizes = _batch_sizes(np.array([self.entries[i].length for i in ordered]), batch_tokens)
        for stop, size in zip(np.cumsum(sizes).tolist(), sizes, strict=True):
            members = ordered[stop - size : stop]
            yield collate([self.row(i) for i in members], tuple(members))


class Loader:
    """Training batches."""

    def __init__(
        self,
        data: PreparedLevel,
        *,
        seed: int,
        batch_tokens: int,
        crop_tokens: int | None = None,
        transpose: tuple[int, int] = (0, 0),
        hide_plan: float = 0.0,
    ) -> None:
        """See ``training.recipe.DataOptions`` for the arguments; raises UserError without training pieces."""
        self.data, self.seed, self.hide_plan = data, seed, hide_plan
        self.pieces = np.array(data.of_split("train"))
        if not len(self.pieces):
            raise UserError("there is no piece to train on", where=data.corpus)
        lengths: IntArray = np.array([data.entries[int(i)].length for i in self.pieces])
        self.lengths: IntArray = lengths if crop_tokens is None else np.minimum(lengths, crop_tokens)
        self.batch_sizes = _batch_sizes(np.sort(self.lengths), batch_tokens)
        self.transposer: Transposer | None = None
        if transpose != (0, 0):
            if data.name != "notes":
                raise UserError("only notes can be transposed; plans are relative to their key", where="data.transpose")
            self.transposer = Transposer(*transpose, states_keys=data.states_keys)
            self.choices = self.transposer.choices([data.row(int(i)).ids for i in self.pieces])

    @property
    def batches_per_epoch(self) -> int:
        """Steps in which each piece comes once."""
        return len(self.batch_sizes)

    def batch(self, step: int) -> Batch:
        """The batch of step ``step`` (0 = the first)."""
        epoch, place = divmod(step, self.batches_per_epoch)
        members = self._epoch(epoch)[place]
        random = np.random.default_rng([self.seed, 1, step])
        rows = [self._row(int(member), random) for member in members]
        return collate(rows, tuple(int(self.pieces[member]) for member in members))

    def _epoch(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng([self.seed, 0, epoch])
        jittered = self.lengths * random.uniform(1 - _LENGTH_JITTER, 1 + _LENGTH_JITTER, len(self.lengths))
        batches = np.split(np.argsort(jittered, kind="stable"), np.cumsum(self.batch_sizes)[:-1])
        return [batches[i] for i in random.permutation(len(batches))]

    def _row(self, member: int, random: np.random.Generator) -> Row:
        row, length = self.data.row(int(self.pieces[member])), int(self.lengths[member])
        if len(row.ids) > length:
            row = cropped_frames(row, length, random) if self.data.name == "notes" else truncated(row, length)
        if self.transposer is not None:
            row = self.transposer.move(row, int(random.choice(self.choices[member])))
        if row.conditions is not None and random.random() < self.hide_plan:
            row = row.without_plan()
        return row


def _batch_sizes(sorted_lengths: IntArray, batch_tokens: int) -> list[int]:
    """How many sequences go into each batch, shortest first.

    No batch holds more padded tokens than asked, unless a single sequence does.
    """
    sizes: list[int] = []
    size = 0
    for length in sorted_lengths.tolist():
        if size and (size + 1) * length > batch_tokens:
            sizes.append(size)
            size = 0
        size += 1
    return [*sizes, size] if size else sizes


def _read_index(folder: Path) -> dict[str, Any]:
    mend = "make it with: ritornello prepare"
    try:
        index: dict[str, Any] = json.loads((folder / "index.json").read_bytes())
        form = index["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("is not a prepared folder", where=str(folder), mend=mend) from error
    if form != FORMAT:
        raise UserError(f"has format {form}, not {FORMAT}", where=str(folder), mend=mend)
    return index


def _column(path: Path) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), mend="prepare again") from error
