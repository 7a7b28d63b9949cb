"""Finds a corpus below the data folder, as a folder or as a ``.zip`` or ``.tar.xz`` archive.

Archives are unpacked once a process into a temporary folder. Only plain files with harmless
relative names come out of them, and never more than the limits say.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO

from ritornello.errors import UserError
from ritornello.scores.limits import MAX_UNPACK_RATIO

DATA_VARIABLE = "RITORNELLO_DATA"
MAX_UNPACKED_BYTES = 2**30
MAX_UNPACKED_FILES = 50_000
ENDINGS = (".zip", ".tar.xz")

_TEMPORARY: list[tempfile.TemporaryDirectory[str]] = []
"""Kept alive until the process ends, which removes them."""


def corpus_folder(root: Path | None, *names: str) -> Path:
    """The folder of the first of ``names`` that is below ``root``, unpacked from an archive of that name if need be.

    Raises:
        UserError: no root is named, or neither a folder nor an archive is there.
    """
    wanted = " or ".join(f"{name}.tar.xz" for name in names)
    mend = f"set {DATA_VARIABLE} to the folder that holds {wanted}, unpacked or not"
    if root is None:
        variable = os.environ.get(DATA_VARIABLE, "")
        if not variable:
            raise UserError("the corpus needs a data folder", where=names[0], mend=mend)
        root = Path(variable)
    for name in names:
        if (root / name).is_dir():
            return root / name
        for ending in ENDINGS:
            if (root / f"{name}{ending}").is_file():
                return unpacked(root / f"{name}{ending}")
    raise UserError("no such corpus", where=str(root / f"{names[0]}.tar.xz"), mend=mend)


def unpacked(archive: Path) -> Path:
    """The content of an archive; where all of it lies in one folder, that folder.

    Raises:
        UserError: it cannot be unpacked, holds more than the limits say, or unsafe paths.
    """
    folder = _unpacked(archive.resolve())
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


@cache
def _unpacked(archive: Path) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="ritornello-corpus-")
    _TEMPORARY.append(folder)
    members = _zip_members if archive.suffix == ".zip" else _tar_members
    try:
        _write(archive, members(archive), Path(folder.name))
    except UserError:
        raise
    except (tarfile.TarError, lzma.LZMAError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise UserError(f"cannot be unpacked: {error}", where=str(archive), mend="copy the archive again") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile: a password, an unknown compression
        raise UserError(f"cannot be unpacked: {error}", where=str(archive), mend="pack it as a plain zip") from error
    return Path(folder.name)


def _write(archive: Path, members: Iterator[tuple[str, int, Callable[[], IO[bytes]]]], folder: Path) -> None:
    """Writes (name, size, content) below ``folder``, within the limits."""
    num_bytes = num_files = 0
    for name, size, content in members:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise UserError(f"unsafe path {name!r}", where=str(archive))
        num_bytes, num_files = num_bytes + size, num_files + 1
        if num_bytes > MAX_UNPACKED_BYTES or num_files > MAX_UNPACKED_FILES:
            limit = f"{MAX_UNPACKED_BYTES // 2**20} MiB and {MAX_UNPACKED_FILES} files"
            raise UserError("the archive unpacks to too much", where=str(archive), limit=limit)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with content() as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _tar_members(archive: Path) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            if member.isreg():
                yield member.name, member.size, lambda member=member: _content(tar, member)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content is not None, "a regular member has content"
    return content


def _zip_members(archive: Path) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    with zipfile.ZipFile(archive) as file:
        members = [info for info in file.infolist() if not info.is_dir()]
        packed, size = (sum(sizes) for sizes in ([i.compress_size for i in members], [i.file_size for i in members]))
        if size > MAX_UNPACK_RATIO * max(1, packed):
            limit = f"{MAX_UNPACK_RATIO} times its size"
            raise UserError("the archive unpacks to too much", where=str(archive), limit=limit)
        for info in members:
            yield info.filename, info.file_size, lambda info=info: file.open(info)
