"""Trains the same run in one process and in several that torchrun starts, and compares the weights.

The several read a batch of B tokens each, the one reads all of them: the largest difference of any
weight after the last step is shown, for ddp, for fsdp, and for a run that was begun by the several
and ended by the one. Optimiser moments and averaged weights are compared too.

    python benchmarks/processes.py --steps 20

Exits with 1 if a difference is over 1e-5 (AdamW; Muon orthogonalises in bfloat16, which rounds
differently when sums are taken in another order).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from made_up import KINDS, write_recipe

from ritornello.training.checkpoint import checkpoints, load_checkpoint

GOAL = 1e-5


def main() -> int:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--optimiser", choices=["adamw", "muon"], default="adamw")
    parser.add_argument("--ways", nargs="+", choices=["ddp", "fsdp", "changed"], default=["ddp", "fsdp", "changed"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ritornello-processes-") as name:
        differences = _differences(Path(name), arguments)
    names = {"ddp": "ddp", "fsdp": "fsdp", "changed": "ddp, then one process"}
    print(f"largest difference from one process after {arguments.steps} steps, {arguments.optimiser}")
    for way, difference in differences.items():
        print(f"  {arguments.processes} processes, {names[way]:24}{difference:10.1e}   goal {GOAL}")
    return int(arguments.optimiser == "adamw" and max(differences.values()) > GOAL)


def _differences(folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    steps, size = arguments.steps, arguments.processes
    values = {"steps": steps, "evaluate_every": steps, "save_every": max(1, steps // 2)}
    schedule = {"warmup_steps": 5}
    optimiser = {"name": arguments.optimiser}
    recipe = write_recipe("performances", folder, **values, schedule=schedule, optimiser=optimiser)
    still = ["--set", "model.config.dropout=0.0"]  # dropout draws anew for each part of a batch
    together = ["--set", f"data.batch_tokens={size * KINDS['performances']['data']['batch_tokens']}"]
    _train(recipe, folder / "one", 1, [*still, *together])
    differences: dict[str, float] = {}
    for way in arguments.ways:
        strategy = ["--set", f"strategy={'fsdp' if way == 'fsdp' else 'ddp'}"]
        hurry = ["--set", "max_minutes=1.0e-9"] if way == "changed" else []
        _train(recipe, folder / way, size, [*still, *strategy, *hurry])
        if way == "changed":
            _train(recipe, folder / way, 1, [*still, *together, "--resume"])
        differences[way] = _largest_difference(folder / "one", folder / way)
    return differences


def _train(recipe: Path, run: Path, processes: int, options: list[str]) -> None:
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [*start, "-m", "ritornello.cli", "train", str(recipe), "--out", str(run), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise SystemExit(f"training failed:\n{result.stdout}\n{result.stderr}")


def _largest_difference(one: Path, other: Path) -> float:
    a, b = (load_checkpoint(checkpoints(run)[-1]) for run in (one, other))
    if a.step != b.step or a.tensors.keys() != b.tensors.keys():
        raise SystemExit(f"{other} is at step {b.step}, {one} at step {a.step}, or their tensors differ")
    return max((a.tensors[name].double() - b.tensors[name].double()).abs().max().item() for name in a.tensors)


if __name__ == "__main__":
    sys.exit(main())
