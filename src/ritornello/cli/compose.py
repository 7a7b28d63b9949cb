"""``ritornello compose``: a plan, or a part of one, becomes a piece in five files."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer


def compose(
    plan: Annotated[Path | None, typer.Option(help="Plan to follow (YAML); what it leaves open is composed.")] = None,
    form: Annotated[str | None, typer.Option(help='Sections with their bars, such as "A8 A8 B12 A\'8".')] = None,
    plan_from: Annotated[
        Path | None, typer.Option(help="Piece (MIDI, MusicXML, kern) whose plan is taken over.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Home key, such as 'g minor' or 'E- major'.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Same seed, same piece. Default: a new one.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the five files. Default: pieces/chorale-SEED.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of trained levels instead of the shipped ones.")] = None,
) -> None:
    """Compose a chorale: structure, then phrases, then notes; MIDI, MusicXML, sound, picture, plan."""
    from ritornello.cli.piece_folder import claim_folder, write_piece
    from ritornello.cli.plan_options import plan_of_options
    from ritornello.form.shorthand import format_form

    wanted = plan_of_options(plan, form, plan_from, key)
    seed = secrets.randbelow(2**31) if seed is None else seed
    folder = claim_folder(out or Path("pieces") / f"chorale-{seed}")

    from ritornello.generation.compose import compose as compose_piece
    from ritornello.generation.levels import load_levels

    composition = compose_piece(wanted, load_levels(weights), seed=seed)
    for file in write_piece(composition.score, composition.plan, folder):
        typer.echo(file)
    made = composition.plan
    typer.echo(f"seed {seed}: {format_form(made.sections or ())} in {made.key}, {made.metre}")
