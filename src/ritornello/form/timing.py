"""Whether a Score is written music or the recording of a player."""

from __future__ import annotations

import numpy as np

from ritornello.scores.score import Score

GRID_POSITIONS = (0, 3, 4, 6, 8, 9, 12)
"""Places of 16ths and triplet eighths within a beat, in twelfths of it."""
TOLERANCE_BEATS = 1 / 50
MOST_ON_GRID = 0.5
"""Of onsets scattered at random far fewer lie within the tolerance of a place; of written music nearly all do."""


def is_performance(score: Score) -> bool:
    """Whether the ticks of a Score are the clock of a recording and its bars mean nothing.

    So it is when nothing says otherwise (no metre but 4/4, no pickup, no fermata, one tempo at most)
    and fewer than half of its onsets lie within a fiftieth of a beat of a 16th or a triplet eighth.
    """
    metres = {(metre.numerator, metre.denominator) for metre in score.metres}  # some files say 4/4 twice
    says_bars = metres != {(4, 4)} or score.pickup_ticks > 0 or len(score.tempos) > 1
    if says_bars or any(part.fermatas_ticks for part in score.parts) or not score.num_notes:
        return False
    onsets = np.concatenate([part.notes.onset_ticks for part in score.parts])
    twelfths = 12 * (onsets % score.ticks_per_beat) / score.ticks_per_beat
    distance = np.abs(twelfths[:, None] - np.array(GRID_POSITIONS)).min(axis=1)
    num_on_grid = int(np.count_nonzero(distance <= 12 * TOLERANCE_BEATS))
    return num_on_grid < MOST_ON_GRID * score.num_notes
