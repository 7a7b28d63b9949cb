"""How often the home key that analysis finds in long pieces is the one that people state.

    python benchmarks/home_keys.py [--every N]

Needs RITORNELLO_DATA with ``dcml-bach-suites``, ``dcml-bach-solo``, ``mutopia-scores``, ``pop909-cl`` and ``pop909``;
about five minutes, ``--every 4`` takes every fourth piece. Pieces that are read as chorales are left out.

What people state is the first local key that musicologists have written on a movement (DCML), which is its home, and
the key signature where it tells the mode: of the typesetter (Mutopia) or of those who corrected POP909. *last bass* is
the rule for chorales: the tonic is the bass note on which the piece ends. Where the signature is the truth it is taken
out of the score, so that no rule sees it; *with signature* hears its accidentals, which leave two keys.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.dcml_bach import movements
from ritornello.errors import UserError
from ritornello.form import analyse as analysis
from ritornello.form.key import Key
from ritornello.form.keys import home_key, key_number
from ritornello.scores.score import KeySignature, Score


class Piece(NamedTuple):
    """A score whose key signature has no mode, and its home key (0-23)."""

    score: Score
    home: int


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Compares home keys with those that people state.")
    parser.add_argument("--every", type=int, default=1, help="take every Nth piece")
    every = parser.parse_args().every
    print("| test pieces | pieces | last bass | found | with signature |\n|---|---|---|---|---|")
    for name, pieces in SOURCES.items():
        rows = [row for piece in islice(pieces(), 0, None, every) if (row := judged(piece)) is not None]
        shares = " | ".join(f"{sum(column) / len(rows):.1%}" for column in zip(*rows, strict=True))
        print(f"| {name} | {len(rows)} | {shares} |", flush=True)


def judged(piece: Piece) -> tuple[bool, bool, bool] | None:
    """Whether each rule finds the home key; None for what is read as a chorale or cannot be analysed."""
    try:
        unsigned = replace(piece.score, keys=())
        found = analysis.analyse_harmony(unsigned)
        if not found.passages:
            return None
        candidates = analysis.candidates_of(
            analysis.evidence_of(found.frames, [s for p in found.harmony for s in p.slots])
        )
        fits = analysis.key_fits(candidates)
        signed = analysis.home_key_of_long(piece.score, found.frames, fits, len(candidates.state))
    except UserError:
        return None
    return home_key(unsigned, found.frames, fits) == piece.home, found.home == piece.home, signed == piece.home


def _movements() -> Iterator[Piece]:
    for movement in movements(test=True):
        yield Piece(movement.score, movement.keys[0].number)


def _signed(corpus: str) -> Iterator[Piece]:
    """The test pieces whose first signature tells the mode."""
    for piece in CORPORA[corpus].pieces(None):
        if piece.split != "test":
            continue
        try:
            score = piece.load()
        except UserError:
            continue
        stated = score.keys[0] if score.keys else None
        if stated is not None and stated.mode is not None:
            home = key_number(Key.from_fifths(stated.fifths, stated.mode))
            yield Piece(replace(score, keys=(KeySignature(0, stated.fifths),)), home)


SOURCES: dict[str, Callable[[], Iterator[Piece]]] = {
    "DCML suites and solo works": _movements,
    "bach_mutopia": lambda: _signed("bach_mutopia"),
    "pop909_cl": lambda: _signed("pop909_cl"),
}


if __name__ == "__main__":
    main()
