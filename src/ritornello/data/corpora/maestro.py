"""MAESTRO v3.0.0: 1,276 piano performances recorded at a competition (Hawthorne et al., ICLR 2019).

**Source**: magenta.withgoogle.com/datasets/maestro, below the data folder as ``maestro-v3.0.0``
(folder or zip), or its test part alone as ``maestro-v3.0.0-test-midi``.
**Licence**: CC BY-NC-SA 4.0.
**Split**: the official one, 962 / 137 / 177, from ``maestro-v3.0.0.csv``, which must be there; no
composition is on two sides. A group is a composition, by composer and title. Performances of the
table whose files are not there are left out and counted.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, Corpus, Piece, Split
from ritornello.data.corpora.files import piece_of_file
from ritornello.errors import UserError

TABLE = "maestro-v3.0.0.csv"
SPLITS: dict[str, Split] = {"train": "train", "validation": "validation", "test": "test"}


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the performances in the order of the table; ids are the names of the files."""
    yield from pieces_in(_folder(root))


def pieces_in(folder: Path) -> Iterator[Piece]:
    """The performances below a folder that holds the table; raises UserError without it."""
    for row in _rows(folder):
        path = folder / row["midi_filename"]
        if path.is_file():
            yield piece_of_file(row["midi_filename"], path, composition(row), SPLITS[row["split"]])


def num_absent_in(folder: Path) -> int:
    """How many performances of the table have no file below ``folder``."""
    return sum(not (folder / row["midi_filename"]).is_file() for row in _rows(folder))


def composition(row: dict[str, str]) -> str:
    """What a performance is a performance of."""
    return f"{row['canonical_composer']}: {row['canonical_title']}"


def maestro_at(folder: Path) -> Corpus:
    """MAESTRO in a folder that the user names."""
    return _corpus(lambda _root: pieces_in(folder), lambda _root: num_absent_in(folder))


def _corpus(read: Callable[[Path | None], Iterator[Piece]], num_absent: Callable[[Path | None], int]) -> Corpus:
    address = "https://magenta.withgoogle.com/datasets/maestro"
    return Corpus("maestro", "CC BY-NC-SA 4.0", read, PERFORMANCE_SCHEMES, address, num_absent=num_absent)


def read_csv(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table of MAESTRO; raises UserError when it is absent or not one."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        mend = "copy it there: it says which performance is for training, validation and test"
        raise UserError("the table of the official split is missing", where=str(path), mend=mend) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), mend="copy the table again") from error
    for number, row in enumerate(rows, start=2):
        name = PurePosixPath(row.get("midi_filename") or "/")
        if any(not row.get(key) for key in needed) or row["split"] not in SPLITS:
            raise UserError(f"line {number} is no row of the table", where=str(path), mend="copy the table again")
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"line {number}: unsafe path {str(name)!r}", where=str(path))
    return rows


def _rows(folder: Path) -> list[dict[str, str]]:
    return read_csv(folder / TABLE, ("split", "midi_filename", "canonical_composer", "canonical_title"))


def _folder(root: Path | None) -> Path:
    return corpus_folder(root, "maestro-v3.0.0", "maestro-v3.0.0-midi", "maestro-v3.0.0-test-midi")


MAESTRO = _corpus(pieces, lambda root: num_absent_in(_folder(root)))
