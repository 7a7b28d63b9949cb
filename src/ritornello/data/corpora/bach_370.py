"""Bach's 370 four-part chorales as Humdrum kern, edited by Craig Sapp after the Breitkopf edition.

**Source**: github.com/craigsapp/bach-370-chorales. **Licence**: CC BY-NC-SA 4.0, so no weights that
the project ships are trained on it. Fermatas in every piece, ties kept, repeats given as expansion
lists and unfolded here.
**Split**: the project's own, by chorale number: 320-370 are the test pieces; earlier chorales on one
of their melodies are unused; about one melody in twelve is for validation (``chorale_table.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import CHORALE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.chorale_table import chorale_table
from ritornello.errors import UserError
from ritornello.scores.kern import read_kern


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the chorales by number; ids are ``chor001`` to ``chor371`` (one number is missing)."""
    folder = corpus_folder(root, "bach-370-chorales") / "kern"
    for name, (group, split) in chorale_table("bach_370").items():
        path = folder / f"{name}.krn"
        if not path.is_file():
            raise UserError("a chorale is missing", where=str(path), mend="copy the archive again")
        yield Piece(name, group, split, hashlib.sha256(path.read_bytes()).hexdigest(), partial(read_kern, path))


BACH_370 = Corpus(
    "bach_370", "CC BY-NC-SA 4.0", pieces, CHORALE_SCHEMES, "https://github.com/craigsapp/bach-370-chorales"
)
