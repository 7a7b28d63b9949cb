"""Any folder of music is a corpus: MIDI, MusicXML and kern files in it and below, or in an archive of them.

**Source**: the user's own; **licence**: as the user states it.
**Split**: by piece, about 80 / 10 / 10 for training, validation and test, drawn from a seed
(``data/splits.py``); near-duplicates (``data/duplicates.py``) stay on one side.
**Schemes**: performances unless asked for ``bars``, which believes the barlines of the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ritornello.data.corpora.archive import ENDINGS, unpacked
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, SCORE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.files import music_files, piece_of_file


def is_music_folder(path: Path) -> bool:
    """Whether a path can be a corpus: a folder, or an archive."""
    return path.is_dir() or (path.is_file() and path.name.endswith(ENDINGS))


def folder_corpus(path: Path) -> Corpus:
    """The corpus of the music below ``path``, named after the folder."""

    def pieces(_root: Path | None = None) -> Iterator[Piece]:
        folder = path if path.is_dir() else unpacked(path)
        for name, file in music_files(folder):
            yield piece_of_file(name, file)

    name = path.resolve().name
    return Corpus(name, "not stated", pieces, PERFORMANCE_SCHEMES + SCORE_SCHEMES, "a folder of the user")
