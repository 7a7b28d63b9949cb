"""A set of pieces to be measured: found below a folder, looked into, drawn down to the size of another.

**Conventions**

* A piece is a file that ``scores.read_score`` reads. Hidden files and folders are passed over.
* Files of one folder with one stem are one piece (``compose`` writes ``piece.mid`` and ``piece.musicxml``): the format
  that says most is taken, in the order of ``PREFERRED``; the others are named as its twins.
* The plan of a piece is the ``plan.yaml`` beside it, where its folder holds no other piece.
* A draw keeps the order of the pieces and depends on the seed and on the number of pieces alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from ritornello.errors import UserError
from ritornello.form.timing import is_performance
from ritornello.scores.reading import READERS, read_score

PREFERRED = (".musicxml", ".mxl", ".xml", ".krn", ".mid", ".midi")
PLAN = "plan.yaml"
MOST_FILES = 50_000
Item = TypeVar("Item")


class LeftOut(NamedTuple):
    """A file that is not measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that may hold a piece."""

    name: str
    """Below the folder of its set, with / between folders; what cannot be printed is escaped."""
    path: Path
    plan: Path | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What stands below a folder, in the order of its names."""

    pieces: tuple[Piece, ...]
    twins: tuple[str, ...]
    """Names of files that are passed over, as their piece stands beside them in a format that says more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a file once it was read."""

    piece: Piece
    written: bool = False
    """Whether it has bars; False for a performance."""
    sha256: str = ""
    reason: str = ""
    """Why it cannot be read; empty if it can."""


def find_pieces(source: Path) -> Found:
    """The pieces of a file or of a folder and all folders below it.

    Raises:
        UserError: there is no such file or folder, it holds no file that is read, or more than ``MOST_FILES``.
    """
    if not source.exists():
        raise UserError("there is no such file or folder", where=str(source), mend="check the name")
    if source.is_file():
        return Found((Piece(printable(source.name), source, _plan_beside(source)),), ())
    files = sorted(_music_files(source), key=lambda path: (path.parent, path.stem, PREFERRED.index(_ending(path))))
    if not files:
        endings = ", ".join(PREFERRED)
        raise UserError(
            "there is no music in this folder", where=str(source), mend=f"name one with files ending in {endings}"
        )
    pieces: list[Piece] = []
    names: list[str] = []
    for _, same in groupby(files, key=lambda path: (path.parent, path.stem)):
        first, *others = same
        pieces.append(Piece(_name(first, source), first, _plan_beside(first)))
        names += [_name(path, source) for path in others]
    return Found(tuple(sorted(pieces, key=lambda piece: piece.name)), tuple(sorted(names)))


def look_into(piece: Piece) -> Look:
    """Reads a piece, to know whether it can be read and whether it has bars. Never raises an Exception."""
    try:
        score = read_score(piece.path)
        digest = hashlib.sha256(piece.path.read_bytes()).hexdigest()
    except UserError as error:
        return Look(piece, reason=error.what + (f" (limit: {error.limit})" if error.limit else ""))
    except Exception as error:  # noqa: BLE001  # a reader's fault is told in the report, which goes on
        return Look(piece, reason=f"its reader failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return Look(piece, not is_performance(score), digest)


def drawn(items: Sequence[Item], count: int, seed: int) -> list[Item]:
    """``count`` of the items, in their order; all of them where there are no more."""
    if len(items) <= count:
        return list(items)
    chosen = np.random.default_rng(seed).choice(len(items), size=count, replace=False)
    return [items[i] for i in np.sort(chosen)]


def printable(name: str) -> str:
    """The name without line breaks, control characters and halves of characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def _music_files(folder: Path) -> Iterator[Path]:
    """Files below a folder whose endings are read; links to folders are not followed."""
    num_files = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and _ending(path) in READERS:
                num_files += 1
                if num_files > MOST_FILES:
                    limit, mend = f"{MOST_FILES:,} files", "name a smaller folder"
                    raise UserError("holds too many files of music", where=str(folder), limit=limit, mend=mend)
                yield path


def _ending(path: Path) -> str:
    return path.suffix.lower()


def _plan_beside(path: Path) -> Path | None:
    """The plan in the folder of a piece that shares it with no other."""
    plan = path.with_name(PLAN)
    if not plan.is_file():
        return None
    stems = {other.stem for other in path.parent.iterdir() if _ending(other) in READERS}
    return plan if stems == {path.stem} else None


def _name(path: Path, folder: Path) -> str:
    return printable(path.relative_to(folder).as_posix())
