"""What a run says while it goes: one JSON object a line in ``log.jsonl``, and a bar on a terminal.

With ``tensorboard: true`` the same figures go into ``tensorboard/`` of the run.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ritornello.errors import UserError
from ritornello.training.recipe import Recipe

LOG_NAME = "log.jsonl"


@contextmanager
def open_log(out: Path, from_step: int, recipe: Recipe, *, wanted: bool = True) -> Generator[RunLog | None]:
    """The log of the run in ``out``; None where it is not wanted, in all processes but the first.

    Raises:
        UserError: the recipe asks for TensorBoard, which is not installed.
    """
    if not wanted:
        yield None
        return
    board = _board(out / "tensorboard", from_step) if recipe.tensorboard else None
    try:
        yield RunLog(out / LOG_NAME, from_step, board)
    finally:
        if board is not None:
            board.close()


class RunLog:
    """The log of a run. A resumed run first takes back what it is going to do again."""

    def __init__(self, path: Path, from_step: int, board: Any = None) -> None:
        """Keeps the lines up to ``from_step``; ``board`` is TensorBoard's writer."""
        self.path, self._board = path, board
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        kept = [line for line in lines if (step := _step_of(line)) is not None and step <= from_step]
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def write(self, *, step: int, **facts: Any) -> None:
        """Appends one line; floats are rounded to seven digits."""
        rounded = {key: float(f"{value:.7g}") if isinstance(value, float) else value for key, value in facts.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **rounded}) + "\n")
        if self._board is not None:
            for key, value in facts.items():
                self._board.add_scalar(key, value, step)
            self._board.flush()


@contextmanager
def progress_bar(start: int, total: int, *, wanted: bool = True) -> Generator[ProgressBar]:
    """A bar on stderr, if it is wanted and that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (wanted and sys.stderr.isatty())) as progress:
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


class Pace:
    """Tokens per second of training, without what is done between the steps."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forgets what was measured."""
        self._tokens, self._seconds = 0, 0.0

    def add(self, step: Callable[[], int]) -> None:
        """Takes a step, which says how many tokens it learned from."""
        started = time.monotonic()
        self._tokens += step()
        self._seconds += time.monotonic() - started

    @property
    def tokens_per_second(self) -> float:
        """Since the last restart."""
        return self._tokens / self._seconds if self._seconds else 0.0


def _board(folder: Path, from_step: int) -> Any:
    """TensorBoard's writer, which takes back what a resumed run is going to do again."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        mend = "install it: pip install 'ritornello[tensorboard]'"
        raise UserError("TensorBoard is not installed", where="tensorboard", mend=mend) from error
    return SummaryWriter(folder, purge_step=from_step + 1)


def _step_of(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None  # a line cut short by a crash
