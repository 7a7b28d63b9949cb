"""``ritornello evaluate``: what a model thinks of music it has not seen."""

from __future__ import annotations

from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer


class ProtocolName(StrEnum):
    """How performances are scored."""

    STREAMED = "streamed"
    DISJOINT = "disjoint"
    SLIDING = "sliding"


class SplitName(StrEnum):
    """Which pieces."""

    VALIDATION = "validation"
    TEST = "test"


def evaluate(  # noqa: PLR0913, PLR0917  # options of the command line
    checkpoint: Annotated[Path, typer.Argument(help="Run, checkpoint or weights folder.")],
    data: Annotated[Path, typer.Option(help="Prepared data (ritornello prepare).")],
    protocol: Annotated[
        ProtocolName, typer.Option(help="Performances: whole pieces with the state carried, or windows.")
    ] = ProtocolName.STREAMED,
    window: Annotated[int, typer.Option(help="Tokens predicted in a window (disjoint, sliding).")] = 2048,
    stride: Annotated[int | None, typer.Option(help="Sliding: tokens between windows. Default: window / 4.")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Default: both.")] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Performances: bfloat16 products: faster, less exact.")] = False,
    context: Annotated[
        bool, typer.Option("--context", help="Performances: instead, what hearing the distant past is worth.")
    ] = False,
    pieces: Annotated[int | None, typer.Option(min=1, help="--context: only so many of a split, the longest.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write all figures, by piece too, to this file.")] = None,
) -> None:
    """Likelihood of the validation and test pieces, in nats per token; bits per note and second for performances.

    With --context: KRCU (memory dropped at token 8,192), extra nats when only the last 1k to 16k tokens are heard, and
    how much cheaper a passage becomes when it returns.
    """
    from ritornello.training.evaluate import EvaluateOptions
    from ritornello.training.evaluate import evaluate as evaluate_checkpoint

    splits: tuple[Literal["validation", "test"], ...] = ("validation", "test") if split is None else (split.value,)
    if context:
        if protocol is not ProtocolName.STREAMED:
            raise typer.BadParameter("--context reads whole pieces: leave --protocol out")
        _show_context_use(checkpoint, data, splits, pieces, bf16, json)
        return
    if pieces is not None:
        raise typer.BadParameter("--pieces goes with --context")
    options = EvaluateOptions(protocol.value, window, stride, splits, bf16)
    typer.echo(evaluate_checkpoint(checkpoint, data, options, json))


def _show_context_use(
    checkpoint: Path,
    data_folder: Path,
    splits: tuple[Literal["validation", "test"], ...],
    num_pieces: int | None,
    bf16: bool,
    json_file: Path | None,
) -> None:
    """Prints the tables of each split, and writes all figures."""
    from ritornello.cli.progress import progress_bar
    from ritornello.evaluation.context import ContextOptions
    from ritornello.evaluation.context import evaluate as evaluate_context
    from ritornello.evaluation.context_tables import tables
    from ritornello.training.evaluate import open_checkpoint, pieces_of

    weights, facts, data, model = open_checkpoint(checkpoint, data_folder)
    content: list[dict[str, Any]] = []
    for split, found in pieces_of(data, data_folder, splits):
        pieces = sorted(found, key=lambda i: -data.entries[i].length)[:num_pieces]
        with progress_bar("tokens") as show:
            use = evaluate_context(
                model,
                data,
                pieces,
                ContextOptions(bf16=bf16),
                limited=None if facts["config"].get("recall") else getattr(model, "limited", None),
                on_progress=show,
            )
        which = "pieces" if len(pieces) == len(found) else f"longest of {len(found)} pieces"
        typer.echo(f"{weights}, {split}, {len(pieces)} {which}\n\n{tables(use)}\n")
        content.append({"weights": str(weights), "split": split, **use.facts()})
    if json_file is not None:
        json_file.write_text(dumps(content, indent=1) + "\n", encoding="utf-8")
