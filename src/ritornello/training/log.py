"""What a run says while it goes: one JSON object a line in ``log.jsonl``, and a bar on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class RunLog:
    """The log of a run. A resumed run first takes back what it is going to do again."""

    def __init__(self, path: Path, from_step: int) -> None:
        """Keeps the lines up to ``from_step``."""
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        kept = [line for line in lines if (step := _step_of(line)) is not None and step <= from_step]
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def write(self, **facts: Any) -> None:
        """Appends one line; floats are rounded to six digits after the point."""
        rounded = {key: round(value, 6) if isinstance(value, float) else value for key, value in facts.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")


@contextmanager
def progress_bar(start: int, total: int) -> Generator[ProgressBar]:
    """A bar on stderr, if that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield ProgressBar(progress, start, total)


class ProgressBar:
    """Steps done, and the last figures."""

    def __init__(self, progress: Progress, start: int, total: int) -> None:
        """Use ``progress_bar``."""
        self._progress = progress
        self._task = progress.add_task("training", completed=start, total=total)

    def advance(self) -> None:
        """One step is done."""
        self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Shows a text beside the bar."""
        self._progress.update(self._task, description=text)


def _step_of(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None  # a line cut short by a crash
