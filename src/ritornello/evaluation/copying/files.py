"""An index of a training corpus (``index.py``) in a folder: plain numpy arrays, and what they are.

``index.json`` holds the format, sizes, names of the pieces, what the index was made of, and the SHA-256 of every array,
which is compared before any is believed. The arrays are then mapped into memory, so that several processes share them.
Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello import atomic
from ritornello.errors import UserError
from ritornello.evaluation.copying.bars import DIGEST_BYTES
from ritornello.evaluation.copying.index import Index
from ritornello.evaluation.copying.suffixes import END, PADDING

FORMAT = 1
"""Changes with what the arrays mean, the order of the notes included."""
HEADER = "index.json"
KIND = "ritornello copying index"
MAX_HEADER_BYTES = 2**26
_MEND = "delete the folder, and it is made anew"
_ARRAYS: dict[str, tuple[type[np.generic], str]] = {
    "starts": (np.int64, "P"),
    "pitches": (np.uint8, "padded"),
    "onsets": (np.float32, "n"),
    "by_pitch": (np.int32, "n"),
    "by_interval": (np.int32, "n"),
    "bars": (np.uint8, "B"),
    "bars_transposed": (np.uint8, "B"),
}
"""Name of the file, its type and size."""


def open_index(folder: Path) -> Index:
    """The index in a folder, mapped into memory.

    Raises:
        UserError: there is none, it is of another format, or it was changed or damaged.
    """
    header = read_header(folder)
    try:
        names, refused = (tuple(str(name) for name in header[key]) for key in ("names", "refused"))
        arrays: dict[str, NDArray[Any]] = {
            name: _read(folder / f"{name}.npy", header["sha256"][name]) for name in _ARRAYS
        }
        index = Index(names=names, refused=refused, made_of=str(header["made_of"]), **arrays)
        _check(index)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise UserError(f"is a damaged index: {error}", where=str(folder), mend=_MEND) from error
    return index


def save_index(index: Index, folder: Path) -> None:
    """Writes an index to a folder, all or nothing; an older index there is replaced.

    Raises:
        UserError: there is something else, or the disk is full or failing.
    """
    check_free(folder)
    files = {f"{name}.npy": _npy(getattr(index, name)) for name in _ARRAYS}
    header = {
        "kind": KIND,
        "format": FORMAT,
        "made_of": index.made_of,
        "pieces": index.num_pieces,
        "notes": index.num_notes,
        "sha256": {name: atomic.sha256(files[f"{name}.npy"]) for name in _ARRAYS},
        "refused": index.refused,
        "names": index.names,
    }
    try:
        atomic.publish(folder, {**files, HEADER: json.dumps(header, indent=1).encode()})
    except OSError as error:
        mend = "make room, or name another folder"
        raise UserError(f"cannot be written: {error.strerror or error}", where=str(folder), mend=mend) from error


def read_header(folder: Path) -> dict[str, Any]:
    """What ``index.json`` says; raises UserError when there is none, or it is none of an index of this format."""
    kind, form, header = _header(folder)
    if kind != KIND:
        raise UserError("is no index of a corpus", where=str(folder), mend="name another folder")
    if form != FORMAT:
        raise UserError(f"has format {form}, not {FORMAT}", where=str(folder), mend=_MEND)
    return header


def check_free(folder: Path) -> None:
    """Raises UserError when a path holds something else than an index of any format."""
    is_empty = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_empty and _header(folder)[0] != KIND:
        raise UserError("is no index of a corpus", where=str(folder), mend="name a new folder")


def _header(folder: Path) -> tuple[object, object, dict[str, Any]]:
    """Kind, format and all of ``index.json``; nothing where it cannot be read."""
    path = folder / HEADER
    try:
        content = path.read_bytes() if path.stat().st_size <= MAX_HEADER_BYTES else b""
        header: dict[str, Any] = json.loads(content)
        return header["kind"], header["format"], header
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None, None, {}


def _check(index: Index) -> None:
    """Raises ValueError where the arrays do not fit each other."""
    num = len(index.onsets)
    sizes = {"P": index.num_pieces + 1, "n": num, "padded": num + PADDING}
    for name, (dtype, size) in _ARRAYS.items():
        array: NDArray[Any] = getattr(index, name)
        shape = (len(array), DIGEST_BYTES) if size == "B" else (sizes[size],)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    starts = index.starts
    if starts[0] or starts[-1] != num or (np.diff(starts) < 1).any():
        raise ValueError("the pieces do not lie one behind the other")
    if (index.pitches[[*(starts[1:] - 1), *range(num, num + PADDING)]] != END).any():
        raise ValueError("a piece has no end")
    if any(num and not 0 <= order.min() <= order.max() < num for order in (index.by_pitch, index.by_interval)):
        raise ValueError("a place outside the text")


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _read(path: Path, sha256: object) -> NDArray[Any]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(f"{path.name} is not what was written")
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))  # a plain view is quicker than a memmap
