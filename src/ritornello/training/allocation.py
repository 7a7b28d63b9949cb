"""Keeps the process's memory between steps instead of asking the system for it again and again.

glibc gives every large block back as soon as it is free, and the system hands out the next one page by page, each
page zeroed. A training step on the CPU allocates the same hundred blocks every time, and need not pay for their pages
again.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
_MOST_BYTES = 2**30


def keep_memory() -> None:
    """From now on freed blocks of up to a gibibyte stay with the process; no effect without glibc."""
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  # raises where there is none
        library.mallopt(_MMAP_THRESHOLD, _MOST_BYTES)
        library.mallopt(_TRIM_THRESHOLD, 2 * _MOST_BYTES - 1)
    except (AttributeError, OSError, TypeError):
        return
