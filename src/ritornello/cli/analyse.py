"""``ritornello analyse``: the plan that stands in a piece."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def analyse(
    file: Annotated[Path, typer.Argument(help="Piece: .mid .musicxml .xml .mxl .krn")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for plan.yaml and piece.png. Default: print the plan.")
    ] = None,
) -> None:
    """Find the plan of a piece: sections, keys, phrases, cadences, harmony."""
    from ritornello.form.analyse import analyse as analyse_score
    from ritornello.form.plan_yaml import format_plan, write_plan
    from ritornello.scores import read_score

    score = read_score(file)
    plan = analyse_score(score)
    if out is None:
        typer.echo(format_plan(plan), nl=False)
        return
    from ritornello.cli.piece_folder import claim_folder
    from ritornello.plotting.pianoroll import draw

    folder = claim_folder(out)
    write_plan(plan, folder / "plan.yaml")
    draw(score, plan, folder / "piece.png")
    typer.echo(folder / "plan.yaml")
    typer.echo(folder / "piece.png")
