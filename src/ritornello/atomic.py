"""Files and folders that a reader sees whole or not at all, whenever the process or the power fails.

A file is written under a hidden name, flushed to the disk, and gets its name in one rename. A folder of files is made
hidden, flushed, and gets its name the same way, and the rename itself is flushed. Removing a folder goes the
other way round: it loses its name first. So what has a visible name is always complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_WRITING, _REMOVING = ".writing-", ".removing-"


def write_file(path: Path, content: bytes) -> None:
    """Writes a file; raises OSError when the disk is full or failing, and then leaves the older file as it was."""
    hidden = path.with_name(f".{path.name[:100]}-{os.getpid()}")
    try:
        with hidden.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise


def publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Makes ``folder`` hold exactly ``files``; an older folder of that name is replaced.

    Raises:
        OSError: the disk is full or failing; whatever was there before is still there, complete
            (only while an older folder of the same name is replaced, it may be gone).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    hidden = folder.with_name(_WRITING + folder.name)
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir()
    for name, content in files.items():
        write_file(hidden / name, content)
    give_name(hidden, folder)


def give_name(hidden: Path, folder: Path) -> None:
    """Makes the folder ``hidden``, whose files are flushed, the folder ``folder``; an older one is removed."""
    for inside in (*(path for path in hidden.iterdir() if path.is_dir()), hidden):
        _flush_folder(inside)
    if folder.exists():
        remove(folder)
    hidden.replace(folder)
    _flush_folder(folder.parent)


def remove(folder: Path) -> None:
    """Removes a published folder; it is gone as a whole, even when this is interrupted."""
    hidden = folder.with_name(_REMOVING + folder.name)
    shutil.rmtree(hidden, ignore_errors=True)
    folder.replace(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Removes what an interrupted ``publish`` or ``remove`` left behind."""
    for leftover in parent.iterdir() if parent.is_dir() else ():
        if leftover.name.startswith((_WRITING, _REMOVING)):
            shutil.rmtree(leftover, ignore_errors=True)
            leftover.unlink(missing_ok=True) if leftover.is_file() else None


def sha256(content: bytes) -> str:
    """The hash that stands beside every binary file of a checkpoint."""
    return hashlib.sha256(content).hexdigest()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
