"""``ritornello evaluate``: what a model thinks of music it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Run, checkpoint or weights folder.")],
    data: Annotated[Path, typer.Option(help="Prepared data (ritornello prepare).")],
) -> None:
    """Likelihood of the validation and test pieces, in nats per token and per voice-step."""
    from ritornello.training.likelihood import evaluate as evaluate_checkpoint

    typer.echo(evaluate_checkpoint(checkpoint, data))
