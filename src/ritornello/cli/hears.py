"""``ritornello hears``: who hears what in a model, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def hears(
    source: Annotated[Path, typer.Argument(help="Recipe (YAML), run or weights folder.")],
    out: Annotated[Path, typer.Option(help="The picture (PNG).")],
    length: Annotated[int, typer.Option(help="Positions drawn.")] = 96,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: --set model.config.window=24.")
    ] = None,
) -> None:
    """Draw who hears what in a model, stage by stage; --set scales its windows down to what can be seen."""
    from ritornello.plotting.hearing import draw_hearing
    from ritornello.training.hearing import hearing_of

    hearing = hearing_of(source, length, set_ or [])
    draw_hearing(hearing.stages, out, hearing.title)
    typer.echo(out)
