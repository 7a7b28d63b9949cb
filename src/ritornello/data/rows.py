"""One sequence on its way into a batch: read, cut, made one of many.

Shapes: T tokens, C condition channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ritornello.data.batch import Batch
from ritornello.scores.score import IntArray
from ritornello.tokenizers.chorale import FIRST_PITCH, FRAME_TOKENS, HOLD, REST, ChoraleTokenizer
from ritornello.tokenizers.metres import METRE_TOKENS, METRES, bar_frames

NO_SOURCE = -1
_FIRST_METRE = ChoraleTokenizer.vocabulary.ids[METRE_TOKENS[0]]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """ids (T,), scored (T,), conditions (T, C) and source (T,), the last two None without a plan.

    The first ``place_channels`` conditions are no plan's: they say where in the bar a token stands.
    """

    ids: IntArray
    scored: NDArray[np.bool_]
    conditions: IntArray | None = None
    source: IntArray | None = None
    place_channels: int = 0

    def without_plan(self) -> Row:
        """The same row with all that is said by the plan unknown."""
        conditions = None
        if self.conditions is not None:
            conditions = self.conditions.copy()
            conditions[:, self.place_channels :] = 0
        source = None if self.source is None else np.full_like(self.source, NO_SOURCE)
        return replace(self, conditions=conditions, source=source)


def truncated(row: Row, length: int) -> Row:
    """The first ``length`` tokens."""
    conditions, source = (None if column is None else column[:length] for column in (row.conditions, row.source))
    return replace(row, ids=row.ids[:length], scored=row.scored[:length], conditions=conditions, source=source)


def cropped_frames(row: Row, length: int, random: np.random.Generator) -> Row:
    """A random passage of a chorale in at most ``length`` tokens: the header, then whole frames.

    A passage starts as far before a barline as the piece does, so that the header's pickup holds, and
    not after a change of metre, so that its metre holds. Unless it is the beginning, its first frame
    strikes what is held there and is not scored.
    """
    num_frames = len(row.ids) // FRAME_TOKENS - 1
    kept = max(1, length // FRAME_TOKENS - 1)
    marks = row.ids[FRAME_TOKENS::FRAME_TOKENS]
    changes = np.flatnonzero((marks >= _FIRST_METRE) & (marks < _FIRST_METRE + len(METRES)))
    last = min(num_frames - kept, int(changes[0]) if len(changes) else num_frames)
    step = bar_frames(METRES[int(row.ids[1]) - _FIRST_METRE])
    start = step * int(random.integers(0, max(0, last) // step + 1))
    end = FRAME_TOKENS * (1 + kept)
    return truncated(row, end) if start == 0 else truncated(_moved_to(row, start), end)


def _moved_to(row: Row, start_frame: int) -> Row:
    """The header, and the piece from ``start_frame`` on."""
    shift = FRAME_TOKENS * start_frame
    ids = np.concatenate([row.ids[:FRAME_TOKENS], row.ids[FRAME_TOKENS + shift :]])
    ids[FRAME_TOKENS + 1 : 2 * FRAME_TOKENS] = _sounding(row.ids, start_frame)
    scored = np.concatenate([row.scored[:FRAME_TOKENS], row.scored[FRAME_TOKENS + shift :]])
    scored[: 2 * FRAME_TOKENS] = False
    before = FRAME_TOKENS - 1  # row t speaks of token t + 1, so the header's last row already belongs to the passage
    conditions = source = None
    if row.conditions is not None:
        conditions = np.concatenate([row.conditions[:before], row.conditions[before + shift :]])
    if row.source is not None:
        moved = row.source - shift
        moved[moved < FRAME_TOKENS] = NO_SOURCE
        source = np.concatenate([row.source[:before], moved[before + shift :]])
    return Row(ids, scored, conditions, source)


def _sounding(ids: IntArray, frame: int) -> list[int]:
    """The token of the four voices at ``frame``, with holds replaced by what is held."""
    upto = ids[: FRAME_TOKENS * (frame + 2)].reshape(-1, FRAME_TOKENS)[1:]
    tokens: list[int] = []
    for voice in range(1, FRAME_TOKENS):
        struck = np.flatnonzero(upto[:, voice] != HOLD)
        tokens.append(int(upto[struck[-1], voice]) if len(struck) else REST)
    return tokens


def pitch_ranges(pieces: Sequence[IntArray]) -> IntArray:
    """Lowest and highest pitch token of each voice in each piece, (pieces, voices, 2); a silent voice has 0, 0."""
    ranges = np.zeros((len(pieces), FRAME_TOKENS - 1, 2), dtype=np.int64)
    for piece, ids in enumerate(pieces):
        voices = np.asarray(ids, dtype=np.int64).reshape(-1, FRAME_TOKENS)[1:, 1:]
        for voice, column in enumerate(voices.T):
            pitches = column[column >= FIRST_PITCH]
            if len(pitches):
                ranges[piece, voice] = pitches.min(), pitches.max()
    return ranges


def collate(rows: Sequence[Row], pieces: tuple[int, ...] = ()) -> Batch:
    """Rows as one batch, padded at their ends to the longest."""
    length = max(len(row.ids) for row in rows)
    first = rows[0]
    return Batch(
        ids_BT=_padded([row.ids for row in rows], length, 0),
        scored_BT=_padded([row.scored for row in rows], length, 0),
        channels_BTC=None if first.conditions is None else _padded([row.conditions for row in rows], length, 0),
        source_BT=None if first.source is None else _padded([row.source for row in rows], length, NO_SOURCE),
        pieces=pieces,
        place_channels=first.place_channels,
    )


def by_context(batch: Batch) -> list[tuple[Tensor, Batch]]:
    """Rows with equally long contexts together: their contexts (B, C), and what follows, cut after its last target."""
    parts: list[tuple[Tensor, Batch]] = []
    for context in sorted(set(batch.context_tokens)):
        rows = [row for row, its in enumerate(batch.context_tokens) if its == context]
        ids_BT, scored_BT = batch.ids_BT[rows], batch.scored_BT[rows]
        stop = int(scored_BT.any(dim=0).nonzero()[-1]) + 1
        pieces = tuple(batch.pieces[row] for row in rows)
        rest = Batch(ids_BT[:, context:stop], scored_BT[:, context:stop], None, None, pieces)
        parts.append((ids_BT[:, :context], rest))
    return parts


def _padded(columns: Sequence[NDArray[np.generic] | None], length: int, fill: int) -> Tensor:
    arrays = [column for column in columns if column is not None]
    assert len(arrays) == len(columns), "all rows of a batch have conditions, or none"
    table = np.full((len(arrays), length, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
    for row, array in zip(table, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(table)  # pyright: ignore[reportUnknownMemberType]
