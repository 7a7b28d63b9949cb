"""The table of a prepared folder, ``pieces.parquet``: one row a piece, readable by any data tool.

Columns: ``id``, ``group``, ``split``, ``sha256`` (of the source), ``num_notes``, ``seconds``,
``shard``, and for each level ``<level>_start`` and ``<level>_length``, in tokens of its shard.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]

from ritornello.data.corpora.base import Split

_pa: Any = pa
_pq: Any = pq


@dataclass(frozen=True, slots=True)
class PieceRow:
    """One piece; ``spans``: level -> (start, length) in tokens of shard number ``shard``."""

    id: str
    group: str
    split: Split
    sha256: str
    num_notes: int
    seconds: float
    shard: int
    spans: Mapping[str, tuple[int, int]]


def table_bytes(rows: Sequence[PieceRow], levels: Sequence[str]) -> bytes:
    """The table as a file; equal rows give equal bytes."""
    types = {"num_notes": _pa.int64(), "seconds": _pa.float64(), "shard": _pa.int64()}
    columns: dict[str, Any] = {
        name: _pa.array([getattr(row, name) for row in rows], type=types.get(name, _pa.string()))
        for name in ("id", "group", "split", "sha256", "num_notes", "seconds", "shard")
    }
    for level in levels:
        for part, name in enumerate(("start", "length")):
            columns[f"{level}_{name}"] = _pa.array([row.spans[level][part] for row in rows], type=_pa.int64())
    file = io.BytesIO()
    _pq.write_table(_pa.table(columns), file, compression="zstd")
    return file.getvalue()


def read_table(content: bytes, levels: Sequence[str]) -> list[PieceRow]:
    """The rows of a table; raises ValueError (as pyarrow's errors are) or KeyError when it is none."""
    records: list[dict[str, Any]] = _pq.read_table(io.BytesIO(content)).to_pylist()
    return [
        PieceRow(
            **{name: record[name] for name in ("id", "group", "split", "sha256", "num_notes", "seconds", "shard")},
            spans={level: (record[f"{level}_start"], record[f"{level}_length"]) for level in levels},
        )
        for record in records
    ]
