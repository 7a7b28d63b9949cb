"""Publishes a folder of files so that a reader sees all of it or nothing, whenever the power fails.

The files are written into a hidden folder and flushed to the disk one by one, then the folder gets
its name in one rename, and the rename itself is flushed. Removing goes the other way round: the
folder loses its name first. So a folder with a visible name is always complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_HIDDEN = (".writing-", ".removing-")


def publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Makes ``folder`` hold exactly ``files``; an older folder of that name is replaced.

    Raises:
        OSError: the disk is full or failing; whatever was there before is still there, complete
            (only while an older folder of the same name is replaced, it may be gone).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    hidden = folder.with_name(_HIDDEN[0] + folder.name)
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir()
    for name, content in files.items():
        _write_through(hidden / name, content)
    _flush_folder(hidden)
    if folder.exists():
        remove(folder)
    hidden.replace(folder)
    _flush_folder(folder.parent)


def remove(folder: Path) -> None:
    """Removes a published folder; it is gone as a whole, even when this is interrupted."""
    hidden = folder.with_name(_HIDDEN[1] + folder.name)
    shutil.rmtree(hidden, ignore_errors=True)
    folder.replace(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Removes what an interrupted ``publish`` or ``remove`` left behind."""
    for leftover in parent.iterdir() if parent.is_dir() else ():
        if leftover.name.startswith(_HIDDEN):
            shutil.rmtree(leftover, ignore_errors=True)
            leftover.unlink(missing_ok=True) if leftover.is_file() else None


def sha256(content: bytes) -> str:
    """The hash that stands beside every binary file of a checkpoint."""
    return hashlib.sha256(content).hexdigest()


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
