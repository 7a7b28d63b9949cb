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
    """Train one level from a recipe; a killed run goes on with --resume as if nothing had happened.

    The folder of the run gets its learning curves as a picture, also when it is stopped; render RUN draws them
    anew.
    """
    from ritornello.training.loop import fit
    from ritornello.training.recipe import read_recipe

    folder = out or Path("runs") / recipe.stem
    if said := fit(read_recipe(recipe, set_ or []), folder, resume=resume):
        typer.echo(said)
        _draw_learning(folder)


def _draw_learning(run: Path) -> None:
    """The picture of a run that has ended; the run is safe, so nothing that goes wrong here is a failure of it."""
    from ritornello.cli.learning import PICTURE, draw_runs

    try:
        typer.echo(draw_runs([run], run / PICTURE))
    except Exception as error:  # noqa: BLE001
        typer.echo(f"no learning curves: {error}", err=True)
