"""Recipes: values only, unknown keys refused by name, every shipped one loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ritornello.data.corpora import CORPORA
from ritornello.data.schemes import SCHEMES
from ritornello.errors import UserError
from ritornello.training.build import build_model
from ritornello.training.figures import is_performance
from ritornello.training.optim import make_optimizers, update_average
from ritornello.training.recipe import OptimiserOptions, parse_recipe, read_recipe
from ritornello.training.schedule import cosine, noam
from ritornello.training.seeding import derived_seed

RECIPES = sorted((Path(__file__).parents[2] / "recipes").rglob("*.yaml"))
MINIMAL = "model: {name: tiny}\ndata: {folder: x}\nsteps: 3\n"


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    (tmp_path / "minimal.yaml").write_text(MINIMAL)
    return tmp_path / "minimal.yaml"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load(path: Path) -> None:
    assert read_recipe(path).steps > 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_name_what_there_is(path: Path) -> None:
    """The model takes its numbers, the corpus has a name, and a window fits into a batch."""
    recipe = read_recipe(path)
    sizes = {"vocabulary_size": 391, "condition_sizes": ()}
    if is_performance(recipe.data.level):
        with torch.device("meta"):
            model = build_model(recipe.model.name, recipe.model.config, **sizes)
        assert sum(parameter.numel() for parameter in model.parameters()) > 10**6
        assert recipe.data.level in SCHEMES
        assert recipe.data.window_tokens <= recipe.data.batch_tokens
    assert recipe.data.corpus is None or recipe.data.corpus in CORPORA
    assert recipe.evaluate_every <= recipe.steps


def test_there_are_recipes() -> None:
    assert RECIPES


def test_changes_reach_any_depth(minimal: Path) -> None:
    changes = ["steps=7", "data.transpose=[-3, 2]", "optimiser.learning_rate=0.5", "model.config.width=8"]
    recipe = read_recipe(minimal, changes)
    assert recipe.steps == 7
    assert recipe.data.transpose == (-3, 2)
    assert recipe.optimiser.learning_rate == 0.5
    assert recipe.model.config == {"width": 8}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("optimizer.learning_rate=1", "optimizer: unknown key"),
        ("data.colour=red", "data.colour: unknown key"),
        ("steps=0", "steps: "),
        ("data.segmentation=nonsense", "data.segmentation: "),
        ("data.window_tokens=0", "data.window_tokens: "),
        ("data.batch_tokens=100000000000", "data.batch_tokens: "),
        ("data.stretch=[0.1]", "data.stretch.0: "),
        ("steps=100000000000", "steps: "),
        ("accumulate=0", "accumulate: "),
        ("strategy=magic", "strategy: "),
        ("steps", "not of the form"),
        ("steps.deep=1", "holds a value"),
        ("steps=[", "not YAML"),
        ("data.hide_plan=1.5", "data.hide_plan: "),
    ],
)
def test_wrong_changes_are_one_line(minimal: Path, change: str, said: str) -> None:
    with pytest.raises(UserError, match=said.replace(".", r"\.")) as caught:
        read_recipe(minimal, [change])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "- 1", "a: [", "!!python/object/apply:os.getcwd []", "\x00", "&a [*a]"])
def test_what_is_no_recipe_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(UserError) as caught:
        read_recipe(tmp_path / "bad.yaml")
    assert "\n" not in str(caught.value)


def test_an_absent_recipe_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_recipe(tmp_path / "absent.yaml")


def test_cosine_by_hand() -> None:
    values = [cosine(step, 10, 110, 0.1) for step in (1, 5, 10, 60, 110, 200)]
    assert values == pytest.approx([0.1, 0.5, 1.0, 0.55, 0.1, 0.1])


def test_noam_by_hand() -> None:
    assert [noam(step, 100) for step in (1, 50, 100, 400)] == pytest.approx([0.01, 0.5, 1.0, 0.5])


def test_only_matrices_decay() -> None:
    from torch import nn

    model = nn.ModuleDict({"e": nn.Embedding(5, 4), "l": nn.Linear(4, 3), "n": nn.LayerNorm(3)})
    (optimizer,) = make_optimizers(model, OptimiserOptions(weight_decay=0.1))
    decayed, free = optimizer.param_groups
    assert [p.shape for p in decayed["params"]] == [(3, 4)]
    assert decayed["weight_decay"] == 0.1
    assert len(free["params"]) == 4
    assert free["weight_decay"] == 0


def test_average_by_hand() -> None:
    import torch
    from torch import nn

    model, average = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
        average.weight.fill_(0.0)
    update_average(average, model, step=1, decay=0.9)  # warm-up: 2 / 11
    assert average.weight.item() == pytest.approx(9 / 11)
    update_average(average, model, step=10**6, decay=0.9)
    assert average.weight.item() == pytest.approx(1 - 0.9 * 2 / 11)


def test_seeds_of_neighbours_differ_and_fit_in_63_bits() -> None:
    seeds = {derived_seed("step", seed, step) for seed in range(20) for step in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_recipe_is_plain_values() -> None:
    recipe = parse_recipe({"model": {"name": "tiny"}, "data": {"folder": "x"}, "steps": 3})
    assert parse_recipe(recipe.model_dump(mode="json")) == recipe
