"""``ritornello prepare``: a corpus becomes memory-mapped tokens of the three levels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    corpus: Annotated[str, typer.Argument(help="music21_bach, bach_370 or jsb_chorales.")],
    out: Annotated[Path, typer.Option(help="Folder for the prepared data.")],
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; the result does not depend on it.")] = 1,
) -> None:
    """Prepare a corpus for training: read, analyse, tokenise, split."""
    from ritornello.data.prepare import prepare as prepare_corpus

    typer.echo(prepare_corpus(corpus, out, workers=workers))
