"""The k-th disk operation fails, k = 1, 2, ... until a save passes: the newest checkpoint always loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ritornello.atomic import sweep
from ritornello.training.checkpoint import Checkpoint, checkpoints, load_checkpoint, save_checkpoint

FILES_A_SAVE_WRITES = 2


def _save(run: Path, step: int) -> None:
    save_checkpoint(run, Checkpoint(step, {"model.weight": torch.full((4,), float(step))}, {}), keep=1)


@pytest.mark.parametrize("forever", [False, True])
def test_newest_checkpoint_survives_every_single_fault(tmp_path: Path, failing_disk: Any, *, forever: bool) -> None:
    _save(tmp_path, 1)
    failing_disk.forever = forever
    failures = 0
    for k in range(1, 100):
        failing_disk.calls, failing_disk.fail_at = 0, k
        try:
            _save(tmp_path, 1 + k)
            passed = failing_disk.calls < k
        except OSError:
            failures, passed = failures + 1, False
        failing_disk.fail_at = None
        found = [load_checkpoint(folder) for folder in checkpoints(tmp_path)]
        assert found, f"no checkpoint is left after fault {k}"
        assert all(torch.equal(c.tensors["model.weight"], torch.full((4,), float(c.step))) for c in found)
        sweep(tmp_path)
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
        if passed:
            break
    assert passed, "a save never passed untouched"
    assert failures >= 3 * FILES_A_SAVE_WRITES, "the faults did not reach the save"
