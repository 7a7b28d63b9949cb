"""Writing a file so that it is either whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ritornello.errors import UserError


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` under a temporary name in the same folder and renames it to ``path``.

    Raises:
        UserError: the folder does not exist or cannot be written, or the disk is full. Nothing is
            left behind, and a file that was there before stays as it was.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(0o666 & ~_umask())  # mkstemp gives 0o600
        temporary.replace(path)
    except (OSError, ValueError) as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        mend = "name a folder that exists and may be written"
        raise UserError(f"cannot be written: {reason}", where=str(path), mend=mend) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
