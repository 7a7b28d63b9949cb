"""``ritornello train``: a recipe becomes a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe (YAML).")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/RECIPE.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a value: --set training.steps=200.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
) -> None:
    """Train one level from a recipe; a killed run goes on with --resume as if nothing had happened."""
    from ritornello.training.loop import fit
    from ritornello.training.recipe import read_recipe

    folder = out or Path("runs") / recipe.stem
    if said := fit(read_recipe(recipe, set_ or []), folder, resume=resume):
        typer.echo(said)
