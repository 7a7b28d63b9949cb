"""Lets the k-th call that touches the disk fail."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest


class FailingDisk:
    """Counts the calls that write (open for writing, write, fsync, replace, mkdir) and fails the k-th, and all later
    ones if ``forever``, with "no space left on device"."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.fail_at: int | None = None
        self.forever = False
        self.calls = 0
        for owner, name in ((os, "fsync"), (Path, "replace"), (os, "mkdir")):
            patch.setattr(owner, name, self._counting(getattr(owner, name)))
        real_open = Path.open

        def open_counted(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if "r" in mode:
                return real_open(path, mode, *args, **kwargs)
            self._count()
            file = real_open(path, mode, *args, **kwargs)
            return _HalfWriter(file, self._count)

        patch.setattr(Path, "open", open_counted)

    def _counting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._count()
            return real(*args, **kwargs)

        return counted

    def _count(self) -> None:
        self.calls += 1
        if self.fail_at is not None and (self.calls == self.fail_at or (self.forever and self.calls > self.fail_at)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _HalfWriter:
    """A file whose failing write has already written half of the content."""

    def __init__(self, file: Any, count: Callable[[], None]) -> None:
        self._file, self._count = file, count

    def write(self, content: Any) -> int:
        try:
            self._count()
        except OSError:
            self._file.write(content[: len(content) // 2])
            raise
        return self._file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._file.close()


@pytest.fixture
def failing_disk(monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    """Set ``fail_at`` and reset ``calls`` before the code under test."""
    return FailingDisk(monkeypatch)
