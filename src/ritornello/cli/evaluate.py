"""``ritornello evaluate``: what a model thinks of music it has not seen."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Run, checkpoint or weights folder.")],
    data: Annotated[Path, typer.Option(help="Prepared data (ritornello prepare).")],
    protocol: Annotated[
        ProtocolName, typer.Option(help="Performances: whole pieces with the state carried, or windows.")
    ] = ProtocolName.STREAMED,
    window: Annotated[int, typer.Option(help="Tokens predicted in a window (disjoint, sliding).")] = 2048,
    stride: Annotated[int | None, typer.Option(help="Sliding: tokens between windows. Default: window / 4.")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Default: both.")] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Performances: bfloat16 products: faster, less exact.")] = False,
    json: Annotated[Path | None, typer.Option(help="Also write all figures, by piece too, to this file.")] = None,
) -> None:
    """Likelihood of the validation and test pieces, in nats per token; bits per note and second for performances."""
    from ritornello.training.evaluate import EvaluateOptions
    from ritornello.training.evaluate import evaluate as evaluate_checkpoint

    splits = ("validation", "test") if split is None else (split.value,)
    options = EvaluateOptions(protocol.value, window, stride, splits, bf16)
    typer.echo(evaluate_checkpoint(checkpoint, data, options, json))
