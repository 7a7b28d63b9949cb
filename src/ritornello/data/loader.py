"""Loader: batches of a prepared level as a pure function of (seed, step).

The loader's whole state is the step. Each epoch holds every piece once, in batches of like length;
how many sequences each batch holds is fixed by the lengths, so every epoch has equally many
batches and the step alone says epoch and place. Pieces are transposed and their plans hidden on
the fly.
"""

from __future__ import annotations

import numpy as np

from ritornello.data.batch import Batch
from ritornello.data.form_levels import NOTES as NOTES_OF_FORM
from ritornello.data.prepared import PreparedLevel, batch_sizes
from ritornello.data.rows import Row, collate, cropped_frames, truncated
from ritornello.data.transposition import BarsTransposer, Transposer
from ritornello.errors import UserError
from ritornello.scores.score import IntArray

_LENGTH_JITTER = 0.15
"""Lengths are sorted after multiplication by 1 +- this, so that batches differ between epochs."""


class Loader:
    """Training batches."""

    def __init__(
        self,
        data: PreparedLevel,
        *,
        seed: int,
        batch_tokens: int,
        crop_tokens: int | None = None,
        transpose: tuple[int, int] = (0, 0),
        hide_plan: float = 0.0,
    ) -> None:
        """See ``training.recipe.DataOptions`` for the arguments; raises UserError without training pieces."""
        self.data, self.seed, self.hide_plan = data, seed, hide_plan
        self.pieces = np.array(data.of_split("train"))
        if not len(self.pieces):
            raise UserError("there is no piece to train on", where=data.corpus)
        lengths: IntArray = np.array([data.entries[int(i)].length for i in self.pieces])
        self.lengths: IntArray = lengths if crop_tokens is None else np.minimum(lengths, crop_tokens)
        self.batch_sizes = batch_sizes(np.sort(self.lengths), batch_tokens)
        self.transposer: Transposer | BarsTransposer | None = None
        if transpose != (0, 0):
            if data.name not in ("notes", NOTES_OF_FORM):
                raise UserError("only notes can be transposed; plans are relative to their key", where="data.transpose")
            is_form = data.name == NOTES_OF_FORM
            self.transposer = (
                BarsTransposer(*transpose) if is_form else Transposer(*transpose, states_keys=data.states_keys)
            )
            self.choices = self.transposer.choices([data.row(int(i)).ids for i in self.pieces])

    @property
    def batches_per_epoch(self) -> int:
        """Steps in which each piece comes once."""
        return len(self.batch_sizes)

    def batch(self, step: int) -> Batch:
        """The batch of step ``step`` (0 = the first)."""
        epoch, place = divmod(step, self.batches_per_epoch)
        members = self._epoch(epoch)[place]
        random = np.random.default_rng([self.seed, 1, step])
        rows = [self._row(int(member), random) for member in members]
        return collate(rows, tuple(int(self.pieces[member]) for member in members))

    def _epoch(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng([self.seed, 0, epoch])
        jittered = self.lengths * random.uniform(1 - _LENGTH_JITTER, 1 + _LENGTH_JITTER, len(self.lengths))
        batches = np.split(np.argsort(jittered, kind="stable"), np.cumsum(self.batch_sizes)[:-1])
        return [batches[i] for i in random.permutation(len(batches))]

    def _row(self, member: int, random: np.random.Generator) -> Row:
        row, length = self.data.row(int(self.pieces[member])), int(self.lengths[member])
        if len(row.ids) > length:
            row = cropped_frames(row, length, random) if self.data.name == "notes" else truncated(row, length)
        if self.transposer is not None:
            row = self.transposer.move(row, int(random.choice(self.choices[member])))
        if row.conditions is not None and random.random() < self.hide_plan:
            row = row.without_plan()
        return row
