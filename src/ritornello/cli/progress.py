"""A progress bar for long work: on stderr, where that is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def progress_bar(unit: str) -> Generator[Callable[[int, int], None]]:
    """A function that shows how many of how many are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(unit, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class Stages:
    """Progress bars of one stage after another, and how long each took."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def show(self, stage: str) -> Generator[Callable[[int, int], None]]:
        """The bar of one stage."""
        began = time.monotonic()
        with progress_bar(stage) as show:
            yield show
        self._seconds[stage] = time.monotonic() - began

    def __str__(self) -> str:
        each = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self._seconds.items())
        return f"{each}: {sum(self._seconds.values()):.1f} s"
