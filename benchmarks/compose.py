"""Seconds and memory of ``ritornello compose``, from the shell's call to the last of the five files.

    python benchmarks/compose.py [--seeds 1-3] [--threads 2]

The goal is under 60 s and under 2 GB on two cores. Every piece is made by a process of its own in a
temporary folder; memory is the largest resident size that the system reports for that process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MOST_SECONDS, MOST_GIGABYTES = 60.0, 2.0
FILES = {"piece.mid", "piece.musicxml", "piece.wav", "piece.png", "plan.yaml"}


class Run(NamedTuple):
    """One call of the command."""

    seconds: float
    gigabytes: float
    files: set[str]


def compose(seed: int, threads: int) -> Run:
    """Composes one piece; raises CalledProcessError if the command fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ritornello.cli", "compose", "--seed", str(seed), "--out", folder]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)  # unlike getrusage this is the one child's own peak
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        unit = 1 if sys.platform == "darwin" else 1024
        return Run(seconds, usage.ru_maxrss * unit / 1e9, {file.name for file in Path(folder).iterdir()})


def main() -> None:
    """Prints the table; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", default="1-3", help="first and last seed")
    parser.add_argument("--threads", type=int, default=2, help="threads of the process")
    options = parser.parse_args()
    first, last = (int(seed) for seed in options.seeds.split("-"))
    print(f"{'seed':>6}{'seconds':>10}{'GB':>8}  files")
    runs: list[Run] = []
    for seed in range(first, last + 1):
        runs.append(compose(seed, options.threads))
        print(
            f"{seed:>6}{runs[-1].seconds:>10.1f}{runs[-1].gigabytes:>8.2f}  {' '.join(sorted(runs[-1].files))}",
            flush=True,
        )
    seconds, gigabytes = max(run.seconds for run in runs), max(run.gigabytes for run in runs)
    fine = seconds < MOST_SECONDS and gigabytes < MOST_GIGABYTES and all(run.files == FILES for run in runs)
    print(f"most: {seconds:.1f} s (goal {MOST_SECONDS:.0f}), {gigabytes:.2f} GB (goal {MOST_GIGABYTES:.0f}): "
          f"{'met' if fine else 'NOT MET'}")  # fmt: skip
    sys.exit(not fine)


if __name__ == "__main__":
    main()
