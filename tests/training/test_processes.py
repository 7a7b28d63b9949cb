"""Several processes, through the real torchrun: the same weights as one process with all of the batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_two_processes_reach_the_weights_of_one() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "processes.py"), "--steps", "4", "--ways", "ddp", "fsdp"]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if "goal" in line]
    assert [row[2] for row in rows] == ["ddp", "fsdp"]
    assert all(float(row[3]) <= 1e-5 for row in rows)
