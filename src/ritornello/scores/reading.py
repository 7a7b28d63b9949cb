"""One door for every format that can be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ritornello.errors import UserError
from ritornello.scores.kern import read_kern
from ritornello.scores.midi import read_midi
from ritornello.scores.musicxml_reading import read_musicxml
from ritornello.scores.score import Score

READERS: dict[str, Callable[[Path], Score]] = {
    ".mid": read_midi,
    ".midi": read_midi,
    ".musicxml": read_musicxml,
    ".xml": read_musicxml,
    ".mxl": read_musicxml,
    ".krn": read_kern,
}
"""Ending of a file's name, in small letters -> its reader."""


def read_score(path: Path | str) -> Score:
    """Reads a piece; the ending of the name says in which format.

    Raises:
        UserError: no reader knows the ending, or the reader refuses the file.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(
            f"files ending in {path.suffix[:20]!r} are not read",
            where=str(path),
            mend=f"use one of {', '.join(READERS)}",
        )
    return reader(path)
