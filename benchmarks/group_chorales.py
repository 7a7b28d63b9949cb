"""Groups Bach's chorales by melody over all corpora and writes ``chorale_table.json``.

    RITORNELLO_DATA=... python benchmarks/group_chorales.py

Prints the size of every split. The rules are those of ``ritornello/data/splits.py``; the result is
kept with the code, and a test checks that no training piece opens like a test piece.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import ritornello.data.corpora as corpora_package
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.music21_bach import music21_folder, read_voices
from ritornello.data.levels import encode_levels
from ritornello.data.splits import groups_of, is_chosen, opening
from ritornello.errors import UserError
from ritornello.scores.kern import read_kern
from ritornello.scores.score import Score

TEST_CHORALES = range(320, 371)
VALIDATION_SHARE = 0.08
SEED = "ritornello chorales 1"
TABLE = Path(corpora_package.__file__).parent / "chorale_table.json"

Places = dict[str, dict[str, tuple[str, str]]]


def main() -> None:
    """Writes the table and prints what is in it."""
    table = make_table()
    lines = [
        f' "{corpus}": {{\n' + ",\n".join(f'  "{name}": {json.dumps(place)}' for name, place in places.items()) + "\n }"
        for corpus, places in table.items()
    ]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    for corpus, places in table.items():
        counts = Counter(split for _, split in places.values())
        melodies = len({group for group, _ in places.values()})
        print(f"{corpus}: {len(places)} pieces, {melodies} melodies,", dict(sorted(counts.items())))


def make_table() -> Places:
    """Corpus -> piece -> (group, split)."""
    openings: dict[str, tuple[int, ...]] = {}
    labels: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    for path in sorted((corpus_folder(None, "bach-370-chorales") / "kern").glob("*.krn")):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = f"bach_370/{path.stem}"
        openings[name] = opening(read_kern(path))
        labels[name] = _catalogue(text)
        title = re.search(r"!!!OTL@@DE: *(.+)", text)
        if title:
            titles[name] = title.group(1).strip()
    for path in sorted(music21_folder().glob("*.mxl"), key=_natural):
        score = _chorale(path)
        if score is not None:
            name = f"music21_bach/{path.stem}"
            openings[name], labels[name] = opening(score), _catalogue(path.stem)
    groups = groups_of(openings, labels, titles)
    test = {groups[name] for name in openings if _is_test(name)}
    table: Places = {"bach_370": {}, "music21_bach": {}}
    for name in openings:
        corpus, piece = name.split("/")
        table[corpus][piece] = (groups[name], _split(name, groups[name], test))
    return table


def _chorale(path: Path) -> Score | None:
    """The four voices of a chorale; None, and a line on stderr, for what is none: no four voices, no fermata."""
    try:
        score = read_voices(path)
        encode_levels(score, with_plan=True)
    except UserError as error:
        print(f"left out: {error}", file=sys.stderr)
        return None
    if not any(part.fermatas_ticks for part in score.parts):
        print(f"left out: {path}: no fermata", file=sys.stderr)
        return None
    return score


def _catalogue(text: str) -> list[str]:
    return [f"BWV {a}.{b}" for a, b in re.findall(r"(?:BWV |bwv)(\d+)(?:[/.](\d+))?", text)]


def _is_test(name: str) -> bool:
    return name.startswith("bach_370/") and int(name[-3:]) in TEST_CHORALES


def _split(name: str, group: str, test: set[str]) -> str:
    if group in test:
        return "test" if _is_test(name) else "unused"
    return "validation" if is_chosen(group, VALIDATION_SHARE, SEED) else "train"


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(digits or 0), rest) for digits, rest in re.findall(r"(\d*)(\D*)", path.stem)]


if __name__ == "__main__":
    main()
