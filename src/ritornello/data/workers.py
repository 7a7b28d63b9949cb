"""Jobs spread over processes that may die: killed by the system, or by a file that crashes its reader."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    task: Callable[[Job], Result], jobs: Iterable[Job], workers: int, on_death: Callable[[Job], Result]
) -> Iterator[Result]:
    """Yields the result of every job as it comes.

    One worker means this process. Otherwise, when a worker dies, every job that was under way goes
    to ``on_death`` and the others go on. An exception of a job is raised here.
    """
    if workers == 1:
        yield from map(task, jobs)
        return
    waiting = deque(jobs)
    while waiting:
        interrupted = yield from _until_death(task, waiting, workers)
        yield from map(on_death, interrupted)


def in_own_process(task: Callable[[Job], Result], job: Job) -> Result | None:
    """The result of a job that has a process to itself; None when the process dies."""
    with _pool(1) as pool:
        try:
            return pool.submit(task, job).result()
        except BrokenProcessPool:
            return None


def deadly_jobs(task: Callable[[Job], object], jobs: Iterable[Job]) -> Iterator[Job]:
    """Yields the jobs that kill the process that does them; all are tried, one after the other."""
    waiting = deque(jobs)
    while waiting:
        with _pool(1) as pool:
            try:
                while waiting:
                    pool.submit(task, waiting[0]).result()
                    waiting.popleft()
            except BrokenProcessPool:
                yield waiting.popleft()


def _until_death(
    task: Callable[[Job], Result], waiting: deque[Job], workers: int
) -> Generator[Result, None, list[Job]]:
    """Takes jobs until none is left or a worker dies; returns the jobs that were under way then."""
    under_way: dict[Future[Result], Job] = {}
    with _pool(min(workers, len(waiting))) as pool:
        try:
            while waiting or under_way:
                while waiting and len(under_way) < workers:
                    future = pool.submit(task, waiting[0])  # may fail, so the job is not taken before
                    under_way[future] = waiting.popleft()
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    del under_way[future]
                    yield result
        except BrokenProcessPool:
            pass
    return list(under_way.values())


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)
