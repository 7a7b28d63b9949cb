"""Finds a corpus below the data folder, as a folder or as a ``.tar.xz`` archive.

Archives are unpacked once a process into a temporary folder. Only plain files with harmless
relative names come out of them, and never more than the limits say.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from functools import cache
from pathlib import Path, PurePosixPath

from ritornello.errors import UserError

DATA_VARIABLE = "RITORNELLO_DATA"
MAX_UNPACKED_BYTES = 256 * 2**20
MAX_UNPACKED_FILES = 20_000

_TEMPORARY: list[tempfile.TemporaryDirectory[str]] = []
"""Kept alive until the process ends, which removes them."""


def corpus_folder(root: Path | None, name: str) -> Path:
    """The folder of corpus ``name`` below ``root``, unpacked from ``name.tar.xz`` if need be.

    Raises:
        UserError: no root is named, or neither the folder nor the archive is there.
    """
    mend = f"set {DATA_VARIABLE} to the folder that holds {name}.tar.xz"
    if root is None:
        variable = os.environ.get(DATA_VARIABLE, "")
        if not variable:
            raise UserError("the corpus needs a data folder", where=name, mend=mend)
        root = Path(variable)
    if (root / name).is_dir():
        return root / name
    archive = root / f"{name}.tar.xz"
    if not archive.is_file():
        raise UserError("no such corpus", where=str(archive), mend=mend)
    return _unpacked(archive.resolve()) / name


@cache
def _unpacked(archive: Path) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="ritornello-corpus-")
    _TEMPORARY.append(folder)
    try:
        with tarfile.open(archive, "r:xz") as tar:
            _unpack(tar, Path(folder.name))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"cannot be unpacked: {error}", where=str(archive), mend="copy the archive again") from error
    return Path(folder.name)


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    num_bytes = num_files = 0
    for member in tar:
        if not member.isreg():
            continue
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"unsafe path {member.name!r}", where=str(tar.name))
        num_bytes, num_files = num_bytes + member.size, num_files + 1
        if num_bytes > MAX_UNPACKED_BYTES or num_files > MAX_UNPACKED_FILES:
            limit = f"{MAX_UNPACKED_BYTES // 2**20} MiB and {MAX_UNPACKED_FILES} files"
            raise UserError("the archive unpacks to too much", where=str(tar.name), limit=limit)
        content = tar.extractfile(member)
        assert content is not None, "a regular member has content"
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.read())
