"""``ritornello prepare``: a corpus, or any folder of music, becomes memory-mapped tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ritornello.cli.progress import progress_bar

_CORPUS = "A folder of MIDI, MusicXML or kern (or a zip of one), or a corpus below RITORNELLO_DATA by its name."
_SCHEME = (
    "performance or note_duration; bars or bars_even (without dynamics) for scores, form for their plans and notes, "
    "form_structure for notes under the structure alone; chorale or chorale_notes for the chorales. The usual one of "
    "the corpus if left out."
)


def prepare(
    corpus: Annotated[str, typer.Argument(help=_CORPUS)],
    out: Annotated[Path, typer.Option(help="Folder for the prepared data.")],
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; the result does not depend on it.")] = 1,
    scheme: Annotated[str | None, typer.Option(help=_SCHEME)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the split where the corpus has none.")] = 1,
    licence: Annotated[str | None, typer.Option(help="Licence of the music, to be kept with the data.")] = None,
) -> None:
    """Prepare a corpus for training: read, tokenise, split. A prepare that was cut short goes on where it was."""
    from ritornello.data.prepare import prepare as prepare_corpus

    with progress_bar("pieces") as show:
        text = prepare_corpus(corpus, out, workers=workers, scheme=scheme, seed=seed, licence=licence, on_progress=show)
    typer.echo(text)
