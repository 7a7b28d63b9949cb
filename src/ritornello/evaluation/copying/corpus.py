"""From a training corpus to its index (``index.py``): prepared data, or a folder of music.

Of prepared data the training split is taken, and of a corpus with a split of its own (MAESTRO with its table);
otherwise everything. Prepared performances are read from their tokens alone, without making scores of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ritornello.data.corpora import corpus_named
from ritornello.data.corpora.base import Piece
from ritornello.data.layout import INDEX as PREPARED
from ritornello.data.layout import read_index
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.evaluation.copying.files import check_free, open_index, read_header, save_index
from ritornello.evaluation.copying.index import Heard, Index
from ritornello.evaluation.recurrence import note_events
from ritornello.evaluation.timeline import Timeline
from ritornello.tokenizers.bars import BarsTokenizer
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.chorale import ChoraleTokenizer
from ritornello.tokenizers.note_duration import NoteDurationTokenizer
from ritornello.tokenizers.performance import PerformanceTokenizer

_EVENT_SCHEMES = {scheme.vocabulary.hash: scheme for scheme in (PerformanceTokenizer, NoteDurationTokenizer)}
_WRITTEN_SCHEMES = {scheme.vocabulary.hash: scheme for scheme in (ChoraleTokenizer(), BarsTokenizer())}


class _Source(NamedTuple):
    """A corpus that is not read yet."""

    made_of: str
    pieces: Callable[[], Sequence[Callable[[], Heard]]]
    """How each piece is read, which may raise UserError."""


def open_or_build(
    corpus: Path, cache: Path | None = None, *, on_progress: Callable[[int, int], None] | None = None
) -> Index:
    """The index of a corpus: the one in ``cache`` if it was made of just these pieces, or else a new one, kept there.

    Args:
        corpus: prepared data, or a folder of music (or an archive of one).
        cache: folder for the index; None = it is not kept.
        on_progress: told how many pieces of how many are read.

    Raises:
        UserError: there is no such corpus or no music in it, or ``cache`` holds something else than an index.
    """
    source = _prepared(corpus) if (corpus / PREPARED).is_file() else _music(corpus)
    if cache is not None:
        check_free(cache)
        try:
            if read_header(cache).get("made_of") == source.made_of:
                return open_index(cache)
        except UserError:
            pass  # there is none yet, or it is damaged or of an older format: it is made anew
    index = _build(source, on_progress or (lambda _done, _all: None))
    if not index.num_notes:
        what = f"holds no music: {index.refused[0]}" if index.refused else "holds no music"
        raise UserError(what, where=str(corpus), mend="name the data that the model was trained on")
    if cache is not None:
        save_index(index, cache)
    return index


def _build(source: _Source, on_progress: Callable[[int, int], None]) -> Index:
    refused: list[str] = []
    pieces = source.pieces()

    def heard() -> Iterator[Heard]:
        for number, read in enumerate(pieces, start=1):
            try:
                yield read()
            except UserError as error:
                refused.append(str(error))
            on_progress(number, len(pieces))

    return Index.of(heard(), refused=refused, made_of=source.made_of)


def _prepared(folder: Path) -> _Source:
    """The training split of prepared data."""
    facts = read_index(folder)
    for level, about in facts["levels"].items():
        if about["vocabulary_hash"] in _READERS:
            made_of = _hash_of([level, about.get("sha256"), facts.get("pieces_sha256")])
            return _Source(made_of, partial(_prepared_pieces, folder, level))
    raise UserError("its tokens are of no known scheme", where=str(folder), mend="prepare it again")


def _prepared_pieces(folder: Path, level: str) -> list[Callable[[], Heard]]:
    data = PreparedLevel(folder, level)
    return [partial(_READERS[data.vocabulary_hash], data, number) for number in data.of_split("train")]


def _music(path: Path) -> _Source:
    """The pieces of a folder, or those for training if it tells which they are."""
    pieces = [piece for piece in corpus_named(str(path)).pieces(None) if piece.split in {"train", None}]
    made_of = _hash_of([[piece.id, piece.sha256] for piece in pieces])
    return _Source(made_of, lambda: [partial(_read, piece) for piece in pieces])


def _read(piece: Piece) -> Heard:
    return Heard.of(_name(piece.group, piece.id), Timeline.of(piece.load()))


def _read_events(data: PreparedLevel, number: int) -> Heard:
    scheme, ids = _EVENT_SCHEMES[data.vocabulary_hash], data.ids(number)
    notes = note_events(ids, scheme.strikes_V, scheme.seconds_V)
    onset_seconds = np.cumsum(scheme.seconds_V[ids])[notes.token]
    first = onset_seconds.min() if len(onset_seconds) else 0.0
    entry = data.entries[number]
    return Heard(_name(entry.group, entry.id), notes.pitch, onset_seconds - first)


def _read_written(data: PreparedLevel, number: int) -> Heard:
    entry = data.entries[number]
    score = _WRITTEN_SCHEMES[data.vocabulary_hash].decode(Tokens(data.ids(number), data.vocabulary_hash))
    return Heard.of(_name(entry.group, entry.id), Timeline.of(score, written=True))


_READERS: dict[str, Callable[[PreparedLevel, int], Heard]] = {
    **dict.fromkeys(_EVENT_SCHEMES, _read_events),
    **dict.fromkeys(_WRITTEN_SCHEMES, _read_written),
}
"""By the hash of their vocabulary, how the tokens of a level are read."""


def _name(group: str, piece: str) -> str:
    """What the reader of a report is told: the composition, where it has a name, and the file."""
    return piece if group == piece else f"{group} ({piece})"


def _hash_of(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
