"""Pieces out of files of music: in a fixed order, hashed, read when they are needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ritornello.data.corpora.base import Piece, Split
from ritornello.scores.reading import READERS, read_score


def music_files(folder: Path, endings: tuple[str, ...] = tuple(READERS)) -> Iterator[tuple[str, Path]]:
    """Yields (name below the folder, path) of all files of music in it and below, in the order of the names.

    Hidden files and folders are left out; links to folders are not followed.
    """
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                path = Path(parent, name)
                found[path.relative_to(folder).as_posix()] = path
    yield from sorted(found.items())


def piece_of_file(name: str, path: Path, group: str | None = None, split: Split | None = None) -> Piece:
    """The piece in a file; ``name`` is its id. A group or split of None is found out when all pieces are read."""
    return Piece(name, group or name, split, hash_of_file(path), partial(read_score, path))


def hash_of_file(path: Path) -> str:
    """SHA-256 of a file; that of nothing where there is no plain file that may be read, which its reader will say."""
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        pass
    return hashlib.sha256(b"").hexdigest()
