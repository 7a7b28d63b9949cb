"""``ritornello compose``: a plan, or a part of one, becomes a piece; a model of performances plays."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ritornello.errors import UserError
from ritornello.form.names import has_names, legend
from ritornello.form.style import Style

if TYPE_CHECKING:
    from ritornello.form.plan import Plan  # loading it would slow down --help


def compose(  # noqa: PLR0913, PLR0917 (a parameter is an option)
    plan: Annotated[Path | None, typer.Option(help="Plan to follow (YAML); what it leaves open is composed.")] = None,
    form: Annotated[str | None, typer.Option(help='Sections: "A8 A8 B12 A\'8", or "intro verse 8 chorus 8".')] = None,
    plan_from: Annotated[
        Path | None, typer.Option(help="Piece (MIDI, MusicXML, kern) whose plan is taken over.")
    ] = None,
    style: Annotated[
        Style | None, typer.Option(help="What to compose. Default: what the plan says, else a chorale.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Home key, such as 'g minor' or 'E- major'.")] = None,
    notes_per_bar: Annotated[
        float | None,
        typer.Option(
            help="Songs and Bach: how many notes a bar has on average. Default: as songs have; Bach as it comes."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Same seed, same piece. Default: a new one.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files. Default: pieces/STYLE-SEED.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder of trained levels instead of the shipped ones, or a run that learned performances."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, max=1200, help="Performances: how long. Default: 60.")] = None,
    primer: Annotated[
        Path | None, typer.Option(help="Performances: a piece whose opening, up to half of the time, is gone on with.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.1, max=3, help="Performances: below 1 the likely becomes likelier.")
    ] = None,
) -> None:
    """Compose a chorale, a song or longer Bach (structure, phrases, notes), or let a model of performances play."""
    seed = secrets.randbelow(2**31) if seed is None else seed
    for_plans = {"--plan": plan, "--form": form, "--plan-from": plan_from, "--style": style, "--key": key,
                 "--notes-per-bar": notes_per_bar}  # fmt: skip
    for_performances = {"--seconds": seconds, "--primer": primer, "--temperature": temperature}
    if weights is not None and _plays(weights):
        _refuse(for_plans, f"{weights} plays performances, which follow no plan")
        _perform(weights, seconds=60.0 if seconds is None else seconds, seed=seed, out=out, primer=primer,
                 temperature=temperature)  # fmt: skip
    else:
        _refuse(for_performances, "only for a model of performances")
        from ritornello.cli.plan_options import PlanOptions, plan_of_options

        wanted = plan_of_options(PlanOptions(plan, form, plan_from, key, style, notes_per_bar))
        if form is not None and has_names(form):
            typer.echo(legend(form), err=True)
        _compose_plan(wanted, seed, out, weights)


def _plays(weights: Path) -> bool:
    from ritornello.generation.levels import is_performer

    return is_performer(weights)


def _refuse(options: Mapping[str, object], reason: str) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UserError(reason, where=given[0], mend=f"leave out {', '.join(given)}")


def _compose_plan(wanted: Plan, seed: int, out: Path | None, weights: Path | None) -> None:
    from ritornello.cli.piece_folder import claim_folder, write_piece
    from ritornello.form.shorthand import format_form
    from ritornello.generation.compose import compose as compose_piece
    from ritornello.generation.levels import load_levels

    levels = load_levels(weights, wanted.style)
    folder = claim_folder(out or Path("pieces") / f"{wanted.style}-{seed}")
    composition = compose_piece(wanted, levels, seed=seed)
    for file in write_piece(composition.score, composition.plan, folder):
        typer.echo(file)
    made = composition.plan
    typer.echo(f"seed {seed}: {format_form(made.sections or ())} in {made.key}, {made.metre}")


def _perform(
    weights: Path, *, seconds: float, seed: int, out: Path | None, primer: Path | None, temperature: float | None
) -> None:
    from ritornello.cli.piece_folder import claim_folder, write_performance
    from ritornello.generation.levels import load_performer
    from ritornello.generation.perform import Drawing, perform
    from ritornello.scores import read_score

    opening = None if primer is None else read_score(primer)
    performer = load_performer(weights)
    folder = claim_folder(out or Path("pieces") / f"performance-{seed}")
    drawing = Drawing() if temperature is None else Drawing(temperature=temperature)
    with _progress(seconds) as advance:
        score = perform(
            performer.model, performer.scheme, seconds=seconds, seed=seed, primer=opening, drawing=drawing,
            on_event=lambda _, __, now: advance(now),
        )  # fmt: skip
    for file in write_performance(replace(score, title=f"performance {seed}"), folder):
        typer.echo(file)
    typer.echo(f"seed {seed}: {score.num_notes:,} notes")


@contextmanager
def _progress(seconds: float) -> Generator[Callable[[float], None]]:
    """A bar on stderr that is told the seconds of music so far; none where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("performing", total=seconds)
        yield lambda now: progress.update(task, completed=now)
