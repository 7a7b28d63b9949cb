"""``ritornello render``: sound and picture of a piece."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def render(
    file: Annotated[Path, typer.Argument(help="Piece: .mid .musicxml .xml .mxl .krn")],
    out: Annotated[Path | None, typer.Option(help="Folder for the files. Default: beside the piece.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Plan (YAML) to draw above the notes. Default: the plan found.")
    ] = None,
) -> None:
    """Render a piece: sound (WAV) and picture (PNG), named after the file."""
    from ritornello.audio import render_wav
    from ritornello.cli.piece_folder import claim_folder
    from ritornello.form.analyse import analyse
    from ritornello.form.plan_yaml import read_plan
    from ritornello.plotting.pianoroll import draw
    from ritornello.scores import read_score

    score = read_score(file)
    drawn = read_plan(plan) if plan is not None else analyse(score)
    folder = claim_folder(out or file.parent)
    wav, png = folder / f"{file.stem}.wav", folder / f"{file.stem}.png"
    render_wav(score, wav)
    draw(score, drawn, png)
    typer.echo(wav)
    typer.echo(png)
