"""POP909: 909 popular songs in three tracks, melody, bridge and piano (Wang et al., ISMIR 2020).

**Source**: github.com/music-x-lab/POP909-Dataset, below the data folder as ``pop909``; read is the one
version of each song that the data set names after it (``001/001.mid``).
**Licence**: MIT (the data set; the songs are their owners').
**Split**: the project's own, by song number: 801-909 are for test, of the others every tenth (10, 20,
... 800) for validation, the rest for training.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, Corpus, Piece, Split
from ritornello.data.corpora.files import piece_of_file
from ritornello.errors import UserError

NUM_SONGS = 909
_FIRST_TEST = 801
_VALIDATION_EVERY = 10


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the songs by number, ids ``001`` to ``909``; songs that are not there are left out."""
    folder = corpus_folder(root, "pop909", "POP909")
    songs = [(number, path) for number in range(1, NUM_SONGS + 1) if (path := _path(folder, number)).is_file()]
    if not songs:
        raise UserError("holds no song", where=str(folder / "001" / "001.mid"), mend="copy the corpus again")
    for number, path in songs:
        yield piece_of_file(f"{number:03d}", path, split=split_of(number))


def num_absent(root: Path | None = None) -> int:
    """How many of the 909 songs are not there."""
    return NUM_SONGS - sum(1 for _ in pieces(root))


def split_of(number: int) -> Split:
    """The side of a song."""
    if number >= _FIRST_TEST:
        return "test"
    return "train" if number % _VALIDATION_EVERY else "validation"


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:03d}" / f"{number:03d}.mid"


POP909 = Corpus(
    "pop909",
    "MIT (data set; the songs are their owners')",
    pieces,
    PERFORMANCE_SCHEMES,
    "https://github.com/music-x-lab/POP909-Dataset",
    num_absent=num_absent,
)
