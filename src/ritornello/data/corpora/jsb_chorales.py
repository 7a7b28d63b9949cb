"""JSB chorales: 382 four-part chorales on a grid of 16ths, the field's common benchmark.

**Source**: Boulanger-Lewandowski et al. (ICML 2012); the grid of 16ths with separate voices from
github.com/czhuang/JSB-Chorales-dataset, file ``Jsb16thSeparated.json``.
**Licence**: none stated for the encoding; the music is in the public domain.
**Split**: the canonical 229 / 76 / 77 pieces, kept as it is so that figures can be compared. It does
share melodies between training and test: settings of one chorale melody stand on both sides.
**What it lacks**: metre, key signature, fermatas, and the difference between a held and a repeated
note. Every piece is read as 4/4 in C without pickup, and a pitch that stays is a held note.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import CHORALE_SCHEMES, Corpus, Piece, Split
from ritornello.errors import UserError
from ritornello.scores.score import KeySignature, Notes, Part, Score

TICKS_PER_BEAT = 480
_FRAME_TICKS = TICKS_PER_BEAT // 4
_SPLITS: dict[str, Split] = {"train": "train", "valid": "validation", "test": "test"}
_VOICES = ("Soprano", "Alto", "Tenor", "Bass")
_REST = -1

Frames = tuple[tuple[int, int, int, int], ...]


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the pieces in the order of the file, training first."""
    path = corpus_folder(root, "jsb-chorales") / "Jsb16thSeparated.json"
    try:
        content = json.loads(path.read_bytes())
        splits = {name: [_frames(piece) for piece in content[name]] for name in _SPLITS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"not the JSB chorales: {error}", where=str(path)) from error
    for name, split in _SPLITS.items():
        for index, frames in enumerate(splits[name]):
            piece_id = f"{name}-{index:03d}"
            sha256 = hashlib.sha256(json.dumps(frames).encode()).hexdigest()
            yield Piece(piece_id, piece_id, split, sha256, partial(score_from_frames, frames, piece_id))


def score_from_frames(frames: Frames, title: str = "") -> Score:
    """Four parts from pitches per 16th (soprano, alto, tenor, bass; -1 = rest); a repeated pitch is held."""
    parts = tuple(Part(name, _notes([frame[v] for frame in frames]), program=52) for v, name in enumerate(_VOICES))
    unknown = KeySignature(0, 0, "major")  # the same for every piece, so that it tells nothing
    return Score(TICKS_PER_BEAT, parts, keys=(unknown,), title=title, closing_ticks=len(frames) * _FRAME_TICKS)


def _frames(piece: list[list[int]]) -> Frames:
    frames = tuple((int(s), int(a), int(t), int(b)) for s, a, t, b in piece)
    if not all(pitch == _REST or 0 < pitch < 128 for frame in frames for pitch in frame):
        raise ValueError("a pitch lies outside 1-127")
    return frames


def _notes(pitches: list[int]) -> Notes:
    borders = [i for i in range(len(pitches) + 1) if i in {0, len(pitches)} or pitches[i] != pitches[i - 1]]
    spans = pairwise(borders)
    rows = [(a * _FRAME_TICKS, (b - a) * _FRAME_TICKS, pitches[a], 80) for a, b in spans if pitches[a] != _REST]
    return Notes.of(rows)


JSB_CHORALES = Corpus(
    "jsb_chorales",
    "none stated (music: public domain)",
    pieces,
    CHORALE_SCHEMES,
    "https://github.com/czhuang/JSB-Chorales-dataset",
    states_keys=False,
)
