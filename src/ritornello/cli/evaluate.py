"""``ritornello evaluate``: what a model thinks of music it has not seen, or what music is like beside real music."""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer


class ProtocolName(StrEnum):
    """How performances are scored."""

    STREAMED = "streamed"
    DISJOINT = "disjoint"
    SLIDING = "sliding"


class SplitName(StrEnum):
    """Which pieces."""

    VALIDATION = "validation"
    TEST = "test"


OF_A_MODEL = ("data", "protocol", "window", "stride", "split", "bf16", "context", "pieces", "json")
OF_A_REPORT = ("out", "training", "seed", "workers")


def evaluate(  # noqa: PLR0913, PLR0917  # options of the command line
    asked: typer.Context,
    source: Annotated[Path, typer.Argument(help="Run, checkpoint or weights folder; with --reference: pieces.")],
    reference: Annotated[
        Path | None, typer.Option(help="Real music, a piece or a folder: report on SOURCE beside it.")
    ] = None,
    out: Annotated[Path, typer.Option(help="--reference: folder for report.html, .md and .json.")] = Path("report"),
    training: Annotated[
        Path | None, typer.Option(help="--reference: also look for copies in this corpus (prepared, or a folder).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="--reference: of draws and intervals.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="--reference: processes. Default: one for each core.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Prepared data (ritornello prepare).")] = None,
    protocol: Annotated[
        ProtocolName, typer.Option(help="Performances: whole pieces with the state carried, or windows.")
    ] = ProtocolName.STREAMED,
    window: Annotated[int, typer.Option(help="Tokens predicted in a window (disjoint, sliding).")] = 2048,
    stride: Annotated[int | None, typer.Option(help="Sliding: tokens between windows. Default: window / 4.")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Default: both.")] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Performances: bfloat16 products: faster, less exact.")] = False,
    context: Annotated[
        bool, typer.Option("--context", help="Performances: instead, what hearing the distant past is worth.")
    ] = False,
    pieces: Annotated[int | None, typer.Option(min=1, help="--context: only so many of a split, the longest.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write all figures, by piece too, to this file.")] = None,
) -> None:
    """Of a model (--data): likelihood of the validation and test pieces. Of pieces (--reference): a report.

    The likelihood is in nats per token; bits per note and second for performances. With --context: KRCU (memory dropped
    at token 8,192), extra nats when only the last 1k to 16k tokens are heard, and how much cheaper a passage becomes
    when it returns.

    The report sets the pieces beside real music in all that is measured of notes: distributions, single values, returns
    and structure, with intervals and pictures, as one HTML page with a Markdown and a JSON twin.
    """
    if reference is not None:
        _refuse(asked, OF_A_MODEL, "goes with a model, not with --reference")
        _report(source, reference, out, training, seed, workers)
        return
    _refuse(asked, OF_A_REPORT, "goes with --reference")
    if data is None:
        raise typer.BadParameter("say what to evaluate on: --data (of a model) or --reference (of pieces)")
    from ritornello.training.evaluate import EvaluateOptions
    from ritornello.training.evaluate import evaluate as evaluate_checkpoint

    splits: tuple[Literal["validation", "test"], ...] = ("validation", "test") if split is None else (split.value,)
    if context:
        if protocol is not ProtocolName.STREAMED:
            raise typer.BadParameter("--context reads whole pieces: leave --protocol out")
        _show_context_use(source, data, splits, pieces, bf16, json)
        return
    if pieces is not None:
        raise typer.BadParameter("--pieces goes with --context")
    options = EvaluateOptions(protocol.value, window, stride, splits, bf16)
    typer.echo(evaluate_checkpoint(source, data, options, json))


def _refuse(asked: typer.Context, options: tuple[str, ...], why: str) -> None:
    """Refuses options that were given although they mean nothing here."""
    for option in options:
        given = asked.get_parameter_source(option)
        if given is not None and given.name == "COMMANDLINE":
            raise typer.BadParameter(f"--{option} {why}: leave it out")


def _report(source: Path, reference: Path, out: Path, training: Path | None, seed: int, workers: int | None) -> None:
    """Writes the report, and shows the gist of it."""
    from ritornello.cli.piece_folder import claim_folder, write_files
    from ritornello.cli.progress import Stages
    from ritornello.evaluation.report.making import Options, report
    from ritornello.evaluation.report.sets import printable
    from ritornello.evaluation.report.summary import summary_of

    claim_folder(out)
    options = {"--reference": reference, "--out": out, "--seed": seed, **({"--training": training} if training else {})}
    given = [str(word) for option in options.items() for word in option]
    command = shlex.join(["ritornello", "evaluate", str(source), *given])
    stages = Stages()
    made = report(source, reference, Options(seed, training, workers or _num_cores(), command), stages.show)
    with stages.show("files written"):
        write_files(made.files(), out)
    typer.echo(f"{summary_of(made.findings, made.page)}\n\n{stages}\n{printable(str(out / 'report.html'))}")


def _num_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _show_context_use(
    checkpoint: Path,
    data_folder: Path,
    splits: tuple[Literal["validation", "test"], ...],
    num_pieces: int | None,
    bf16: bool,
    json_file: Path | None,
) -> None:
    """Prints the tables of each split, and writes all figures."""
    from ritornello.cli.progress import progress_bar
    from ritornello.evaluation.context.tables import tables
    from ritornello.evaluation.context.use import ContextOptions
    from ritornello.evaluation.context.use import evaluate as evaluate_context
    from ritornello.training.evaluate import open_checkpoint, pieces_of

    weights, facts, data, model = open_checkpoint(checkpoint, data_folder)
    content: list[dict[str, Any]] = []
    for split, found in pieces_of(data, data_folder, splits):
        pieces = sorted(found, key=lambda i: -data.entries[i].length)[:num_pieces]
        with progress_bar("tokens") as show:
            use = evaluate_context(
                model,
                data,
                pieces,
                ContextOptions(bf16=bf16),
                limited=None if facts["config"].get("recall") else getattr(model, "limited", None),
                on_progress=show,
            )
        which = "pieces" if len(pieces) == len(found) else f"longest of {len(found)} pieces"
        typer.echo(f"{weights}, {split}, {len(pieces)} {which}\n\n{tables(use)}\n")
        content.append({"weights": str(weights), "split": split, **use.facts()})
    if json_file is not None:
        json_file.write_text(dumps(content, indent=1) + "\n", encoding="utf-8")
