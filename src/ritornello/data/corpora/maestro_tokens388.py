"""MAESTRO v3.0.0 as 388 performance tokens, all 1,276 performances in three arrays.

**Source**: MAESTRO v3.0.0 (``maestro.py``), encoded with the pedal folded in; below the data folder
as ``maestro-v3.0.0-tokens388``: ``index.csv`` and ``train.npy.xz``, ``validation.npy.xz``,
``test.npy.xz``, each one uint16 array of all its pieces without begin and end.
**Licence**: CC BY-NC-SA 4.0.
**Split**: the official one. A piece is decoded to a Score, at 10 ms. Its ``sha256`` is that of the
compressed array and its place therein, so that nothing need be unpacked to know it.
"""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.files import hash_of_file
from ritornello.data.corpora.maestro import SPLITS, composition, read_csv
from ritornello.errors import UserError
from ritornello.scores.score import Score
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.performance import BOS, END, PerformanceTokenizer

MAX_TOKENS = 2**27
"""In one array: four times the training split."""
_FIRST_EVENT = 3
"""The project's ids have padding, begin and end first."""
_NUM_EVENTS = 388
_NEEDED = ("split", "midi_filename", "canonical_composer", "canonical_title", "offset", "n_tokens")


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the performances in the order of the table; ids are the names of MAESTRO's files."""
    folder = corpus_folder(root, "maestro-v3.0.0-tokens388")
    rows = read_csv(folder / "index.csv", _NEEDED)
    hashes = {split: hash_of_file(folder / f"{split}.npy.xz") for split in SPLITS}
    for row in rows:
        try:
            start, length = int(row["offset"]), int(row["n_tokens"])
        except ValueError as error:
            raise UserError(f"not a number: {error}", where=str(folder / "index.csv")) from error
        split = row["split"]
        sha256 = hashlib.sha256(f"{hashes[split]} {start} {length}".encode()).hexdigest()
        load = partial(decoded, folder / f"{split}.npy.xz", start, length)
        yield Piece(row["midi_filename"], composition(row), SPLITS[split], sha256, load)


def decoded(path: Path, start: int, length: int) -> Score:
    """The piece whose tokens are ``start`` to ``start + length`` of the array."""
    events = _array(path)[start : start + length].astype(np.int64)
    if start < 0 or length < 1 or len(events) != length or events.max() >= _NUM_EVENTS:
        raise UserError("its tokens are not in the array", where=str(path), mend="copy the corpus again")
    tokenizer = PerformanceTokenizer()
    ids = np.concatenate([[BOS], events + _FIRST_EVENT, [END]])
    return tokenizer.decode(Tokens(ids, tokenizer.vocabulary.hash))


@lru_cache(maxsize=1)
def _array(path: Path) -> NDArray[np.uint16]:
    """The tokens of a split (N,); only the last one asked for is kept, 46 MB at most."""
    try:
        with lzma.open(path) as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise UserError("is not an array of tokens", where=str(path))
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if len(shape) != 1 or shape[0] > MAX_TOKENS or dtype != np.uint16:
                raise UserError("is not an array of tokens", where=str(path), limit=f"{MAX_TOKENS} tokens of 16 bits")
            return np.frombuffer(file.read(2 * shape[0]), dtype=np.uint16)
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"cannot be read: {error}", where=str(path), mend="copy the corpus again") from error


MAESTRO_TOKENS388 = Corpus(
    "maestro_tokens388",
    "CC BY-NC-SA 4.0",
    pieces,
    PERFORMANCE_SCHEMES,
    "https://magenta.withgoogle.com/datasets/maestro (as tokens)",
)
