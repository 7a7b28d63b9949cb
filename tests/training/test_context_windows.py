"""Windows with context: what is only heard counts as if it had been read, and gradients flow through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ritornello.data.prepared import PreparedLevel
from ritornello.data.windows import WindowLoader
from ritornello.errors import UserError
from ritornello.training.likelihood import summed_nats
from ritornello.training.loop import fit
from ritornello.training.processes import Processes
from ritornello.training.recipe import Recipe, parse_recipe
from tests.training.runs import small_transformer, whole_and_resumed


@pytest.mark.parametrize("segmentation", ["random_start", "effective", "cropped"])
def test_the_loss_is_that_of_the_last_tokens_of_each_row_read_at_once(
    segmentation: str, performances: PreparedLevel
) -> None:
    model = small_transformer(performances, window=250).double()
    batch = WindowLoader(
        performances, seed=2, batch_tokens=400, window_tokens=30, context_tokens=300, segmentation=segmentation
    ).batch(1)
    assert (len(set(batch.context_tokens)) > 1) == (segmentation != "cropped")
    nats, state = summed_nats(model, batch)
    assert state is None
    nats.backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    expected = torch.zeros((), dtype=torch.float64)
    for ids, scored in zip(batch.ids_BT, batch.scored_BT, strict=True):
        log_probabilities_TV = model(ids[None, :-1])[0][0].log_softmax(-1)
        costs_T = -log_probabilities_TV.gather(1, ids[1:, None])[:, 0]
        expected = expected + costs_T[scored[1:]].sum()
    expected.backward()
    assert nats.item() == pytest.approx(expected.item(), rel=1e-6)
    for name, parameter in model.named_parameters():
        assert torch.allclose(found[name], parameter.grad, atol=1e-5), name  # type: ignore[arg-type]


@pytest.fixture
def context_recipe(performance_recipe: Recipe) -> Recipe:
    """A Perceiver that learns the last 32 of up to 132 tokens, of which it does not hear all."""
    content = performance_recipe.model_dump(mode="json")
    config = {"width": 16, "num_layers": 1, "num_heads": 2, "feedforward_width": 32, "context": 132, "latents": 32}
    content["model"] = {"name": "perceiver_ar", "config": {**config, "dropout": 0.1, "prefix_dropout": 0.5}}
    content["data"] |= {"segmentation": "effective", "context_tokens": 100, "transpose": [-3, 3]}
    return parse_recipe(content)


def test_resumed_run_ends_with_the_same_bits(context_recipe: Recipe, tmp_path: Path) -> None:
    whole_and_resumed(context_recipe, tmp_path)


@pytest.mark.parametrize(
    ("fellows", "values", "said"),
    [
        ({"world": 2}, {"segmentation": "streamed", "context_tokens": 0}, "streams are read by one process"),
        ({"world": 2, "is_sharded": True}, {}, "fsdp cannot train with context"),
        ({}, {"segmentation": "streamed"}, "whole pieces have all context there is"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    fellows: dict[str, Any],
    values: dict[str, Any],
    said: str,
    context_recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def among(recipe: Recipe) -> Processes:
        processes = Processes(recipe)
        vars(processes).update(fellows)
        return processes

    monkeypatch.setattr("ritornello.training.run.Processes", among)
    content = context_recipe.model_dump(mode="json")
    content["data"] |= values
    with pytest.raises(UserError, match=said) as caught:
        fit(parse_recipe(content), tmp_path / "run")
    assert "\n" not in str(caught.value)
