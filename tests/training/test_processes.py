"""Several processes, through the real torchrun: the same weights as one process with all of the batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ritornello.training.checkpoint import checkpoints, load_checkpoint
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, parse_recipe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("strategy", "context_tokens"), [("ddp", 40), ("fsdp", 0)])
def test_two_processes_reach_the_weights_of_one(
    strategy: str, context_tokens: int, performance_recipe: Recipe, tmp_path: Path
) -> None:
    content = performance_recipe.model_dump(mode="json")
    content |= {"steps": 2, "evaluate_every": 2, "strategy": strategy, "devices": 2}
    content["data"]["context_tokens"] = context_tokens
    content["model"]["config"]["dropout"] = 0.0  # it draws anew for each part of a batch
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    train = ["-m", "ritornello.cli", "train", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "two")]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run([*start, *train], capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("nats per token on the validation pieces") == 1  # one process speaks for all
    content["data"]["batch_tokens"] *= 2
    fit(parse_recipe({**content, "strategy": "auto", "devices": None}), tmp_path / "one")
    one, two = (load_checkpoint(checkpoints(tmp_path / run)[-1]) for run in ("one", "two"))
    assert one.step == two.step
    assert one.tensors.keys() == two.tensors.keys()
    for name, tensor in two.tensors.items():
        assert (tensor - one.tensors[name]).abs().max() <= 1e-5, name
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "two" / "weights" / "weights.safetensors").is_file()
