"""Bounds on bytes and on musical size, checked before anything is allocated.

Bytes alone bound nothing: a MIDI file of 98 bytes can last four million beats. So every reader
counts tracks, notes, beats, bars and hours first, and refuses a file that holds more than any
piece of music that this project is for.
"""

from __future__ import annotations

import stat
from pathlib import Path

from ritornello.errors import UserError

MAX_MIDI_BYTES = 4 * 2**20
MAX_XML_BYTES = 16 * 2**20
MAX_KERN_BYTES = 4 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**20
"""All files of a compressed MusicXML file together, unpacked."""
MAX_UNPACK_RATIO = 100
MAX_TRACKS = 256
MAX_NOTES = 200_000
MAX_BARS = 20_000
MAX_BEATS = 200_000
"""Quarter notes; 20,000 bars of 10 beats."""
MAX_HOURS = 4
MAX_DENOMINATOR = 64
"""Shortest note value of a time signature."""
MAX_NUMERATOR = 128
MAX_TICKS_PER_BEAT = 32_767
BEATS_PER_MINUTE = (1.0, 2_000.0)
"""Slowest and fastest tempo, in quarter notes per minute, that still counts as one."""

_SMALLER = "choose a smaller file"


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Reads a file whole.

    Raises:
        UserError: there is no such file, it is no ordinary file, it may not be read, it is empty,
            or it is larger than ``max_bytes``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError("not a file", where=str(path), mend="name a music file")
        if status.st_size > max_bytes:
            raise too_large("the file", status.st_size, max_bytes, str(path), unit="bytes")
        with path.open("rb") as file:
            data = file.read(status.st_size + 1)
            if len(data) > status.st_size:  # it grew meanwhile; else room for max_bytes is never asked for
                data += file.read(max_bytes - status.st_size)
    except FileNotFoundError:
        raise UserError("there is no such file", where=str(path), mend="check the name") from None
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot be read: {reason}", where=repr(str(path))) from None
    if not data:
        raise UserError("the file is empty", where=str(path), mend="choose a file that holds music")
    if len(data) > max_bytes:
        raise too_large("the file", len(data), max_bytes, str(path), unit="bytes")
    return data


def check_count(what: str, count: int, limit: int, where: str) -> None:
    """Refuses more than ``limit`` of ``what`` (``notes``, ``tracks``, ``bars``, ``beats``)."""
    if count > limit:
        raise UserError(f"{count:,} {what}", where=where, limit=f"{limit:,} {what}", mend=_SMALLER)


def check_hours(seconds: float, where: str) -> None:
    """Refuses a piece that lasts longer than ``MAX_HOURS``."""
    if not seconds <= MAX_HOURS * 3600:
        raise UserError(f"lasts {seconds / 3600:,.1f} hours", where=where, limit=f"{MAX_HOURS} hours", mend=_SMALLER)


def check_metre(numerator: int, denominator: int, where: str) -> None:
    """Refuses a time signature that is none."""
    if not 1 <= numerator <= MAX_NUMERATOR or denominator not in {1, 2, 4, 8, 16, 32, 64}:
        limit = f"1 to {MAX_NUMERATOR} over 1, 2, 4 ... {MAX_DENOMINATOR}"
        shown = f"{numerator}/{denominator}" if denominator < 2**32 else f"{numerator}/..."
        raise UserError(f"the time signature {shown} does not exist", where=where, limit=limit)


def check_tempo(beats_per_minute: float, where: str) -> None:
    """Refuses a tempo outside ``BEATS_PER_MINUTE``."""
    slowest, fastest = BEATS_PER_MINUTE
    if not slowest <= beats_per_minute <= fastest:
        limit = f"{slowest:g} to {fastest:g} quarter notes per minute"
        raise UserError(f"a tempo of {beats_per_minute:.4g} quarter notes per minute", where=where, limit=limit)


def too_large(what: str, size: int, limit: int, where: str, *, unit: str) -> UserError:
    """The error for something above its limit."""
    return UserError(f"{what} is too large: {size:,} {unit}", where=where, limit=f"{limit:,} {unit}", mend=_SMALLER)
