"""DCML's tables of Bach: 89 movements of the English and French suites, 68 of the works for one violin, cello or flute.

**Source**: github.com/DCMLab/bach_en_fr_suites and github.com/DCMLab/bach_solo; J. Hentschel, Y. Rammos,
M. Neuwirth, M. Rohrmeier, A corpus and a modular infrastructure for the empirical study of (an)notated music
(Scientific Data 12, 2025). **Licence**: CC BY-NC-SA 4.0.
**Use**: measuring ``form`` on longer pieces; nothing is trained on them.
**Split**: the project's own: works whose BWV number is divisible by 5 are the test.

Repeats are not taken, and of several endings the last one is read, so that notes and labels stand on one line of
time, that of the column ``quarterbeats``. Grace notes are left out, ties joined; each staff is a part.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from ritornello.data.corpora.archive import corpus_folder
from ritornello.errors import UserError
from ritornello.form.key import Key
from ritornello.scores.score import KeySignature, Metre, Mode, Notes, Part, Score

NAMES = ("dcml-bach-suites", "dcml-bach-solo")
TICKS_PER_BEAT = 960
_MAX_BYTES = 1 << 22
_VELOCITY = 80
_DEGREES = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}
_SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}

Row = dict[str, str]


class LocalKey(NamedTuple):
    """A key and where it begins; ``number`` is 0-11 for major on that pitch class, 12-23 for minor."""

    start_beats: float
    number: int


class CadenceLabel(NamedTuple):
    """A cadence where its last harmony begins.

    ``kind`` is PAC, IAC (perfect and imperfect authentic), HC (half), DC (deceptive), EC (evaded) or PC (plagal).
    """

    onset_beats: float
    kind: str


class Movement(NamedTuple):
    """A movement with what people wrote on it."""

    id: str
    """Such as ``BWV810_02_Allemande``."""
    is_test: bool
    score: Score
    keys: tuple[LocalKey, ...]
    """In order of time, each different from the one before it."""
    cadences: tuple[CadenceLabel, ...]
    phrase_ends_beats: tuple[float, ...]


def movements(root: Path | None = None, *, test: bool | None = None) -> Iterator[Movement]:
    """Yields the movements, suites first: those of the test, the others, or all.

    Raises:
        UserError: a corpus is absent or a table cannot be read.
    """
    for corpus in NAMES:
        folder = corpus_folder(root, corpus)
        for path in sorted((folder / "harmonies").glob("BWV*.harmonies.tsv")):
            name = path.name.removesuffix(".harmonies.tsv")
            if test is None or test == is_test(name):
                yield read_movement(folder, name)


def is_test(name: str) -> bool:
    """Whether a movement belongs to the test."""
    return int(name.removeprefix("BWV").partition("_")[0]) % 5 == 0


def read_movement(folder: Path, name: str) -> Movement:
    """Reads the notes, measures and harmonies of one movement. Raises UserError if a table cannot be read."""
    notes, measures, labels = (
        _rows(folder / kind / f"{name}.{kind}.tsv") for kind in ("notes", "measures", "harmonies")
    )
    try:
        return Movement(
            name,
            is_test(name),
            _score(name, notes, measures),
            _keys(labels),
            tuple(CadenceLabel(_beats(row), row["cadence"]) for row in labels if row["cadence"]),
            tuple(_beats(row) for row in labels if row["phraseend"].startswith("}")),
        )
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise UserError("the tables cannot be read", where=f"{folder / name}") from error


def _rows(path: Path) -> list[Row]:
    """The rows that have a place in ``quarterbeats``: not those of first endings."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UserError("table is too large", where=str(path), limit=f"{_MAX_BYTES} bytes")
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError("no such table", where=str(path)) from error
    return [row for row in rows if row.get("quarterbeats")]


def _score(name: str, notes: list[Row], measures: list[Row]) -> Score:
    numerator, denominator = (int(number) for number in measures[0]["timesig"].split("/"))
    metres = [Metre(0, numerator, denominator)]
    for row in measures:
        numerator, denominator = (int(number) for number in row["timesig"].split("/"))
        if (numerator, denominator) != (metres[-1].numerator, metres[-1].denominator):
            metres.append(Metre(_ticks(row["quarterbeats"]), numerator, denominator))
    first = _ticks(measures[0]["duration_qb"])
    staves = sorted({row["staff"] for row in notes})
    return Score(
        TICKS_PER_BEAT,
        tuple(Part(f"staff {staff}", _notes([row for row in notes if row["staff"] == staff])) for staff in staves),
        tuple(metres),
        keys=(KeySignature(0, int(measures[0]["keysig"])),),
        pickup_ticks=first if first < metres[0].bar_ticks(TICKS_PER_BEAT) else 0,
        title=name,
    )


def _notes(rows: list[Row]) -> Notes:
    """The notes of a staff; a tied note goes on to where its last part ends."""
    found: list[tuple[int, int, int, int]] = []
    open_ties: dict[tuple[int, int], int] = {}
    for row in sorted(rows, key=lambda row: Fraction(row["quarterbeats"])):
        onset, length, pitch = _ticks(row["quarterbeats"]), _ticks(row["duration_qb"]), int(row["midi"])
        if row.get("gracenote") or length < 1:
            continue
        before = open_ties.pop((onset, pitch), None) if row["tied"] in {"0", "-1"} else None
        if before is None:
            before = len(found)
            found.append((onset, length, pitch, _VELOCITY))
        else:
            start = found[before][0]
            found[before] = (start, onset + length - start, pitch, _VELOCITY)
        if row["tied"] in {"0", "1"}:
            open_ties[onset + length, pitch] = before
    return Notes.of(found)


def _keys(labels: list[Row]) -> tuple[LocalKey, ...]:
    found: list[LocalKey] = []
    for row in labels:
        number = local_key(row["globalkey"], row["localkey"])
        if not found or found[-1].number != number:
            found.append(LocalKey(_beats(row), number))
    return tuple(found)


def local_key(home: str, degree: str) -> int:
    """Number 0-23 of a key written as a numeral in the home key, such as ``iii`` in ``Eb`` or ``bVI`` in ``C``."""
    key = Key.parse(home)
    numeral = degree.lstrip("#b")
    accidentals = degree[: len(degree) - len(numeral)]
    step = _SCALES[key.mode][_DEGREES[numeral.upper()]] + accidentals.count("#") - accidentals.count("b")
    return (key.tonic_pitch_class + step) % 12 + (12 if numeral.islower() else 0)


def _beats(row: Row) -> float:
    return float(Fraction(row["quarterbeats"]))


def _ticks(beats: str) -> int:
    return round(Fraction(beats) * TICKS_PER_BEAT)
