"""Kills the trainer at random times and counts what is lost: it should be nothing.

A small run on made-up music (chorales; windows of performances; streams, which are whole performances
with the state carried from step to step) is trained once undisturbed through the command line. Then
the same run is trained again and again, killed with SIGKILL at random moments (a checkpoint after
every step, so that many kills fall inside a save) and resumed until it ends. After each kill every
visible checkpoint must load; at the end of each run its weights, its last checkpoint and its log must
be the undisturbed ones, bit by bit (the log but for its times). Each life is forked from a process
that has imported torch and done nothing else with it, so that the time goes into training and killing.

    python benchmarks/kill_trainer.py --kills 200
    python benchmarks/kill_trainer.py --kills 200 --music performances
    python benchmarks/kill_trainer.py --kills 200 --music streams

Exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

from made_up import KINDS, write_recipe

import ritornello.training.loop  # noqa: F401  # imported before the forks, as torch is
from ritornello.cli import main as command_line
from ritornello.errors import UserError
from ritornello.training.checkpoint import checkpoints, load_checkpoint
from ritornello.training.weights import all_best_weights, load_weights

_FORK = get_context("fork")


@dataclass
class Tally:
    """What happened so far."""

    kills: int = 0
    inside_saves: int = 0
    unreadable: int = 0
    finished: int = 0
    identical: int = 0


def main() -> int:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--music", choices=list(KINDS), default="chorales")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ritornello-kills-") as name:
        dice = random.Random(arguments.seed)  # noqa: S311  # not a secret: when to kill
        steps = arguments.steps
        every = {"steps": steps, "save_every": 1, "evaluate_every": 10, "optimiser": {"name": "muon"}}
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # its threads must not be forked
            recipe = pool.submit(write_recipe, arguments.music, Path(name), **every).result()
        tally, seconds = _all_runs(Path(name), recipe, arguments.kills, dice)
    print(f"{'kills':34}{tally.kills:6}   in {seconds:.0f} s")
    print(f"{'  of these inside a save':34}{tally.inside_saves:6}")
    print(f"{'unreadable checkpoints':34}{tally.unreadable:6}   goal 0")
    print(f"{'finished runs':34}{tally.finished:6}")
    print(f"{'  bit-identical to undisturbed':34}{tally.identical:6}   goal {tally.finished}")
    return int(tally.unreadable > 0 or tally.finished == 0 or tally.identical < tally.finished)


def _all_runs(folder: Path, recipe: Path, kills: int, dice: random.Random) -> tuple[Tally, float]:
    undisturbed = folder / "undisturbed"
    started = time.monotonic()
    process = _start(recipe, undisturbed)
    _wait_for_first_step(process, undisturbed)
    training_began = time.monotonic()
    if not _ended_well(process):
        raise SystemExit("the undisturbed run failed")
    training_seconds = time.monotonic() - training_began
    expected = _hash(undisturbed)
    tally = Tally()
    while tally.kills < kills or tally.finished == 0:
        run = folder / f"run-{tally.finished}"
        while not _live_and_die(
            recipe, run, dice.uniform(0, training_seconds / 3), tally, may_kill=tally.kills < kills
        ):
            pass
        tally.finished += 1
        tally.identical += _hash(run) == expected
    return tally, time.monotonic() - started


def _live_and_die(recipe: Path, run: Path, seconds: float, tally: Tally, *, may_kill: bool) -> bool:
    """One life of the trainer; True if it reached the end of the run."""
    process = _start(recipe, run)
    if may_kill:
        _wait_for_first_step(process, run)
        time.sleep(seconds)
        if process.is_alive():
            process.kill()
            process.join()
            tally.kills += 1
            tally.inside_saves += any(path.name.startswith(".") for path in run.iterdir())
            tally.unreadable += _count_unreadable(run)
            return False
    if not _ended_well(process):
        raise SystemExit(f"the trainer could not go on in {run}")
    return True


def _start(recipe: Path, run: Path) -> ForkProcess:
    process = _FORK.Process(target=_train, args=(["train", str(recipe), "--out", str(run), "--resume"],))
    process.start()
    return process


def _train(arguments: list[str]) -> None:
    """The command line, silent."""
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):  # noqa: PTH123
        command_line(arguments)


def _ended_well(process: ForkProcess) -> bool:
    process.join()
    return process.exitcode == 0


def _wait_for_first_step(process: ForkProcess, run: Path) -> None:
    """Until the process has written its first checkpoint of this life: before, it only builds the model."""
    before = {path.name for path in checkpoints(run)}
    while process.is_alive() and {path.name for path in checkpoints(run)} == before:
        time.sleep(0.005)


def _count_unreadable(run: Path) -> int:
    failures = 0
    for folders, read in ((checkpoints(run), load_checkpoint), (all_best_weights(run), load_weights)):
        for folder in folders:
            try:
                read(folder)
            except UserError as error:
                print(error)
                failures += 1
    return failures


def _hash(run: Path) -> str:
    last = checkpoints(run)[-1] / "state.safetensors"
    files = (run / "weights" / "weights.safetensors", last)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    figures = [{k: v for k, v in line.items() if k not in ("seconds", "tokens_per_second")} for line in log]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files) + repr(figures).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
