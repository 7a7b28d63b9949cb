"""``ritornello edit``: a region of a piece is composed again, everything else stays as it is."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from ritornello.errors import UserError

if TYPE_CHECKING:  # loading them would slow down --help
    from ritornello.form.plan import Plan
    from ritornello.generation.edit import Span
    from ritornello.scores.score import Score

EditStyle = Literal["song", "bach"]


def edit(
    piece: Annotated[Path, typer.Argument(help="Piece: .mid .musicxml .xml .mxl .krn, or the folder of a piece.")],
    section: Annotated[
        str | None, typer.Option(help="Section to compose again: its number in the plan from 1, or its label.")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(help="Bars to compose again, such as 9-16; from 1, a pickup is bar 0.")
    ] = None,
    lock: Annotated[
        list[str] | None, typer.Option(help="Part whose notes stay: its number from 1, or its name. Repeatable.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Same seed, same notes. Default: a new one.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files. Default: edits/NAME-SEED.")] = None,
    style: Annotated[
        EditStyle | None, typer.Option(help="Whose models. Default: the plan's; bach for a chorale.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Folder of trained levels, or of a note level, instead of the shipped ones.")
    ] = None,
) -> None:
    """Compose a region of a song or a piece by Bach again, in its context; every other note stays as it is."""
    from ritornello.cli.piece_folder import claim_folder, plan_of, write_piece
    from ritornello.generation import edit as editing
    from ritornello.generation.levels import load_notes
    from ritornello.scores.midi_revision import revise_midi

    seed = secrets.randbelow(2**31) if seed is None else seed
    if (section is None) == (bars is None):
        raise UserError("one region is needed", mend="give either --section or --bars")
    source = _read(piece)
    folder = _folder(piece, source.file, out, seed)
    editing.check_editable(source.score)
    plan = plan_of(source.score, source.file, source.plan)
    whose = style or ("bach" if plan.style == "chorale" else plan.style)
    span = _span(source.score, plan, section, bars)
    locked = frozenset(editing.part_number(source.score, name) for name in lock or ())
    model = load_notes(weights, whose)
    folder = claim_folder(folder)
    edited = editing.edit(source.score, plan, model, span, seed, locked=locked)
    midi = None if source.midi is None else revise_midi(source.midi, edited.score, str(source.file))
    for file in write_piece(edited.score, edited.plan, folder, midi):
        typer.echo(file)
    typer.echo(f"seed {seed}: {_in_words(section, bars)} composed again, everything else as it was")


class _Source(NamedTuple):
    """A piece as it was read."""

    file: Path
    score: Score
    midi: bytes | None
    """The bytes of a MIDI file."""
    plan: Plan | None
    """That which lies beside ``piece.mid``."""


def _read(piece: Path) -> _Source:
    """A file, or the folder of a piece, whose MIDI file is taken rather than its MusicXML."""
    from ritornello.cli.piece_folder import plan_beside
    from ritornello.scores import limits, read_score
    from ritornello.scores.midi import parse_midi

    file = piece
    if piece.is_dir():
        found = [piece / name for name in ("piece.mid", "piece.musicxml") if (piece / name).is_file()]
        if not found:
            raise UserError("holds no piece", where=str(piece), mend="name a folder with piece.mid, or a file")
        file = found[0]
    midi = limits.read_bytes(file, limits.MAX_MIDI_BYTES) if file.suffix.lower() in {".mid", ".midi"} else None
    score = read_score(file) if midi is None else parse_midi(midi, str(file))
    plan = plan_beside(file)
    if plan is not None and plan.title:
        score = replace(score, title=plan.title)
    return _Source(file, score, midi, plan)


def _folder(piece: Path, file: Path, out: Path | None, seed: int) -> Path:
    """Where the files go: never where the piece lies."""
    name = piece.resolve().name if piece.is_dir() else file.stem
    folder = Path("edits") / f"{name}-{seed}" if out is None else out
    if folder.resolve() == file.resolve().parent and file.stem == "piece":
        raise UserError("would overwrite the piece", where=str(folder), mend="choose another folder with --out")
    return folder


def _span(score: Score, plan: Plan, section: str | None, bars: str | None) -> Span:
    from ritornello.generation.edit import bars_span, section_span

    if section is not None:
        return section_span(score, plan, section)
    match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", (bars or "").strip())
    if match is None:
        raise UserError(f"{(bars or '')[:40]!r} are no bars", where="--bars", mend="write 9-16, or 9 for one bar")
    first = int(match[1])
    return bars_span(score, first, int(match[2] or first))


def _in_words(section: str | None, bars: str | None) -> str:
    return f"bars {bars}" if section is None else f"section {section}"
