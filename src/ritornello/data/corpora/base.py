"""What a corpus offers: its pieces, each with an identity, a split and a way to read it.

A new corpus is one file in this folder and one line in ``CORPORA``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ritornello.scores.score import Score

CHORALE_SCHEMES = ("chorale", "chorale_notes")
PERFORMANCE_SCHEMES = ("performance", "note_duration")
SCORE_SCHEMES = ("bars", "bars_even", "form", "form_structure")

Split: TypeAlias = Literal["train", "validation", "test", "unused"]
"""``unused``: a piece that shares its melody with a test piece, and is neither trained on nor tested."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a corpus.

    ``id`` is unique in the corpus. Pieces that share material (settings of one melody) share a
    ``group``; a corpus that keeps groups together says so in its docstring. ``split`` None leaves group
    and split to be found when all pieces have been read (``data/duplicates.py``). ``sha256`` is the hash
    of the source as it was read. ``load`` reads the piece, may raise UserError, and can be sent to
    another process.
    """

    id: str
    group: str
    split: Split | None
    sha256: str
    load: Callable[[], Score]


def none_absent(_root: Path | None) -> int:
    """For a corpus that is there as a whole, or whose size is not known."""
    return 0


@dataclass(frozen=True, slots=True)
class Corpus:
    """A named source of pieces.

    ``pieces(root)`` yields them in a fixed order; ``root`` is the folder that holds the corpora
    (None: the environment variable RITORNELLO_DATA). It raises UserError when the corpus is absent.
    ``schemes`` are the keys of ``SCHEMES`` that the corpus can be prepared as, the usual one first.
    ``source`` says where the corpus comes from: an address or a name.
    ``states_keys`` is false where the scores carry no key signatures: a transposition then leaves the
    header alone, so that it tells a model nothing. ``num_absent(root)`` counts the pieces that belong to
    the corpus and are not there.
    """

    name: str
    licence: str
    pieces: Callable[[Path | None], Iterator[Piece]]
    schemes: tuple[str, ...]
    source: str
    states_keys: bool = True
    num_absent: Callable[[Path | None], int] = none_absent
