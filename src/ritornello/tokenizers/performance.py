"""The performance scheme: what the hands of a pianist do, in the order of time.

    BOS ( TIME_SHIFT* NOTE_OFF* ( [VELOCITY] NOTE_ON )* )* END

388 events: NOTE_ON and NOTE_OFF of 128 pitches, TIME_SHIFT of 1 to 100 steps of 10 ms, VELOCITY in 32 bins, written
only where it changes. A longer wait is as many shifts of 100 as go into it, and the rest. Within one instant, first the
notes end, in the order in which they began, then the new ones begin, in the order in which they were played.
``performance_grid`` says how a Score comes onto the grid; ``decode(encode(score))`` is the Score on the grid.

**Source**: Oore, Simon, Dieleman, Eck and Simonyan, "This time with feeling" (arXiv 1808.03715), section 3.2, and the
order of events of Magenta's ``performance_lib``. **Departures**: none; Magenta's NoteSequence reader rounds half a step
up too, and drops a VELOCITY that repeats the last one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.scores import limits
from ritornello.scores.score import Score
from ritornello.tokenizers.base import Tokens, check_vocabulary, mask_after
from ritornello.tokenizers.performance_events import (
    BOS,
    END,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    TIME_SHIFT,
    VELOCITY,
    VOCABULARY,
    Passage,
    read_events,
    write_events,
)
from ritornello.tokenizers.performance_grid import MAX_STEPS, NUM_PITCHES, STEPS_PER_SECOND, grid_notes, score_of

__all__ = ["BOS", "END", "MAX_SHIFT", "NOTE_OFF", "NOTE_ON", "PAD", "TIME_SHIFT", "VELOCITY", "PerformanceTokenizer"]


class PerformanceTokenizer:
    """Performances to events and back."""

    name = "performance"
    vocabulary = VOCABULARY
    seconds_V = np.zeros(len(VOCABULARY))
    seconds_V[TIME_SHIFT + 1 : VELOCITY] = np.arange(1, MAX_SHIFT + 1) / STEPS_PER_SECOND
    """By how much each token moves the clock."""
    strikes_V = np.zeros(len(VOCABULARY), dtype=np.bool_)
    strikes_V[NOTE_ON:NOTE_OFF] = True
    """Which tokens begin a note."""
    ends_V = np.full(len(VOCABULARY), -1)
    ends_V[NOTE_OFF : TIME_SHIFT + 1] = np.arange(NOTE_ON, NOTE_OFF)
    """Which token began the note that a token ends."""

    def encode(self, music: Score) -> Tokens:
        """Score to tokens, from BOS to END; raises UserError when it breaks the limits on notes and hours."""
        return Tokens(write_events(Passage.whole(grid_notes(music))), self.vocabulary.hash)

    def decode(self, tokens: Tokens) -> Score:
        """Tokens to a Score of one part at 10 ms; what still sounds at the end ends there.

        Fragments are read as well: a NOTE_OFF of a silent pitch says nothing, a NOTE_ON of a sounding one strikes it
        again, and a note before any VELOCITY has bin 16. Raises UserError for other ids or too much music.
        """
        check_vocabulary(tokens, self.vocabulary, "performance tokens")
        return score_of(read_events(tokens.ids).closed())

    def cursor(self) -> PerformanceCursor:
        """Where a stream stands before BOS."""
        return PerformanceCursor()

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which ids (V,) may follow; walks over the prefix, so generation keeps a PerformanceCursor instead."""
        return mask_after(self.cursor(), prefix)


class PerformanceCursor:
    """Where a stream of events stands in the grammar, which is what ``encode`` can write.

    ``feed`` takes what ``mask`` allows. Streams that it does not allow are followed as far as they make sense, so a
    cursor can begin in the middle of a piece.
    """

    def __init__(self) -> None:
        self.now_steps = 0
        self.num_notes = 0
        self.velocity_bin = -1
        self.num_sounding = 0
        self.last = PAD
        """The token before."""
        self._began = np.full(NUM_PITCHES, -1)
        """For each pitch the number of its sounding note, -1 = silent."""
        self._last_ended = -1
        """Number of the last note that ended in this instant."""

    def feed(self, token: int) -> None:
        """Takes the next token."""
        if NOTE_ON <= token < NOTE_OFF:
            self.num_sounding += self._began.item(token - NOTE_ON) < 0
            self._began[token - NOTE_ON] = self.num_notes
            self.num_notes += 1
        elif NOTE_OFF <= token <= TIME_SHIFT:
            self._last_ended = self._began.item(token - NOTE_OFF)
            self.num_sounding -= self._last_ended >= 0
            self._began[token - NOTE_OFF] = -1
        elif TIME_SHIFT < token < VELOCITY:
            self.now_steps += token - TIME_SHIFT
            self._last_ended = -1
        elif token >= VELOCITY:
            self.velocity_bin = token - VELOCITY
        self.last = token

    def mask(self) -> NDArray[np.bool_]:
        """Which ids (391,) may come next; none after END."""
        mask = np.zeros(len(VOCABULARY), dtype=np.bool_)
        last = self.last
        if last == PAD:
            mask[BOS] = True
            return mask
        if last == END:
            return mask
        after_velocity, after_shift = last >= VELOCITY, TIME_SHIFT < last < VELOCITY
        may_begin = self.now_steps < MAX_STEPS and self.num_notes < limits.MAX_NOTES and self.num_sounding < NUM_PITCHES
        if may_begin and self.velocity_bin >= 0:
            np.less(self._began, 0, out=mask[NOTE_ON:NOTE_OFF])
        if after_velocity:
            return mask
        if may_begin:
            mask[VELOCITY:] = True
            if self.velocity_bin >= 0:
                mask[VELOCITY + self.velocity_bin] = False
        if not NOTE_ON <= last < NOTE_OFF:  # notes end before others begin
            np.greater(self._began, self._last_ended, out=mask[NOTE_OFF : TIME_SHIFT + 1])
            if self.now_steps >= MAX_STEPS:  # all must end now, so the oldest goes first
                mask[NOTE_OFF : TIME_SHIFT + 1] &= self._began == self._began[self._began >= 0].min(initial=1 << 62)
        if not after_shift or last == TIME_SHIFT + MAX_SHIFT:
            mask[TIME_SHIFT + 1 : TIME_SHIFT + 1 + self._longest_shift()] = True
        mask[END] = not (self.num_sounding or after_shift)
        return mask

    def _longest_shift(self) -> int:
        """In steps; a wait in silence must leave a step for the note that ends it."""
        if not self.num_sounding and self.num_notes >= limits.MAX_NOTES:
            return 0
        return max(0, min(MAX_SHIFT, MAX_STEPS - self.now_steps - (not self.num_sounding)))
