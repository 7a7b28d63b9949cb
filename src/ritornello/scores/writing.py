"""Writing a user's file so that it is either whole or not there."""

from __future__ import annotations

from pathlib import Path

from ritornello.atomic import write_file
from ritornello.errors import UserError


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path`` in one rename.

    Raises:
        UserError: the folder does not exist or cannot be written, or the disk is full. Nothing is
            left behind, and a file that was there before stays as it was.
    """
    try:
        write_file(path, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = "name a folder that exists and may be written"
        raise UserError(f"cannot be written: {reason}", where=str(path), mend=mend) from None
