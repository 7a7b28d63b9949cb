"""Recipe: every value of a training run, as YAML; an unknown key is an error.

A recipe holds values only: it can name a model, a corpus or a schedule of this project, never code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ritornello.errors import UserError

MAX_RECIPE_BYTES = 2**20
MAX_BATCH_TOKENS = 2**22


class RecipeModel(BaseModel):
    """Frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ModelChoice(RecipeModel):
    """Which architecture, and its numbers."""

    name: str
    """A key of MODELS."""
    config: dict[str, Any] = {}
    """Fields of the model's Config; what follows from the data (vocabulary, conditions) is filled in."""


class DataOptions(RecipeModel):
    """What is read, and how it is cut, moved and hidden."""

    folder: Path
    """A prepared folder."""
    corpus: str | None = None
    """Prepares this corpus, or this folder of MIDI files, into ``folder`` when the folder is not there yet."""
    level: str = "notes"
    """A level of the prepared folder: structure, phrases or notes of chorales; performance, note_duration; bars,
    bars_even, for which all that is said of performances holds, but that they are only transposed."""
    batch_tokens: int = Field(default=8192, ge=1, le=MAX_BATCH_TOKENS)
    """Padded tokens that one process reads at once, about."""
    transpose: tuple[Annotated[int, Field(ge=-12, le=0)], Annotated[int, Field(ge=0, le=12)]] = (0, 0)
    """Lowest and highest transposition in semitones, drawn per piece or window where its notes stay in range."""
    crop_tokens: int | None = Field(default=None, ge=1, le=MAX_BATCH_TOKENS)
    """Chorales: longest sequence; None = whole pieces."""
    hide_plan: float = Field(default=0.0, ge=0, le=1)
    """Chorales: share of sequences whose conditions are hidden; 1 = trained without a plan."""
    window_tokens: int = Field(default=1024, ge=1, le=MAX_BATCH_TOKENS)
    """Performances: tokens that are predicted in one window, each from those before it in the window."""
    context_tokens: int = Field(default=0, ge=0, le=MAX_BATCH_TOKENS)
    """Performances: up to so many tokens before a window, which are only heard."""
    segmentation: Literal["random_start", "effective", "cropped", "streamed"] = "random_start"
    """Performances: which windows of a piece are learned from (``data/segmentation.py``); streamed: whole pieces from
    left to right, the model's state carried from step to step (``data/streams.py``)."""
    stretch: tuple[Annotated[float, Field(ge=0.5, le=2)], ...] = ()
    """Performances: factors of time, one of which is drawn per window; none = as played."""
    velocity: int = Field(default=0, ge=0, le=16)
    """Performances: up to so many velocity bins louder or softer, drawn per window."""


class OptimiserOptions(RecipeModel):
    """AdamW, or AdamW with Muon for the hidden matrices."""

    name: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate of AdamW."""
    muon_learning_rate: float = Field(default=1e-2, gt=0)
    """Peak learning rate of Muon."""
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(default=0.05, ge=0)
    """For matrices; embeddings, biases and norms have none."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""


class ScheduleOptions(RecipeModel):
    """How the learning rate goes over the steps."""

    name: Literal["cosine", "noam"] = "cosine"
    warmup_steps: int = Field(default=100, ge=1)
    final_fraction: float = Field(default=0.02, ge=0, le=1)
    """Cosine only: the last learning rate as a share of the peak."""


class Recipe(RecipeModel):
    """One training run."""

    model: ModelChoice
    data: DataOptions
    optimiser: OptimiserOptions = OptimiserOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    start: Path | None = None
    """Weights to begin with: a weights folder, or the folder of another run. The model may differ where it has no
    weights, as in what it remembers."""
    steps: int = Field(ge=1, le=2**31)
    accumulate: int = Field(default=1, ge=1, le=2**16)
    """Batches that each process reads for one step; the loss is the mean over all their scored tokens."""
    evaluate_every: int = Field(default=200, ge=1)
    """Steps between two evaluations on the validation split."""
    evaluate_pieces: int | None = Field(default=None, ge=1)
    """Pieces to evaluate on while training, spread over all lengths. None = all."""
    final_pieces: int | None = Field(default=None, ge=1)
    """Pieces that the finished weights are measured on. None = all."""
    evaluate_by: Literal["streamed", "disjoint"] = "streamed"
    """Performances: whole pieces with the state carried, or windows of ``data.window_tokens`` that stand alone: the
    fair way with models that know no position beyond those of a window."""
    save_every: int = Field(default=200, ge=1)
    """Steps between two checkpoints."""
    patience: int | None = Field(default=None, ge=1)
    """Stops after so many evaluations without a better one; None = never."""
    max_minutes: float | None = Field(default=None, gt=0)
    """Stops (with a checkpoint) after this time; the schedule counts steps and is not changed by it."""
    average_decay: float = Field(default=0.998, ge=0, lt=1)
    """Decay of the running average of the weights, which is what is evaluated and kept."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    threads: int | None = Field(default=None, ge=1)
    """Threads of one operation on the CPU; None = as the machine says. Bits are equal only at an equal number."""
    devices: int | None = Field(default=None, ge=1, le=2**16)
    """Processes on one machine, started by torchrun; None = as many as it started, or one without it."""
    num_nodes: int | None = Field(default=None, ge=1, le=2**16)
    """Machines; None = as torchrun says."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """ddp: every process holds the model; fsdp: each holds a share of it; auto: ddp where there are several."""
    tensorboard: bool = False
    """Also log for TensorBoard (extra ``tensorboard``); log.jsonl is always written."""
    seed: int = Field(default=1, ge=0, lt=2**32)


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and applies changes of the form ``a.b=c``, where c is YAML.

    Raises:
        UserError: no such file, not YAML, an unknown key, or a value out of range.
    """
    try:
        if path.stat().st_size > MAX_RECIPE_BYTES:
            raise UserError("is too large for a recipe", where=str(path), limit=f"{MAX_RECIPE_BYTES} bytes")
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"is not YAML: {error}", where=str(path)) from error
    if not isinstance(content, dict):
        raise UserError("a recipe is a table of keys and values", where=str(path))
    table = cast("dict[Any, Any]", content)
    for change in changes:
        apply_change(table, change)
    return parse_recipe(table, where=str(path))


def parse_recipe(content: Any, where: str = "recipe") -> Recipe:
    """A recipe from plain values; raises UserError naming the first wrong field."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        found = error.errors()
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])  # a misspelt key misses another
        field = ".".join(map(str, first["loc"]))
        what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise UserError(f"{field}: {what}", where=where) from error


def apply_change(content: dict[Any, Any], change: str) -> None:
    """Sets what ``a.b=c`` names in a table of tables; raises UserError where it cannot."""
    keys, equals, text = change.partition("=")
    if not equals or not keys:
        raise UserError(f"not of the form a.b=c: {change!r}", where="--set")
    *parents, last = keys.split(".")
    table = content
    for key in parents:
        inner: Any = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise UserError(f"{key!r} holds a value, not a table", where=f"--set {keys}")
        table = cast("dict[Any, Any]", inner)
    try:
        table[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"is not YAML: {error}", where=f"--set {keys}") from error
