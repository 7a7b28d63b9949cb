"""The folder of a finished piece: ``piece.mid .musicxml .wav .png`` and ``plan.yaml``; a performance has three."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ritornello.atomic import write_file
from ritornello.errors import UserError
from ritornello.form.plan import Plan
from ritornello.scores.score import Score

PLAN = "plan.yaml"


def claim_folder(folder: Path) -> Path:
    """Makes the folder and checks that it can be written, before long work starts."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write there ({error.strerror})", where=str(folder), mend="choose another folder with --out"
        ) from error
    return folder


def plan_beside(file: Path) -> Plan | None:
    """The plan in the folder of a finished piece, if this is one of its files."""
    from ritornello.form.plan_yaml import read_plan

    beside = file.with_name(PLAN)
    return read_plan(beside) if file.stem == "piece" and beside.is_file() else None


def plan_of(score: Score, file: Path, beside: Plan | None) -> Plan:
    """The plan beside a piece; without one, what the analysis finds.

    Raises:
        UserError: the plan beside it is not one of this piece, or leaves its form open.
    """
    from ritornello.form.analyse import analyse
    from ritornello.form.grid import FRAMES_PER_BEAT, grid_of_plan
    from ritornello.generation.compose import check

    if beside is None:
        return analyse(score)
    where, mend = str(file.with_name(PLAN)), "take it away, so that the piece is analysed"
    if beside.metre is None or beside.pickup_beats is None or beside.sections is None:
        raise UserError("leaves metre, pickup or sections open", where=where, mend=mend)
    check(beside)
    beats = score.end_ticks / score.ticks_per_beat
    planned = grid_of_plan(beside).num_frames / FRAMES_PER_BEAT
    if abs(planned - beats) > beside.bar_beats:
        raise UserError(f"is of {planned:g} beats, the piece of {beats:g}", where=where, mend=mend)
    return beside


def write_piece(score: Score, plan: Plan, folder: Path, midi: bytes | None = None) -> list[Path]:
    """Writes the five files, all or none; ``midi`` are the bytes of the MIDI file, None: they are made of the score."""
    from ritornello.audio import render_wav
    from ritornello.form.plan_yaml import write_plan
    from ritornello.plotting.pianoroll import draw
    from ritornello.scores import write_midi, write_musicxml

    with _at_once(folder) as making:
        if midi is None:
            write_midi(score, making / "piece.mid")
        else:
            write_file(making / "piece.mid", midi)
        write_musicxml(score, making / "piece.musicxml")
        render_wav(score, making / "piece.wav")
        draw(score, plan, making / "piece.png")
        write_plan(plan, making / PLAN)
    return [folder / f"piece.{kind}" for kind in ("mid", "musicxml", "png", "wav")] + [folder / PLAN]


def write_performance(score: Score, folder: Path) -> list[Path]:
    """Writes the three files of a performance, which has no plan and no bars to engrave, all or none."""
    from ritornello.audio import render_wav
    from ritornello.plotting.performanceroll import draw_performance
    from ritornello.scores import write_midi

    with _at_once(folder) as making:
        write_midi(score, making / "piece.mid")
        render_wav(score, making / "piece.wav")
        draw_performance(score, making / "piece.png")
    return [folder / f"piece.{kind}" for kind in ("mid", "png", "wav")]


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes files of these names, all or none."""
    with _at_once(folder) as making:
        for name, content in files.items():
            write_file(making / name, content)


@contextmanager
def _at_once(folder: Path) -> Generator[Path]:
    """A temporary folder whose files are moved to ``folder`` when all are made."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as name:
        yield Path(name)
        for file in sorted(Path(name).iterdir()):
            file.replace(folder / file.name)
