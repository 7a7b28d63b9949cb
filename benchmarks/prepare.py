"""Prepares MAESTRO's 177 test performances with 1, 2 and 4 workers, and again while it is killed at random times.

Needs ``maestro-v3.0.0-test-midi`` below RITORNELLO_DATA. The archive is unpacked once; every prepare is the command
line's own, so its time holds the start of Python and of the workers. After each SIGKILL (of the parent alone, as the
system does it) nothing that looks finished may be there; the run is then started again until it ends. All results must
be the same bytes.

    python benchmarks/prepare.py --kills 50

Exits with 1 if any byte differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ritornello.data.corpora.archive import corpus_folder

WORKERS = (1, 2, 4)


@dataclass
class Tally:
    """What happened so far."""

    kills: int = 0
    kept_shards: int = 0
    looked_finished: int = 0
    runs: int = 0
    identical: int = 0


def main() -> int:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    music = corpus_folder(None, "maestro-v3.0.0-test-midi")
    with tempfile.TemporaryDirectory(prefix="ritornello-prepare-") as name:
        seconds, hashes = _all_workers(music, Path(name))
        dice = random.Random(arguments.seed)  # noqa: S311  # not a secret: when to kill
        tally = _killed(music, Path(name) / "killed", arguments.kills, dice, seconds[2], hashes[1])
    same = len(set(hashes.values())) == 1
    print(f"{'workers':34}{'seconds':>9}{'ratio':>8}  bytes")
    for workers in WORKERS:
        print(f"{workers:<34}{seconds[workers]:9.1f}{seconds[workers] / seconds[1]:8.2f}  {hashes[workers][:16]}")
    print(f"{'kills (2 workers)':34}{tally.kills:9}")
    print(f"{'  shards kept over all kills':34}{tally.kept_shards:9}")
    print(f"{'  finished-looking and not whole':34}{tally.looked_finished:9}   goal 0")
    print(f"{'runs finished after kills':34}{tally.runs:9}")
    print(f"{'  byte-identical':34}{tally.identical:9}   goal {tally.runs}")
    return int(not same or tally.looked_finished > 0 or tally.identical < tally.runs)


def _all_workers(music: Path, folder: Path) -> tuple[dict[int, float], dict[int, str]]:
    seconds: dict[int, float] = {}
    hashes: dict[int, str] = {}
    for workers in WORKERS:
        out = folder / f"by-{workers}"
        started = time.monotonic()
        subprocess.run(_command(music, out, workers), check=True, stdout=subprocess.DEVNULL, env=_environment())
        seconds[workers] = time.monotonic() - started
        hashes[workers] = _hash(out)
    return seconds, hashes


def _killed(music: Path, folder: Path, kills: int, dice: random.Random, seconds: float, expected: str) -> Tally:
    """Runs that are killed about three times each, at any moment of their life."""
    tally, out = Tally(), folder / "out"
    folder.mkdir()
    while tally.kills < kills or tally.runs == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # Python counts what a kill leaves
        process = subprocess.Popen(_command(music, out, 2), env=_environment(), **quiet)
        try:
            process.wait(timeout=dice.uniform(0, seconds) if tally.kills < kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            tally.kills += 1
            tally.kept_shards += len(list(folder.glob(".preparing-*/shards/0*.json")))
            tally.looked_finished += out.exists() and _hash(out) != expected
            continue
        if process.returncode != 0:
            raise SystemExit(f"prepare could not go on in {folder}")
        tally.runs += 1
        tally.identical += _hash(out) == expected and [path.name for path in folder.iterdir()] == ["out"]
        shutil.rmtree(out)
    return tally


def _command(music: Path, out: Path, workers: int) -> list[str]:
    options = ["--out", str(out), "--workers", str(workers)]
    return [sys.executable, "-m", "ritornello.cli", "prepare", str(music), *options]


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _hash(folder: Path) -> str:
    """Of all names and contents below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
