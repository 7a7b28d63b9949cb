"""WindowLoader: windows of performances as a pure function of (seed, step).

The loader's whole state is the step. A global batch has ``world`` times as many rows as one process
reads; row number r is drawn from (seed, step, r) alone, and process ``rank`` takes the rows ``rank``,
``rank + world`` and so on. So two processes together see what one sees with twice the batch.

**What is drawn.** All segments of all training pieces (``segmentation.py``) are equally likely, with
replacement. Under ``random_start`` every token of the training split is then equally likely to be a
target. Windows that hang over the border of a piece are short, and padded at their end.

**Augmentation** is done on the tokens of a window: a transposition (of those that keep its pitches
on the keyboard), a factor of time, a change of velocity, each drawn evenly. To
leave enough after a compression of time, the segment is read a little longer and then cut to its
length; so with time factors the fairness above holds up to the few tokens that these add or remove.

**Grammar.** BOS and END stand in a window only where the piece begins and ends. A window that begins
inside a piece keeps the NOTE_OFFs of notes that began before it, and its velocity is unknown until
the next VELOCITY token: the model learns to go on from the middle.
"""

from __future__ import annotations

import numpy as np

from ritornello.data.batch import Batch
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import Row, collate
from ritornello.data.segmentation import SEGMENTATIONS
from ritornello.errors import UserError
from ritornello.scores.score import IntArray
from ritornello.tokenizers.performance_changes import stretched, transposed_at_random, with_velocity

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
        segmentation: str = "random_start",
        transpose: tuple[int, int] = (0, 0),
        stretch: tuple[float, ...] = (),
        velocity: int = 0,
    ) -> None:
        """Loads nothing yet.

        Args:
            data: a level of performances.
            seed: any number, at least 0.
            batch_tokens: predicted tokens that one process reads at once; at least one window is read.
            window_tokens: predicted tokens of a window, which has one id more.
            segmentation: a key of ``SEGMENTATIONS``.
            transpose: lowest and highest transposition in semitones.
            stretch: factors of time; none = as played.
            velocity: up to so many velocity bins louder or softer.

        Raises:
            UserError: no training piece, no such segmentation, or augmentation of a scheme that has none.
        """
        if segmentation not in SEGMENTATIONS:
            mend = f"one of {', '.join(SEGMENTATIONS)}"
            raise UserError(f"no such segmentation: {segmentation!r}", where="data.segmentation", mend=mend)
        self.changes = transpose != (0, 0) or bool(stretch) or velocity > 0
        if self.changes and data.name != "performance":
            mend = "leave out transpose, stretch and velocity"
            raise UserError(f"{data.name} tokens cannot be changed on the fly", where="data", mend=mend)
        self.data, self.seed, self.window_tokens = data, seed, window_tokens
        self.rows_per_process = max(1, batch_tokens // window_tokens)
        self.segmentation = SEGMENTATIONS[segmentation]
        self.transpose, self.stretch, self.velocity = transpose, stretch or (1.0,), velocity
        self.pieces = np.array(data.of_split("train"))
        if not len(self.pieces):
            raise UserError("there is no piece to train on", where=data.corpus)
        lengths = [data.entries[int(piece)].length for piece in self.pieces]
        places: IntArray = np.array([self.segmentation.places(length, window_tokens) for length in lengths])
        self.places: IntArray = np.cumsum(places)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The rows of process ``rank`` of ``world`` in step ``step`` (0 = the first)."""
        numbers = range(rank, self.rows_per_process * world, world)
        drawn = [self._row(step, number) for number in numbers]
        return collate([row for row, _ in drawn], tuple(piece for _, piece in drawn))

    def _row(self, step: int, number: int) -> tuple[Row, int]:
        random = np.random.default_rng([self.seed, step, number])
        place = int(random.integers(int(self.places[-1])))
        member = int(np.searchsorted(self.places, place, side="right"))
        before = int(self.places[member - 1]) if member else 0
        piece = int(self.pieces[member])
        length = self.data.entries[piece].length
        segment = self.segmentation.segment(length, self.window_tokens, place - before)
        size = segment.stop - segment.start
        ahead = int(size * _READ_AHEAD) if self.stretch != (1.0,) else 0
        ids = self.data.ids(piece, segment.start, min(length, segment.stop + ahead))
        if self.changes:
            ids = self._changed(ids, random)[:size]
        return Row(ids, np.arange(len(ids)) > 0), piece

    def _changed(self, ids: IntArray, random: np.random.Generator) -> IntArray:
        ids = transposed_at_random(ids, self.transpose, random)
        factor = self.stretch[int(random.integers(len(self.stretch)))]
        bins = int(random.integers(-self.velocity, self.velocity + 1))
        ids = stretched(ids, factor) if factor != 1 else ids
        return with_velocity(ids, bins) if bins else ids
