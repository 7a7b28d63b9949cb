"""Which chorale belongs to which melody and which side, for every corpus that has Bach's chorales.

``chorale_table.json`` is made by ``benchmarks/group_chorales.py`` with the rules of ``splits.py``,
over all corpora at once. It is kept with the code so that a user who has only one of the corpora
trains on the same pieces: none whose melody occurs among the test pieces, chorales 320-370 of
``bach_370``.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ritornello.data.corpora.base import Split


class Place(NamedTuple):
    """Melody group and side of a piece."""

    group: str
    split: Split


@cache
def chorale_table(corpus: str) -> dict[str, Place]:
    """Piece -> place, in the order of the corpus."""
    content = json.loads(files("ritornello.data.corpora").joinpath("chorale_table.json").read_text(encoding="utf-8"))
    return {piece: Place(*place) for piece, place in content[corpus].items()}
