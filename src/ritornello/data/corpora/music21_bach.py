"""Bach's chorales as music21 carries them: MusicXML files inside its wheel, read without importing it.

**Source**: music21 (extra ``corpora``), folder ``corpus/bach``; this is what a user without any data
folder trains from, and what the shipped weights are trained on. **Licence**: music21 distributes its
corpus with the permission of the encoders (``corpus/license.txt``); none of the Bach files states a
restriction of its own, and the music is in the public domain.
**Split**: the project's own: a chorale on a melody of the test pieces (``bach_370`` 320-370) is
unused, about one melody in twelve is for validation, the rest is for training. There is no test
split here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ritornello.data.corpora.base import CHORALE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.chorale_table import chorale_table
from ritornello.errors import UserError
from ritornello.scores.reading import read_score
from ritornello.scores.score import Score

VOICES = ("Soprano", "Alto", "Tenor", "Bass")


def pieces(_root: Path | None = None) -> Iterator[Piece]:
    """Yields the chorales by file name; ids are such as ``bwv10.7``."""
    folder = music21_folder()
    for name, (group, split) in chorale_table("music21_bach").items():
        path = folder / f"{name}.mxl"
        if not path.is_file():
            raise UserError("a chorale is missing", where=str(path), mend="pip install 'music21>=10,<11'")
        yield Piece(name, group, split, hashlib.sha256(path.read_bytes()).hexdigest(), partial(read_voices, path))


def music21_folder() -> Path:
    """The folder of Bach's works inside the installed music21; raises UserError without it."""
    spec = find_spec("music21")
    folder = Path(spec.origin).parent / "corpus" / "bach" if spec is not None and spec.origin else None
    if folder is None or not folder.is_dir():
        raise UserError("music21 is not installed", where="music21_bach", mend="pip install 'ritornello[corpora]'")
    return folder


def read_voices(path: Path) -> Score:
    """The four voices of a file; instruments that play along are left out."""
    score = read_score(path)
    if len(score.parts) == len(VOICES):
        return score
    parts = tuple(part for part in score.parts if part.name.removesuffix(".").strip() in VOICES)
    if len(parts) != len(VOICES):
        raise UserError(f"{len(score.parts)} parts, not four voices", where=str(path))
    return replace(score, parts=parts)


MUSIC21_BACH = Corpus(
    "music21_bach",
    "as distributed with music21 (music: public domain)",
    pieces,
    CHORALE_SCHEMES,
    "https://github.com/cuthbertLab/music21",
)
