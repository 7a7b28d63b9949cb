"""A prepared folder (``layout.py``) as its readers see it. Columns are mapped into memory when first read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ritornello.data.corpora.base import Split
from ritornello.data.layout import TABLE, column_file, read_index
from ritornello.data.pieces_table import PieceRow, read_table
from ritornello.errors import UserError
from ritornello.scores.score import IntArray

if TYPE_CHECKING:  # they bring torch, which a reader of ids does without
    from ritornello.data.batch import Batch
    from ritornello.data.rows import Row

_MAX_OPEN_SHARDS = 256
"""Columns kept mapped at a time: each holds a file open, and a process may open about a thousand."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a prepared level: tokens ``start`` to ``start + length`` of shard ``shard``.

    ``num_notes`` and ``seconds`` are those of the Score, so that figures per note and per second
    can be compared between token schemes.
    """

    id: str
    group: str
    split: Split
    shard: int
    start: int
    length: int
    num_notes: int
    seconds: float


class PreparedLevel:
    """One level of a prepared folder."""

    def __init__(self, folder: Path, level: str) -> None:
        """Raises UserError when ``folder`` was not prepared with this level."""
        index = read_index(folder)
        if level not in index["levels"]:
            raise UserError(f"has no level {level!r}", where=str(folder), mend=f"one of {', '.join(index['levels'])}")
        facts: dict[str, Any] = index["levels"][level]
        self.name = level
        self.corpus: str = index["corpus"]
        self.scheme: str = index["scheme"]
        self.vocabulary_hash: str = facts["vocabulary_hash"]
        self.vocabulary_size: int = facts["vocabulary_size"]
        self.condition_sizes: tuple[int, ...] = tuple(facts["condition_sizes"])
        self.place_channels: int = facts.get("place_channels", 0)
        self.states_keys: bool = index["states_keys"]
        self.entries = [_entry(row, level) for row in _read_rows(folder, level)]
        self._columns: list[str] = facts["columns"]
        self._folder = folder / level
        self._mapped = lru_cache(maxsize=_MAX_OPEN_SHARDS)(self._map)

    def of_split(self, split: Split) -> list[int]:
        """Indices of the pieces of a split."""
        return [i for i, entry in enumerate(self.entries) if entry.split == split]

    def ids(self, index: int, start: int = 0, stop: int | None = None) -> IntArray:
        """Ids ``start`` to ``stop`` (None = the end) of the piece ``index``, copied."""
        length = self.entries[index].length
        return self._column("ids", index)[start : length if stop is None else stop].astype(np.int64)

    def row(self, index: int) -> Row:
        """The whole piece ``index``, copied out of the columns."""
        from ritornello.data.rows import Row

        if "scored" in self._columns:
            scored = np.array(self._column("scored", index))
        else:
            scored = np.arange(self.entries[index].length) > 0
        conditions, source = (
            self._column(name, index).astype(np.int64) if name in self._columns else None
            for name in ("conditions", "source")
        )
        return Row(self.ids(index), scored, conditions, source, self.place_channels)

    def whole_batches(self, pieces: list[int], batch_tokens: int) -> Iterator[Batch]:
        """Whole pieces in batches of like length, each once, for evaluation."""
        from ritornello.data.rows import collate

        ordered = sorted(pieces, key=lambda i: (self.entries[i].length, i))
        sizes = batch_sizes(np.array([self.entries[i].length for i in ordered]), batch_tokens)
        for stop, size in zip(np.cumsum(sizes).tolist(), sizes, strict=True):
            members = ordered[stop - size : stop]
            yield collate([self.row(i) for i in members], tuple(members))

    def _column(self, name: str, index: int) -> NDArray[Any]:
        entry = self.entries[index]
        column = self._mapped(name, entry.shard)[entry.start : entry.start + entry.length]
        if len(column) < entry.length:
            raise UserError("the table does not fit the columns", where=str(self._folder.parent), mend="prepare again")
        return column

    def _map(self, name: str, shard: int) -> NDArray[Any]:
        path = self._folder / column_file(name, shard)
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"cannot be read: {error}", where=str(path), mend="prepare again") from error


def batch_sizes(sorted_lengths: IntArray, batch_tokens: int) -> list[int]:
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


def _read_rows(folder: Path, level: str) -> list[PieceRow]:
    try:
        return read_table((folder / TABLE).read_bytes(), [level])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(folder / TABLE), mend="prepare again") from error


def _entry(row: PieceRow, level: str) -> Entry:
    return Entry(row.id, row.group, row.split, row.shard, *row.spans[level], row.num_notes, row.seconds)
