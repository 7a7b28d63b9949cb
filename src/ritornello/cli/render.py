"""``ritornello render``: sound and picture of a piece; the learning curves of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ritornello.errors import UserError
from ritornello.scores.score import Score


def render(
    file: Annotated[Path, typer.Argument(help="Piece: .mid .musicxml .xml .mxl .krn; or the folder of a run.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files. Default: beside the piece, or in the run.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            help="Plan (YAML) to draw above the notes. Default: plan.yaml beside piece.mid, else the plan found; "
            "performances have none."
        ),
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Engrave score pages too (SVG; extra 'engraving').")] = False,
    beside: Annotated[
        list[Path] | None, typer.Option(help="Runs: another run in the same picture; may be given several times.")
    ] = None,
) -> None:
    """Render a piece: sound (WAV), picture (PNG) and score pages, named after the file; or the curves of a run."""
    if file.is_dir():
        if plan is not None or score:
            raise UserError("is for a piece, not for a run", where="--plan" if plan is not None else "--score")
        _render_runs([file, *(beside or [])], out)
    elif beside:
        raise UserError("is for runs, not for pieces", where="--beside", mend="name the folder of a run first")
    else:
        _render_piece(file, out, plan, score=score)


def _render_runs(runs: list[Path], out: Path | None) -> None:
    from ritornello.cli.learning import COMPARED, PICTURE, draw_runs
    from ritornello.cli.piece_folder import claim_folder

    folder = runs[0] if out is None else claim_folder(out)
    typer.echo(draw_runs(runs, folder / (PICTURE if len(runs) == 1 else COMPARED)))


def _render_piece(file: Path, out: Path | None, plan: Path | None, *, score: bool) -> None:
    from ritornello.audio import render_wav
    from ritornello.cli.piece_folder import claim_folder
    from ritornello.scores import read_score

    music = read_score(file)
    draw = _picture(music, file, plan)
    folder = claim_folder(out or file.parent)
    wav, png = folder / f"{file.stem}.wav", folder / f"{file.stem}.png"
    render_wav(music, wav)
    draw(png)
    typer.echo(wav)
    typer.echo(png)
    if score:
        for page in _engrave(music, folder, file.stem):
            typer.echo(page)


def _picture(music: Score, file: Path, plan: Path | None) -> Callable[[Path], None]:
    """What draws the piece: a performance in seconds, written music with the plan given, beside it or found."""
    from ritornello.cli.piece_folder import plan_beside, plan_of
    from ritornello.form.plan_yaml import read_plan
    from ritornello.form.timing import is_performance
    from ritornello.plotting.performanceroll import draw_performance
    from ritornello.plotting.pianoroll import draw

    if plan is not None:
        return partial(draw, music, read_plan(plan))
    beside = plan_beside(file)
    if beside is None and is_performance(music):
        return partial(draw_performance, music)
    return partial(draw, music, plan_of(music, file, beside))


def _engrave(music: Score, folder: Path, stem: str) -> list[Path]:
    """Engraves through a MusicXML file of our own, so that every format can be engraved."""
    from ritornello.plotting.engraving import engrave
    from ritornello.scores import write_musicxml

    with tempfile.TemporaryDirectory() as name:
        musicxml = Path(name) / f"{stem}.musicxml"
        write_musicxml(music, musicxml)
        return engrave(musicxml, folder)
