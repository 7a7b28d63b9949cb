"""Scores of the Mutopia Project as MIDI: 1,110 pieces, 606 of them by Bach, and ``bach_mutopia``, those alone.

**Source**: github.com/MutopiaProject/MutopiaProject, made into MIDI from its LilyPond sources, with a table of what is
known of each piece; below the data folder as ``mutopia-scores``.
**Licence**: the music is in the public domain, each edition is Public Domain, CC BY or CC BY-SA as its typesetter says:
``credits_by_piece`` gives licence and typesetter of each piece, ``attribution`` the text that a card of weights owes.
**Split**: the project's own, by catalogue number, so that variants (BWV 653, 653b) and all movements of a work stay
together, and so do works of which one holds another edition of the same music. Where such a group has a number
divisible by 5, it is for test; of the others, those whose lowest number ends in 3 are for validation, the rest for
training.
**Cleaning**: a tempo that no source gives (LilyPond's 60) is left out. A piece is refused whose barlines are known to
be wrong: the table says so, or more than half of the bars are irregular. Durations of ornamented notes and the
typesetters' errors stay as they are; repeats are as the table says, da capo is not played out.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import SCORE_SCHEMES, Corpus, Piece, Split
from ritornello.data.corpora.files import hash_of_file
from ritornello.errors import UserError
from ritornello.scores.reading import read_score
from ritornello.scores.score import Score

TABLE = "index.csv"
BACH = "BachJS"
_NEEDED = (
    *("path", "composer", "opus_folder", "title", "licence", "maintainer", "source_file"),
    *("bars", "irregular_bars", "tempo", "same_music_as", "remarks"),
)
_MAY_BE_EMPTY = {"same_music_as", "remarks", "maintainer"}
_CATALOGUE = re.compile(r"(BWVAnh|BWV|HWV|TWV|Wv|Wx|WoO|Anh|KV|K|O|Z|rv|HOB-XVI-)(\d{1,5})")
_MAX_IRREGULAR = 0.5
"""Share of bars that may be irregular."""


@dataclass(frozen=True, slots=True)
class Credit:
    """Whom a piece is owed to."""

    title: str
    composer: str
    maintainer: str
    """The typesetter; empty where the source names none."""
    licence: str
    source_file: str
    """Its path in Mutopia's repository."""


def pieces(root: Path | None = None, *, composer: str | None = None) -> Iterator[Piece]:
    """Yields the pieces in the order of the table, or those of one composer; ids are paths without ``.mid``."""
    folder = _folder(root)
    rows = _rows(folder / TABLE)
    groups = _groups(rows)
    for row in rows:
        if composer in (None, row["composer"]):
            path, (group, split) = folder / row["path"], groups[row["path"]]
            yield Piece(_id(row), group, split, hash_of_file(path), partial(read_piece, path, row))


def read_piece(path: Path, row: dict[str, str]) -> Score:
    """The piece of a row of the table; raises UserError where its barlines are known to be wrong."""
    irregular, bars = int(row["irregular_bars"]), int(row["bars"])
    if "bar grid as LilyPond wrote it" in row["remarks"] or irregular > _MAX_IRREGULAR * bars:
        raise UserError("its barlines are not those of the music", where=row["path"])
    score = read_score(path)
    return replace(score, tempos=()) if row["tempo"].startswith("none given") else score


def credits_by_piece(root: Path | None = None) -> dict[str, Credit]:
    """Whom each piece is owed to, by the id of the piece."""
    names = ("title", "composer", "maintainer", "licence", "source_file")
    return {_id(row): Credit(*(row[name] for name in names)) for row in _rows(_folder(root) / TABLE)}


def attribution(ids: Collection[str], root: Path | None = None) -> str:
    """One line a licence with the typesetters of these pieces, for the card of weights trained on them."""
    owed: dict[str, set[str]] = defaultdict(set)
    known = credits_by_piece(root)
    for piece in ids:
        owed[known[piece].licence].add(known[piece].maintainer or "unnamed")
    lines = [f"{licence}: {', '.join(sorted(names))}" for licence, names in sorted(owed.items())]
    return "\n".join(lines)


def split_of(numbers: Collection[int]) -> Split:
    """The side of a group of works from its catalogue numbers."""
    if any(number % 5 == 0 for number in numbers):
        return "test"
    return "validation" if numbers and min(numbers) % 10 == 3 else "train"


def _groups(rows: list[dict[str, str]]) -> dict[str, tuple[str, Split]]:
    """Path -> its group and side; works that share music are one group."""
    work = {row["path"]: _work(row) for row in rows}
    joined = {name: name for name in work.values()}

    def head(name: str) -> str:
        while joined[name] != name:
            name = joined[name]
        return name

    for row in rows:
        for twin in filter(None, row["same_music_as"].split("; ")):
            first, second = sorted((head(work[row["path"]]), head(work.get(twin, work[row["path"]]))))
            joined[second] = first
    numbers: dict[str, set[int]] = defaultdict(set)
    for name in joined:
        match = _CATALOGUE.match(name.partition(" ")[2])
        numbers[head(name)] |= {int(match[2])} if match else set()
    return {path: (head(name), split_of(numbers[head(name)])) for path, name in work.items()}


def _work(row: dict[str, str]) -> str:
    """Composer and catalogue number; the folder where it has none."""
    match = _CATALOGUE.match(row["opus_folder"])
    return f"{row['composer']} {match[0] if match else row['opus_folder']}"


def _id(row: dict[str, str]) -> str:
    return row["path"].removesuffix(".mid")


def _folder(root: Path | None) -> Path:
    return corpus_folder(root, "mutopia-scores")


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of the table; raises UserError when it is absent or not one."""
    mend = "copy the corpus again"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), mend=mend) from error
    for number, row in enumerate(rows, start=2):
        filled = all(row.get(name) or (name in _MAY_BE_EMPTY and row.get(name) is not None) for name in _NEEDED)
        if not (filled and row["bars"].isdecimal() and row["irregular_bars"].isdecimal()):
            raise UserError(f"line {number} is no row of the table", where=str(path), mend=mend)
        name = PurePosixPath(row["path"])
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"line {number}: unsafe path {row['path']!r}", where=str(path))
    return rows


def _corpus(name: str, read: Callable[[Path | None], Iterator[Piece]]) -> Corpus:
    licence = "per piece: public domain, CC BY or CC BY-SA (music: public domain)"
    return Corpus(name, licence, read, SCORE_SCHEMES, "https://github.com/MutopiaProject/MutopiaProject")


MUTOPIA = _corpus("mutopia", pieces)
BACH_MUTOPIA = _corpus("bach_mutopia", partial(pieces, composer=BACH))
