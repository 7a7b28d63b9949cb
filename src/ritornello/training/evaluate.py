"""``ritornello evaluate``: the likelihood of the validation and test pieces, as a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from torch import nn

from ritornello.data.corpora.base import Split
from ritornello.data.form_levels import NOTES as NOTES_OF_FORM
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.training.figures import Likelihood, is_performance
from ritornello.training.likelihood import likelihood, likelihood_of_mixture, streamed, windowed
from ritornello.training.recipe import MAX_BATCH_TOKENS
from ritornello.training.weights import find_weights, load_weights, read_facts

Protocol = Literal["streamed", "disjoint", "sliding"]
_Score = Callable[[nn.Module, PreparedLevel, Sequence[int]], Likelihood]


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """How performances are scored; chorales and their plans have protocols of their own."""

    protocol: str = "streamed"
    """streamed, disjoint or sliding: see ``likelihood.py``."""
    window_tokens: int = 2048
    """Tokens predicted in a window, for the last two."""
    stride_tokens: int | None = None
    """sliding: how far the next window lies; None = a quarter of the window."""
    splits: tuple[Split, ...] = ("validation", "test")
    bf16: bool = False
    """Let matrix products run in bfloat16."""


def evaluate(
    checkpoint: Path, data_folder: Path, options: EvaluateOptions | None = None, json_file: Path | None = None
) -> str:
    """Scores the pieces of a prepared folder; returns a table as text.

    Args:
        checkpoint: a weights folder, or the folder of a run.
        data_folder: a prepared folder.
        options: how, and which split.
        json_file: also written: all figures, those of every piece too.

    Raises:
        UserError: the folders do not belong together, there are no pieces, or the options are impossible.
    """
    options = options or EvaluateOptions()
    folder, facts, data, model = open_checkpoint(checkpoint, data_folder)
    scores = _scores(data.name, facts, options)
    found = pieces_of(data, data_folder, options.splits)
    results = [(split, score(model, data, pieces)) for split, pieces in found for score in scores]
    if json_file is not None:
        content = [{"weights": str(folder), "split": split, **result.facts()} for split, result in results]
        json_file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    table = _performance_table if is_performance(data.name) else _chorale_line
    return "\n".join([f"{folder}, nats per token", *(table(split, result) for split, result in results)])


class Opened(NamedTuple):
    """A trained model, and the data that it is to be scored on."""

    weights: Path
    facts: dict[str, Any]
    data: PreparedLevel
    model: nn.Module


def open_checkpoint(checkpoint: Path, data_folder: Path) -> Opened:
    """The weights that ``checkpoint`` means and the level of the prepared folder that they were trained on.

    Raises:
        UserError: one of them cannot be read, or they do not belong together.
    """
    folder = find_weights(checkpoint)
    facts = read_facts(folder)
    data = PreparedLevel(data_folder, facts["level"])
    model = load_weights(folder, data.vocabulary_hash)
    if list(facts["config"].get("condition_sizes", data.condition_sizes)) != list(data.condition_sizes):
        raise UserError("was prepared with other conditions", where=str(data_folder), mend="prepare it again")
    return Opened(folder, facts, data, model)


def pieces_of(data: PreparedLevel, data_folder: Path, splits: Sequence[Split]) -> list[tuple[Split, list[int]]]:
    """The splits that have pieces, with these; raises UserError when none has."""
    found: list[tuple[Split, list[int]]] = [(split, data.of_split(split)) for split in splits]
    if not any(pieces for _, pieces in found):
        raise UserError(f"has no {' or '.join(splits)} pieces", where=str(data_folder))
    return [(split, pieces) for split, pieces in found if pieces]


def _scores(level: str, facts: dict[str, Any], options: EvaluateOptions) -> list[_Score]:
    """The functions whose results are shown."""
    if is_performance(level):
        return [_performance_score(options)]
    if level == NOTES_OF_FORM:
        return [likelihood, partial(likelihood, with_plan=False)]
    if level != "notes":
        return [likelihood]
    heard_plans = "plan given" in str(facts["measured"].get("protocol"))
    return [*([likelihood] if heard_plans else []), partial(likelihood, with_plan=False), likelihood_of_mixture]


def _performance_score(options: EvaluateOptions) -> _Score:
    window, stride = options.window_tokens, options.stride_tokens
    if options.protocol not in get_args(Protocol):
        mend = f"one of {', '.join(get_args(Protocol))}"
        raise UserError(f"no such protocol: {options.protocol!r}", where="protocol", mend=mend)
    if not 1 <= window <= MAX_BATCH_TOKENS:
        raise UserError(f"{window} tokens", where="window", limit=f"1-{MAX_BATCH_TOKENS}")
    if options.protocol == "streamed":
        return partial(streamed, bf16=options.bf16)
    if options.protocol == "disjoint":
        return partial(windowed, window_tokens=window, bf16=options.bf16)
    stride = max(1, window // 4) if stride is None else stride
    if not 1 <= stride <= window:
        raise UserError(f"{stride} tokens", where="stride", limit=f"1-{window}, the window")
    return partial(windowed, window_tokens=window, stride_tokens=stride, bf16=options.bf16)


def _chorale_line(split: str, result: Likelihood) -> str:
    figures = "  ".join(f"{name} {value:.4f}" for name, value in result.table().items())
    mean = f"mean over pieces {result.mean_over_pieces:.4f}"
    return f"{split} ({len(result.pieces)} pieces; {result.protocol}): {figures}  {mean}"


def _performance_table(split: str, result: Likelihood) -> str:
    rows = [
        ("nats per token", f"{result.headline:.4f}"),
        ("  mean over pieces", f"{result.mean_over_pieces:.4f}"),
        ("bits per note", f"{result.bits_per_note:.3f}"),
        ("bits per second", f"{result.bits_per_second:.2f}"),
        ("by kind of token", ""),
        *((f"  {kind}", f"{value:.4f}") for kind, value in result.table().items()),
        ("by position in the piece", ""),
        *((f"  {bin_}", f"{value:.4f}") for bin_, value in result.by_position().items()),
    ]
    title = f"{split}: {len(result.pieces)} pieces, {int(result.tokens.sum()):,} tokens; {result.protocol}"
    return "\n".join([title, *(f"  {name:26}{figure:>10}".rstrip() for name, figure in rows)])
