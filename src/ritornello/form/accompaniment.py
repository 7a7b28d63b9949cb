"""Whether a score is a tune over a part of chords, struck or broken, as songs are.

Most files of songs have no chord symbols that are read, and a part's name is its maker's whim. What tells a song from
Bach is how its parts move: from note to note (those of a chord from low to high) a part that plays chords hardly ever
goes by a semitone or whole tone, while in Bach such a part is also a voice.

``tests/form/test_accompaniment.py`` counts, on songs of POP909 and on Bach's pieces of the Mutopia Project, that it is
wrong for less than 5 % of either. A song whose tune and chords are one part is not told apart.
"""

from __future__ import annotations

import numpy as np

from ritornello.scores.score import Notes, Score

STEP_SEMITONES = 2
MOST_STEPS_IN_CHORDS = 1 / 8
"""Share of the moves of a part of chords, at most, that are steps."""
LEAST_STEPS_IN_TUNE = 0.4
"""Share of the moves of a tune, at least, that are steps or stay where they are."""
_LEAST_NOTES, _LEAST_SHARE = 20, 1 / 20
"""Of a part that says anything, the second of all notes."""


def is_tune_over_chords(score: Score) -> bool:
    """Whether one part plays chords and another one a tune; parts of a few notes say nothing."""
    least = max(_LEAST_NOTES, _LEAST_SHARE * score.num_notes)
    moves = [_moves(part.notes) for part in score.parts if len(part.notes) >= least]
    has_chords = any(steps < MOST_STEPS_IN_CHORDS for _, steps in moves)
    return has_chords and any(stays + steps >= LEAST_STEPS_IN_TUNE for stays, steps in moves)


def _moves(notes: Notes) -> tuple[float, float]:
    """Shares of the moves from note to note that stay at a pitch, and that are steps."""
    semitones = np.abs(np.diff(notes.pitch))
    is_step = (semitones > 0) & (semitones <= STEP_SEMITONES)
    return float((semitones == 0).mean()), float(is_step.mean())
