"""Training on whole pieces with the state carried: the loss of the whole, resumable to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from ritornello.data.prepared import PreparedLevel
from ritornello.data.streams import StreamLoader
from ritornello.errors import UserError
from ritornello.training.carried import CarriedStates
from ritornello.training.likelihood import num_scored, streamed, summed_nats
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, parse_recipe
from ritornello.training.weights import load_weights
from tests.training.runs import changed, last_tensors, small_transformer, whole_and_resumed


@pytest.fixture
def streamed_recipe(performance_recipe: Recipe) -> Recipe:
    """Two pieces side by side, 32 tokens of each a step."""
    content = performance_recipe.model_dump(mode="json")
    content["data"] |= {"segmentation": "streamed", "batch_tokens": 64, "transpose": [-3, 3]}
    content["model"]["config"]["dropout"] = 0.2
    return parse_recipe(content)


def test_an_epoch_of_steps_scores_the_pieces_as_a_whole(performances: PreparedLevel) -> None:
    model = small_transformer(performances, window=80)
    loader = StreamLoader(performances, seed=3, batch_tokens=128, window_tokens=50)
    carried, nats, tokens, step = CarriedStates(), 0.0, 0, 0
    train = performances.of_split("train")
    while tokens < sum(performances.entries[piece].length - 1 for piece in train):
        batch = loader.batch(step)
        summed, state = summed_nats(model, batch, carried.before(0, batch))
        carried.keep(0, state)
        nats, tokens, step = nats + summed.item(), tokens + num_scored(batch), step + 1
    assert nats / tokens == pytest.approx(streamed(model, performances, train).headline, rel=1e-5)


@pytest.mark.parametrize("model", ["transformer", "lstm"])
def test_resumed_run_ends_with_the_same_bits(model: str, streamed_recipe: Recipe, tmp_path: Path) -> None:
    config = streamed_recipe.model.config if model == "transformer" else {"width": 12, "num_layers": 2, "dropout": 0.2}
    recipe = changed(streamed_recipe, model={"name": model, "config": config}, accumulate=2)
    whole, _ = whole_and_resumed(recipe, tmp_path)
    assert any(name.startswith("state.1.") for name in last_tensors(whole))


def test_what_is_carried_stays_in_the_precision_of_the_run(streamed_recipe: Recipe, tmp_path: Path) -> None:
    fit(changed(streamed_recipe, precision="bf16-mixed", steps=3), tmp_path / "run")
    carried = {name: tensor for name, tensor in last_tensors(tmp_path / "run").items() if name.startswith("state.")}
    assert {tensor.dtype for tensor in carried.values()} == {torch.bfloat16}


def test_what_is_carried_matters_to_what_is_learned(
    streamed_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(streamed_recipe, tmp_path / "carried")
    monkeypatch.setattr(CarriedStates, "before", lambda *_: None)
    fit(streamed_recipe, tmp_path / "forgotten")
    one, other = (last_tensors(tmp_path / run) for run in ("carried", "forgotten"))
    assert not torch.equal(one["model.head.weight"], other["model.head.weight"])


def test_a_run_begins_with_the_weights_of_another(streamed_recipe: Recipe, tmp_path: Path) -> None:
    first = tmp_path / "first"
    fit(changed(streamed_recipe, steps=3), first)
    model = {"name": "transformer", "config": {**streamed_recipe.model.config, "window": 7}}
    slow = {"optimiser": {"learning_rate": 1e-12}, "average_decay": 0.0}
    recipe = changed(streamed_recipe, model=model, start=str(first), steps=6, **slow)
    fit(recipe, tmp_path / "second")
    trained, begun = load_weights(first / "weights"), load_weights(tmp_path / "second" / "weights")
    assert begun.config.window == 7  # type: ignore[union-attr]
    for name, tensor in trained.state_dict().items():
        assert torch.allclose(begun.state_dict()[name], tensor, atol=1e-8), name
    shutil.rmtree(first)
    shutil.rmtree(tmp_path / "second" / "weights")
    fit(recipe, tmp_path / "second", resume=True)  # which no longer needs them


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_layers": 1}, r"stack.layers.1.\S+ \(.*\), where the model has nothing of this name"),
        ({"feedforward_width": 40}, r"0.feedforward.narrow.weight \(16, 32\), where the model has \(16, 40\)"),
    ],
)
def test_weights_that_have_no_place_are_one_line(
    config: dict[str, Any], said: str, streamed_recipe: Recipe, tmp_path: Path
) -> None:
    fit(changed(streamed_recipe, steps=1), tmp_path / "first")
    model = {"name": "transformer", "config": {**streamed_recipe.model.config, **config}}
    with pytest.raises(UserError, match=said) as caught:
        fit(changed(streamed_recipe, model=model, start=str(tmp_path / "first")), tmp_path / "second")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stretch": [0.9, 1.1]}, "whole pieces can only be transposed"),
        ({"velocity": 1}, "whole pieces can only be transposed"),
        ({"window_tokens": 65}, "window_tokens"),
    ],
)
def test_impossible_streams_are_one_line(
    values: dict[str, Any], said: str, streamed_recipe: Recipe, tmp_path: Path
) -> None:
    data = {**streamed_recipe.data.model_dump(mode="json"), **values}
    with pytest.raises(UserError, match=said) as caught:
        fit(changed(streamed_recipe, data=data), tmp_path / "run")
    assert "\n" not in str(caught.value)
