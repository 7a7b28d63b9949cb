"""Training on performances: resumable to the bit, in parts as in one, measured on everything at the end."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.training.likelihood import likelihood
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe
from ritornello.training.weights import load_weights, read_facts
from tests.training.runs import changed, last_tensors, whole_and_resumed


def largest_difference(one: Path, other: Path) -> float:
    a, b = last_tensors(one), last_tensors(other)
    assert a.keys() == b.keys()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


def log_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("model", ["transformer", "lstm"])
def test_resumed_run_ends_with_the_same_bits(model: str, performance_recipe: Recipe, tmp_path: Path) -> None:
    config = performance_recipe.model.config if model == "transformer" else {"width": 12, "num_layers": 2}
    dropping = {**config, "dropout": 0.2}
    data = {"data__transpose": (-3, 3), "data__stretch": (0.95, 1.05), "data__velocity": 1}
    recipe = changed(performance_recipe, model={"name": model, "config": dropping}, accumulate=2, **data)
    whole_and_resumed(recipe, tmp_path)


@pytest.mark.parametrize(("optimiser", "bound"), [("adamw", 1e-5), ("muon", 1e-2)])
def test_two_batches_make_one_of_double_size(
    optimiser: str, bound: float, performance_recipe: Recipe, tmp_path: Path
) -> None:
    """Muon orthogonalises in bfloat16, where another order of summation may round to the next number."""
    recipe = changed(performance_recipe, optimiser__name=optimiser, model__config__dropout=0.0)
    fit(changed(recipe, data__batch_tokens=512), tmp_path / "one")
    fit(changed(recipe, accumulate=2), tmp_path / "two")
    assert largest_difference(tmp_path / "one", tmp_path / "two") < bound


def test_a_run_goes_on_in_other_parts(performance_recipe: Recipe, tmp_path: Path) -> None:
    recipe = changed(performance_recipe, model__config__dropout=0.0)
    fit(changed(recipe, data__batch_tokens=512), tmp_path / "one")
    fit(changed(recipe, data__batch_tokens=512, max_minutes=1e-9), tmp_path / "two")
    fit(changed(recipe, accumulate=2), tmp_path / "two", resume=True)
    assert largest_difference(tmp_path / "one", tmp_path / "two") < 1e-5


def test_a_run_does_not_go_on_with_another_batch(performance_recipe: Recipe, tmp_path: Path) -> None:
    fit(changed(performance_recipe, max_minutes=1e-9), tmp_path / "run")
    with pytest.raises(UserError, match="batch of a step is another"):
        fit(changed(performance_recipe, accumulate=2), tmp_path / "run", resume=True)


def test_the_loss_is_the_mean_over_scored_tokens(
    performance_recipe: Recipe, performances: PreparedLevel, tmp_path: Path
) -> None:
    """At a learning rate of nearly nothing, the logged loss is that of the first weights on the windows drawn."""
    fit(changed(performance_recipe, steps=1, optimiser__learning_rate=1e-12, accumulate=3), tmp_path / "run")
    model = load_weights(tmp_path / "run" / "weights")
    nats = likelihood(model, performances, performances.of_split("train")).headline
    assert log_of(tmp_path / "run")[0]["train"] == pytest.approx(nats, abs=0.3)


def test_training_on_some_pieces_ends_with_all(
    performance_recipe: Recipe, performances: PreparedLevel, tmp_path: Path
) -> None:
    said = fit(changed(performance_recipe, evaluate_pieces=1), tmp_path / "run")
    model = load_weights(tmp_path / "run" / "weights")
    everything = likelihood(model, performances, performances.of_split("validation"))
    assert f"{everything.headline:.4f} nats per token" in said
    assert read_facts(tmp_path / "run" / "weights")["measured"]["validation"] == pytest.approx(everything.table())
    some = performances.of_split("validation")[1:2]  # the middle of three by length
    watched = likelihood(model, performances, some).headline
    assert min(line["validation"] for line in log_of(tmp_path / "run")) == pytest.approx(watched, abs=1e-5)


def test_learns_what_follows_what(performance_recipe: Recipe, tmp_path: Path) -> None:
    fit(changed(performance_recipe, steps=60, evaluate_every=20, average_decay=0.9), tmp_path / "run")
    log = log_of(tmp_path / "run")
    assert log[-1]["validation"] < log[0]["validation"] < math.log(391) - 0.5
    assert all(line["tokens_per_second"] > 0 for line in log)


def test_tensorboard_is_there_when_asked_for(performance_recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    fit(changed(performance_recipe, steps=4, tensorboard=True), tmp_path / "run")
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))
    fit(changed(performance_recipe, steps=4), tmp_path / "plain")
    assert not (tmp_path / "plain" / "tensorboard").exists()


def test_missing_tensorboard_is_one_line(
    performance_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'ritornello\[tensorboard\]'") as caught:
        fit(changed(performance_recipe, tensorboard=True), tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("by", "said"), [("streamed", "streamed whole pieces"), ("disjoint", "disjoint windows of 32")]
)
def test_a_run_is_watched_by_the_protocol_of_its_recipe(
    by: str, said: str, performance_recipe: Recipe, tmp_path: Path
) -> None:
    fit(changed(performance_recipe, steps=4, evaluate_by=by), tmp_path / "run")
    assert read_facts(tmp_path / "run" / "weights")["measured"]["protocol"].startswith(said)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"devices": 2}, "torchrun --nnodes 1 --nproc-per-node 2"),
        ({"num_nodes": 3}, "torchrun --nnodes 3 --nproc-per-node 1"),
        ({"data__level": "nonsense"}, "has no level 'nonsense'"),
        ({"model__name": "nonsense"}, "no such model"),
        ({"model__config__colour": 3}, "model.config.colour"),
        ({"model__config__num_heads": 3}, "num_heads 3 does not divide width 16"),
        ({"model__config__width": 10**6, "model__config__feedforward_width": 10**7}, "too many"),
        ({"model__config__num_layers": 10**12}, "too many"),
        ({"model__config__dropout": 2.0}, "model.config.dropout"),
        ({"data__window_tokens": 512}, "window_tokens"),
        ({"data__folder": "nowhere"}, "is not a prepared folder"),
        ({"data__corpus": "nowhere", "data__folder": "nowhere"}, "no such corpus"),
        ({"data__corpus": "jsb_chorales"}, "was prepared from made_up"),
    ],
)
def test_impossible_recipes_are_one_line(
    values: dict[str, Any], said: str, performance_recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        fit(changed(performance_recipe, **values), tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("scheme",), "nonsense"),
        (("levels", "performance", "vocabulary_hash"), "0000000000000000"),
        (("levels", "performance", "condition_sizes"), [3, 5]),
    ],
)
def test_a_folder_of_another_version_is_one_line(
    path: tuple[str, ...], value: Any, performance_recipe: Recipe, tmp_path: Path
) -> None:
    folder = tmp_path / "prepared"
    shutil.copytree(performance_recipe.data.folder, folder)
    index = facts = json.loads((folder / "index.json").read_bytes())
    for name in path[:-1]:
        facts = facts[name]
    facts[path[-1]] = value
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"another version of '\w+'.*prepare again") as caught:
        fit(changed(performance_recipe, data__folder=str(folder)), tmp_path / "run")
    assert "\n" not in str(caught.value)
