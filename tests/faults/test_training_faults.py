"""The disk fills up somewhere in a training run: the run goes on from what is there and ends with the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ritornello.training.checkpoint import checkpoints
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, parse_recipe

EVERY_CALL = 5
"""Of the calls that touch the disk, every fifth is tried; the checkpoint's own are all tried elsewhere."""


def _recipe(folder: Path) -> Recipe:
    sizes = {"width": 8, "num_layers": 1, "num_heads": 1, "feedforward_width": 8, "slot_width": 8}
    return parse_recipe(
        {
            "model": {"name": "notes", "config": sizes},
            "data": {"folder": str(folder), "batch_tokens": 300},
            "steps": 3,
            "evaluate_every": 2,
            "save_every": 1,
            "threads": 1,
        }
    )


def _bits(run: Path) -> bytes:
    return (checkpoints(run)[-1] / "state.safetensors").read_bytes() + (
        run / "weights" / "weights.safetensors"
    ).read_bytes()


def test_a_full_disk_costs_nothing_but_time(prepared_toy: Path, tmp_path: Path, failing_disk: Any) -> None:
    recipe = _recipe(prepared_toy)
    fit(recipe, tmp_path / "undisturbed")
    expected, failures = _bits(tmp_path / "undisturbed"), 0
    for k in range(1, 500, EVERY_CALL):
        run = tmp_path / f"run-{k}"
        failing_disk.calls, failing_disk.fail_at = 0, k
        try:
            fit(recipe, run)
            passed = failing_disk.calls < k
        except OSError:
            failures, passed = failures + 1, False
        failing_disk.fail_at = None
        fit(recipe, run, resume=True)
        assert _bits(run) == expected, f"fault {k} changed the run"
        if passed:
            break
    assert passed, "a run never passed untouched"
    assert failures >= 8, "the faults did not reach the run"
