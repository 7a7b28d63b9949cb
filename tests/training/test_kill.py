"""The kill harness in small: the real command line, killed at random, loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_killed_trainer_ends_with_the_same_bits() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "kill_trainer.py"), "--kills", "3", "--steps", "20"]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    figures = {
        " ".join(line.split()[:-1]): line.split()[-1] for line in result.stdout.splitlines() if "goal" not in line
    }
    assert "unreadable checkpoints" in result.stdout
    assert int(figures["finished runs"]) >= 1
