"""WindowLoader: windows of performances as a pure function of (seed, step).

The loader's whole state is the step. A global batch has ``world`` times as many rows as one process
reads; row number r is drawn from (seed, step, r) alone, and process ``rank`` takes the rows ``rank``,
``rank + world`` and so on. So two processes together see what one sees with twice the batch.

**What is drawn.** All segments of all training pieces (``segmentation.py``) are equally likely, with
replacement. Under ``random_start`` every token of the training split is then equally likely to be a
target. Windows that hang over the border of a piece are short, and padded at their end; before a
window stands as much context as there is, up to ``context_tokens``, which is only heard.

**Augmentation** is done on the tokens of a window: a transposition (of those that keep its pitches
on the keyboard), a factor of time, a change of velocity, each drawn evenly. To
leave enough after a compression of time, the segment is read a little longer and then cut to its
length (if it is still too short, its context is); so with time factors the fairness above holds up
to the few tokens that these add or remove.

**Grammar.** BOS and END stand in a window only where the piece begins and ends. A window that begins
inside a piece keeps the NOTE_OFFs of notes that began before it, and its velocity is unknown until
the next VELOCITY token: the model learns to go on from the middle.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ritornello.data.augmentation import Augmentation
from ritornello.data.batch import Batch
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import Row, collate
from ritornello.data.segmentation import SEGMENTATIONS
from ritornello.errors import UserError
from ritornello.scores.score import IntArray

_AS_PLAYED = Augmentation()
_READ_AHEAD = 1 / 8
"""Share of a segment that is read beyond its end when time is stretched."""


class WindowLoader:
    """Training batches of windows."""

    def __init__(
        self,
        data: PreparedLevel,
        *,
        seed: int,
        batch_tokens: int,
        window_tokens: int,
        context_tokens: int = 0,
        segmentation: str = "random_start",
        augmentation: Augmentation = _AS_PLAYED,
    ) -> None:
        """Loads nothing yet.

        Args:
            data: a level of performances.
            seed: any number, at least 0.
            batch_tokens: predicted tokens that one process reads at once; at least one window is read.
            window_tokens: predicted tokens of a window, which has one id more.
            context_tokens: most ids before a window.
            segmentation: a key of ``SEGMENTATIONS``.
            augmentation: what is changed in a window.

        Raises:
            UserError: no training piece, no such segmentation, or augmentation of a scheme that has none.
        """
        if segmentation not in SEGMENTATIONS:
            mend = f"one of {', '.join(SEGMENTATIONS)}"
            raise UserError(f"no such segmentation: {segmentation!r}", where="data.segmentation", mend=mend)
        augmentation.check(data.name)
        self.data, self.seed, self.window_tokens, self.context_tokens = data, seed, window_tokens, context_tokens
        self.rows_per_process = max(1, batch_tokens // window_tokens)
        self.segmentation = SEGMENTATIONS[segmentation]
        self.augmentation = augmentation
        self.pieces = np.array(data.of_split("train"))
        if not len(self.pieces):
            raise UserError("there is no piece to train on", where=data.corpus)
        lengths = [data.entries[int(piece)].length for piece in self.pieces]
        count = self.segmentation.places
        places: IntArray = np.array([count(length, window_tokens, context_tokens) for length in lengths])
        self.places: IntArray = np.cumsum(places)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The rows of process ``rank`` of ``world`` in step ``step`` (0 = the first)."""
        numbers = range(rank, self.rows_per_process * world, world)
        drawn = [self._row(step, number) for number in numbers]
        batch = collate([row for row, _ in drawn], tuple(piece for _, piece in drawn))
        if not self.context_tokens:
            return batch
        return replace(batch, context_tokens=tuple(int(row.scored.argmax()) - 1 for row, _ in drawn))

    def _row(self, step: int, number: int) -> tuple[Row, int]:
        random = np.random.default_rng([self.seed, step, number])
        place = int(random.integers(int(self.places[-1])))
        member = int(np.searchsorted(self.places, place, side="right"))
        before = int(self.places[member - 1]) if member else 0
        piece = int(self.pieces[member])
        length = self.data.entries[piece].length
        segment = self.segmentation.segment(length, self.window_tokens, self.context_tokens, place - before)
        size, num_targets = segment.stop - segment.start, segment.stop - segment.scored_from
        ahead = int(size * _READ_AHEAD) if self.augmentation.stretch else 0
        ids = self.data.ids(piece, segment.start, min(length, segment.stop + ahead))
        if self.augmentation.changes:
            ids = self.augmentation.of(ids, random, self.data.name)[:size]
        return Row(ids, np.arange(len(ids)) >= max(1, len(ids) - num_targets)), piece
