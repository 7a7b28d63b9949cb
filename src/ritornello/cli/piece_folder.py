"""The folder of a finished piece: ``piece.mid .musicxml .wav .png`` and ``plan.yaml``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ritornello.errors import UserError
from ritornello.form.plan import Plan
from ritornello.scores.score import Score


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


def write_piece(score: Score, plan: Plan, folder: Path) -> list[Path]:
    """Writes the five files, all or none: they are made in a temporary folder and then moved."""
    from ritornello.audio import render_wav
    from ritornello.form.plan_yaml import write_plan
    from ritornello.plotting.pianoroll import draw
    from ritornello.scores import write_midi, write_musicxml

    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as name:
        making = Path(name)
        write_midi(score, making / "piece.mid")
        write_musicxml(score, making / "piece.musicxml")
        render_wav(score, making / "piece.wav")
        draw(score, plan, making / "piece.png")
        write_plan(plan, making / "plan.yaml")
        files = sorted(making.iterdir())
        for file in files:
            file.replace(folder / file.name)
    return [folder / file.name for file in files]
