"""Who hears what in a model, as masks to be drawn: of a recipe, or of a trained model.

What a model may hear follows from its configuration (for some models from the music too), so nothing is trained or
loaded for it: the model is built as configured, and asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ritornello.data.schemes import SCHEMES
from ritornello.errors import UserError
from ritornello.models.events import EventModel
from ritornello.models.form import Form
from ritornello.scores.score import Notes, Part, Score, Tempo
from ritornello.training.build import build_model
from ritornello.training.figures import is_performance
from ritornello.training.recipe import Recipe, apply_change, parse_recipe, read_recipe
from ritornello.training.weights import find_weights, read_facts

LENGTHS = (8, 512)
"""Fewest and most positions: what can be seen in a picture."""
_NOTES_PER_SECOND = 8


class Hearing(NamedTuple):
    """Masks (T, T), row = position, column = heard position, by the name of the stage, in the order applied."""

    title: str
    """The model, and what of it was changed."""
    stages: dict[str, NDArray[np.bool_]]


def hearing_of(source: Path, length: int = 96, changes: Sequence[str] = ()) -> Hearing:
    """Who hears what in the first ``length`` tokens of a piece: a scale, eight notes a second.

    Args:
        source: a recipe, or the folder of a run or of weights.
        length: tokens, within ``LENGTHS``.
        changes: of the recipe, such as ``model.config.window=24``.

    Raises:
        UserError: no such recipe, run or model, a value that it refuses, a length out of range, or one that
            has no stages: of a chorale's levels, or under the plan of a piece.
    """
    low, high = LENGTHS
    if not low <= length <= high:
        raise UserError(f"{length} tokens", where="--length", limit=f"{low} to {high}")
    recipe = _recipe(source, changes)
    name, level = recipe.model.name, recipe.data.level
    schemes = reversed(SCHEMES.values())  # of those with a level of this name, the first: notes under their plan
    facts = {level: facts for scheme in schemes for level, facts in scheme.facts().items()}
    if level not in facts:
        raise UserError(f"no such level: {level!r}", where="data.level", mend=f"one of {', '.join(sorted(facts))}")
    sizes = {key: facts[level][key] for key in ("vocabulary_size", "condition_sizes")}
    model = build_model(name, recipe.model.config, **sizes)
    if isinstance(model, Form):
        mend = "ask a run or weights of it what they hear of a piece, with --piece"
        raise UserError(f"what {name} hears follows from the plan of a piece", where=str(source), mend=mend)
    if not isinstance(model, EventModel):
        raise UserError(f"{name} hears all that came before it", where=str(source), mend="name a model of performances")
    stages = model.hears(_ids(level, length))
    return Hearing(_title(name, changes), {stage: mask.numpy() for stage, mask in stages.items()})


def _recipe(source: Path, changes: Sequence[str]) -> Recipe:
    """The recipe, or one made of what a weights folder says of its model."""
    if not source.is_dir():
        return read_recipe(source, changes)
    facts = read_facts(find_weights(source))
    try:
        model = {"name": facts["model"], "config": facts["config"]}
        table: dict[str, Any] = {"model": model, "data": {"folder": str(source), "level": facts["level"]}, "steps": 1}
    except (KeyError, TypeError) as error:
        raise UserError(f"does not say {error}", where=str(source), mend="train again") from error
    for change in changes:
        apply_change(table, change)
    return parse_recipe(table, where=str(source))


def _title(name: str, changes: Sequence[str]) -> str:
    """The model and what was changed of its configuration, as words."""
    config = [change.removeprefix("model.config") for change in changes if change.startswith("model.config")]
    return " · ".join([name, *(change.strip(".={}").replace("=", " ").replace(":", "") for change in config)])


def _ids(level: str, length: int) -> Tensor:
    """The first ``length`` ids of a scale; any ids where they mean no performance, and no model looks into them."""
    if not is_performance(level):
        return torch.zeros(length, dtype=torch.int64)
    numbers = np.arange(length)
    ticks = 100 // _NOTES_PER_SECOND  # a tick is 10 ms
    columns = (ticks * numbers, np.full(length, ticks), 48 + numbers % 24, np.full(length, 64))
    score = Score(50, (Part("", Notes.columns(*columns)),), tempos=(Tempo(0, 120.0),))
    return torch.tensor(SCHEMES[level].encode(score)[level].ids[:length].tolist())
