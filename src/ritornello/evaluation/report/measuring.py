"""All aspects of one piece, and of many pieces over worker processes.

A piece that cannot be measured in some aspect is measured in all others, and the exception is kept: a fault of a
measure is to be seen in the report, and must not cost its reader the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ritornello.data.workers import in_own_process, run_jobs
from ritornello.evaluation import adherence
from ritornello.evaluation.aspects import ASPECTS
from ritornello.evaluation.copying import notes as copied
from ritornello.evaluation.copying.files import open_index
from ritornello.evaluation.copying.index import Index
from ritornello.evaluation.copying.notes import Copy, longest_copy
from ritornello.evaluation.metric import Value
from ritornello.evaluation.report.sets import Piece
from ritornello.evaluation.timeline import Timeline
from ritornello.form.plan_yaml import read_plan
from ritornello.scores.reading import read_score

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Order:
    """One piece to be measured."""

    piece: Piece
    written: bool
    """Whether its bars are to be believed."""
    index: Path | None = None
    """Folder of the training corpus that copies are looked for in."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one piece."""

    piece: Piece
    num_notes: float = math.nan
    seconds: float = math.nan
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    """Of every metric that applies and could be measured."""
    adherence: dict[str, float] = field(default_factory=dict[str, float])
    """To its plan; empty without one."""
    copy: Copy | None = None
    """The longest one from the training corpus, on any level."""
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """Aspect -> what went wrong in it."""


def measure(order: Order) -> Measured:
    """All aspects of a piece that apply to it. Never raises an Exception."""
    piece = order.piece
    try:
        notes = Timeline.of(read_score(piece.path), written=order.written)
    except Exception as error:  # noqa: BLE001  # it was read before: the file changed, or the timeline has a fault
        return Measured(piece, faults={"notes": told(error)})
    measured = Measured(piece, len(notes), notes.seconds)
    for aspect in ASPECTS.values():
        if notes.is_written or not aspect.needs_bars:
            with _kept(measured, aspect.name):
                measured.values.update(aspect.evaluate(notes))
    if piece.plan:
        with _kept(measured, "adherence"):
            measured.adherence.update(adherence.evaluate(notes.score, read_plan(piece.plan)))
    if order.index:
        with _kept(measured, "copying"):
            index = _opened(order.index)
            measured.values.update(copied.evaluate(notes, index))
            return replace(measured, copy=longest_copy(notes, index, transposed=True))
    return measured


def over_workers(
    task: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int,
    died: Callable[[Job], Result],
    on_progress: Callable[[int, int], None],
) -> Iterator[Result]:
    """The result of every job as it comes; a job that kills its process, alone too, has the result ``died(job)``."""

    def again(job: Job) -> Result:
        result = in_own_process(task, job)  # another job may have killed the worker
        return died(job) if result is None else result

    for done, result in enumerate(run_jobs(task, jobs, workers, again), start=1):
        on_progress(done, len(jobs))
        yield result


def told(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


@contextmanager
def _kept(measured: Measured, aspect: str) -> Generator[None]:
    """Goes on after an exception, and keeps it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # told in the report, which goes on
        measured.faults[aspect] = told(error)


@lru_cache(maxsize=1)
def _opened(index: Path) -> Index:
    """The index, opened once in each worker."""
    return open_index(index)
