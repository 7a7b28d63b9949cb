"""Fits how dense the sections of songs are, ``generation/section_densities.json``, to a prepared corpus.

    python -m benchmarks.fit_section_densities --data runs/prepared/pop909_cl-form [--write]

Looked at are the pieces that are not for test, as ``ritornello prepare --scheme form`` has written them: labels from
their structure level, notes from their note level. Means and deviations are those of the greatest likelihood
(``scipy.optimize``), over sections that state a label for the first time.

Shapes: N sections of a piece, T tokens, C channels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ritornello.data.prepared import PreparedLevel
from ritornello.generation.section_densities import KINDS, Densities, kinds_of
from ritornello.tokenizers.bars_conditions import SECTION_CHANNEL
from ritornello.tokenizers.bars_words import DURATION, FAMILY_V
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.structure import StructureTokenizer

TABLE = Path(__file__).parents[1] / "src" / "ritornello" / "generation" / "section_densities.json"
STYLE = "song"
LEAST_DEVIATION = 0.02
_Array = NDArray[np.float64]


class Piece(NamedTuple):
    """The sections of a piece."""

    labels: list[str]
    values_N: _Array
    """log2 of notes per quarter note."""

    @property
    def letters(self) -> list[str]:
        """Of the labels."""
        return [label[0] for label in self.labels]

    @property
    def first(self) -> list[int]:
        """For every section the first one with its label."""
        return [self.labels.index(label) for label in self.labels]


def main() -> None:
    """Prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder prepared with --scheme form")
    parser.add_argument("--write", action="store_true", help="write generation/section_densities.json")
    options = parser.parse_args()
    pieces = pieces_of(options.data, ("train", "validation"))
    found = fitted(pieces)
    print(f"{len(pieces)} pieces, {sum(len(piece.labels) for piece in pieces)} sections")
    print(json.dumps(found, indent=1))
    if options.write:
        table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
        TABLE.write_text(json.dumps({**table, STYLE: found}, indent=1) + "\n", encoding="utf-8")


def pieces_of(folder: Path, splits: Iterable[str]) -> list[Piece]:
    """The sections of all prepared pieces of these splits."""
    notes = PreparedLevel(folder, "bars_plan")
    return [piece_of(folder, entry.id) for entry in notes.entries if entry.split in splits]


def piece_of(folder: Path, name: str) -> Piece:
    """The sections of one prepared piece."""
    structure, notes = PreparedLevel(folder, "structure"), PreparedLevel(folder, "bars_plan")
    places = [next(n for n, entry in enumerate(level.entries) if entry.id == name) for level in (structure, notes)]
    scheme = StructureTokenizer()
    plan = scheme.decode(Tokens(structure.ids(places[0]), scheme.vocabulary.hash))
    row, sections = notes.row(places[1]), plan.sections or ()
    assert row.conditions is not None, "the level has conditions"
    # row t is told of the token after it, so a note stands in the section that its row before tells of
    told_T = row.conditions[:-1, SECTION_CHANNEL][FAMILY_V[row.ids[1:]] == DURATION]
    notes_N = np.bincount(told_T, minlength=len(sections) + 1)[1 : len(sections) + 1]
    per_bar = np.maximum(1, notes_N / np.array([section.bars for section in sections]))
    return Piece([section.label for section in sections], np.log2(per_bar / plan.bar_beats))


def fitted(pieces: Iterable[Piece]) -> dict[str, Any]:
    """The table."""
    all_pieces = list(pieces)
    rows = [(piece, sorted(set(piece.first))) for piece in all_pieces]
    used = [kind for kind in KINDS if any(kind in kinds_of(piece.letters) for piece in all_pieces)]

    def of(numbers: _Array) -> Densities:
        means, deviations = numbers[: len(used)], np.exp(numbers[len(used) :]) + LEAST_DEVIATION
        return Densities(dict(zip(used, means.tolist(), strict=True)), *deviations.tolist())

    def cost(numbers: _Array) -> float:
        usual = of(numbers)
        return sum(_nats(usual, piece, first) for piece, first in rows) / len(rows)

    begin = np.array([*(np.mean([*_of_kind(all_pieces, kind)]) for kind in used), *np.log([0.25, 0.1, 0.2])])
    best = of(cast("_Array", minimize(cost, begin, method="L-BFGS-B").x))
    return {
        "means": {kind: round(mean, 3) for kind, mean in best.means.items()},
        "piece": round(best.piece, 3),
        "letter": round(best.letter, 3),
        "section": round(best.section, 3),
    }


def _of_kind(pieces: Iterable[Piece], kind: str) -> Iterable[float]:
    for piece in pieces:
        yield from piece.values_N[np.array(kinds_of(piece.letters)) == kind].tolist()


def _nats(usual: Densities, piece: Piece, first: list[int]) -> float:
    """Of the values of a piece's new sections, as numbers."""
    kinds = kinds_of(piece.letters)
    root = np.linalg.cholesky(usual.covariance([piece.letters[place] for place in first]))
    apart = np.linalg.solve(root, piece.values_N[first] - [usual.means[kinds[place]] for place in first])
    return float(0.5 * apart @ apart + np.log(np.diag(root)).sum())


if __name__ == "__main__":
    main()
