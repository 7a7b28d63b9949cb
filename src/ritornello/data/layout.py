"""What is where in a prepared folder.

``index.json`` holds the facts (corpus, licence, levels, what was refused), ``pieces.parquet`` one row
a piece (``pieces_table.py``), ``<level>/ids-00000.npy`` and so on the tokens: a *shard* holds some
pieces one after the other, whole. Its columns are ``ids`` (uint16, N), and where the level has them
``scored`` (bool, N), ``conditions`` (int16, N x C) and ``source`` (int32, N).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ritornello.errors import UserError

FORMAT = 2
INDEX = "index.json"
TABLE = "pieces.parquet"
COLUMNS = ("ids", "scored", "conditions", "source")


def column_file(name: str, shard: int) -> str:
    """The name of one column of one shard, below the folder of its level."""
    return f"{name}-{shard:05d}.npy"


def read_index(folder: Path) -> dict[str, Any]:
    """The facts of a prepared folder; raises UserError when it is none, or of another format."""
    mend = "make it with: ritornello prepare"
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_bytes())
        form = index["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("is not a prepared folder", where=str(folder), mend=mend) from error
    if form != FORMAT:
        raise UserError(f"has format {form}, not {FORMAT}", where=str(folder), mend=mend)
    return index
