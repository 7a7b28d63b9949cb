"""Training: resumable to the bit, refuses to overwrite, learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ritornello.errors import UserError
from ritornello.training.checkpoint import checkpoints, load_checkpoint
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, parse_recipe
from ritornello.training.weights import best_weights, load_weights
from tests.training.runs import whole_and_resumed


def _log(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in line.items() if key not in ("seconds", "tokens_per_second")} for line in lines
    ]


def _states_equal(one: Path, other: Path) -> bool:
    a, b = load_checkpoint(one), load_checkpoint(other)
    same = a.tensors.keys() == b.tensors.keys() and all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors)
    return same and a.facts["progress"] == b.facts["progress"]


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_resumed_run_ends_with_the_same_bits(optimiser: str, tiny_recipe: Recipe, tmp_path: Path) -> None:
    tiny_recipe = parse_recipe({**tiny_recipe.model_dump(), "optimiser": {"name": optimiser}})
    whole, parts = whole_and_resumed(tiny_recipe, tmp_path)
    assert _states_equal(checkpoints(whole)[-1], checkpoints(parts)[-1])
    assert _log(whole) == _log(parts)


def test_time_limit_stops_with_a_checkpoint_and_changes_nothing(tiny_recipe: Recipe, tmp_path: Path) -> None:
    hurried = tiny_recipe.model_copy(update={"max_minutes": 1e-9})
    fit(tiny_recipe, tmp_path / "whole")
    message = fit(hurried, tmp_path / "hurried")
    assert "stopped after step 1 of 12" in message
    fit(tiny_recipe, tmp_path / "hurried", resume=True)
    assert _states_equal(checkpoints(tmp_path / "whole")[-1], checkpoints(tmp_path / "hurried")[-1])


def test_other_seeds_give_other_weights(tiny_recipe: Recipe, tmp_path: Path) -> None:
    short = tiny_recipe.model_copy(update={"steps": 3})
    fit(short, tmp_path / "one")
    fit(short.model_copy(update={"seed": 2}), tmp_path / "two")
    assert not _states_equal(checkpoints(tmp_path / "one")[-1], checkpoints(tmp_path / "two")[-1])


def test_a_run_is_not_overwritten(tiny_recipe: Recipe, tmp_path: Path) -> None:
    short = tiny_recipe.model_copy(update={"steps": 3})
    fit(short, tmp_path / "run")
    with pytest.raises(UserError, match="--resume"):
        fit(short, tmp_path / "run")


def test_a_changed_recipe_does_not_resume(tiny_recipe: Recipe, tmp_path: Path) -> None:
    short = tiny_recipe.model_copy(update={"steps": 3})
    fit(short, tmp_path / "run")
    with pytest.raises(UserError, match="recipe is another"):
        fit(short.model_copy(update={"seed": 5}), tmp_path / "run", resume=True)


def test_loss_falls_and_the_best_weights_are_kept(tiny_recipe: Recipe, tmp_path: Path) -> None:
    fit(tiny_recipe.model_copy(update={"steps": 60, "evaluate_every": 20}), tmp_path / "run")
    log = _log(tmp_path / "run")
    assert log[-1]["validation"] < log[0]["validation"] - 0.5
    best = min(log, key=lambda line: line["validation"])
    assert best_weights(tmp_path / "run").name == f"best-{int(best['step']):08d}"
    state = load_checkpoint(checkpoints(tmp_path / "run")[-1]).tensors
    model = load_weights(tmp_path / "run" / "weights")
    assert best["step"] == 60
    assert all(torch.equal(tensor, state[f"average.{name}"]) for name, tensor in model.state_dict().items())


def test_patience_ends_a_run_that_no_longer_improves(tiny_recipe: Recipe, tmp_path: Path) -> None:
    stuck = tiny_recipe.model_copy(update={"patience": 1, "steps": 400, "evaluate_every": 2, "average_decay": 0.0})
    stuck = stuck.model_copy(update={"optimiser": stuck.optimiser.model_copy(update={"learning_rate": 0.5})})
    fit(stuck, tmp_path / "run")
    log = _log(tmp_path / "run")
    assert log[-1]["step"] < 400
    assert log[-1]["validation"] >= log[-2]["validation"]


def test_divergence_is_one_line(tiny_recipe: Recipe, tmp_path: Path) -> None:
    wild = tiny_recipe.optimiser.model_copy(update={"learning_rate": 1e38})
    with pytest.raises(UserError, match="diverged"):
        fit(tiny_recipe.model_copy(update={"optimiser": wild, "steps": 40}), tmp_path / "run")
