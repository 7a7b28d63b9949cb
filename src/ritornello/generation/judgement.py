"""How well a realisation of one phrase does what the plan says, as the analysis hears it.

Used to choose between several realisations; the figures of merit that are reported are in ``evaluation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ritornello.form.cadences import cadence_of
from ritornello.form.chords import candidates_of, phrase_paths
from ritornello.form.evidence import chord_of_state, evidence_of
from ritornello.form.grid import Range
from ritornello.form.plan import Phrase
from ritornello.form.voices import Frames
from ritornello.scores.score import IntArray


@dataclass(frozen=True, slots=True)
class Merits:
    """What a realisation is judged by."""

    log_probability: float
    """Mean natural logarithm per voice and frame under the model."""
    harmony: float
    """Share of beat slots whose root and quality are heard as planned, 0-1."""
    key: float
    """1 if the planned key is heard as the likeliest, 0 if another is much likelier."""
    cadence: float
    """1 if the planned cadence is heard, 0 if not."""
    faults: float
    """Consecutives, overlaps and wide leaps per beat."""

    @property
    def worth(self) -> float:
        """One number; the weights are nats per voice and frame, so that plan and model can be traded."""
        return self.log_probability + 0.8 * self.harmony + 0.15 * self.key + 0.25 * self.cadence - 0.5 * self.faults


def merits_of(
    frames: Frames, before: IntArray | None, phrase: Phrase, slots: list[Range], on_barline: IntArray, log_p: float
) -> Merits:
    """Judges the frames of one phrase.

    Args:
        frames: pitch and struck (F, 4).
        before: (4,) what sounded in the frame before; None at the beginning.
        phrase: complete.
        slots: the beat slots, counted from the phrase's first frame.
        on_barline: (S,) 1 where a slot begins at a barline.
        log_p: mean log-probability per voice and frame.
    """
    assert phrase.key is not None
    assert phrase.harmony is not None
    close = len(frames.pitch) - 1 if phrase.fermata_beats is None else round(4 * phrase.fermata_beats)
    last = max((i for i, slot in enumerate(slots) if slot[0] <= close), default=0)
    scores, paths = phrase_paths(candidates_of(evidence_of(frames, slots)), on_barline, last)
    minor = phrase.key.mode == "minor"
    number, tonic = phrase.key.tonic_pitch_class + 12 * minor, phrase.key.tonic_pitch_class
    heard = [chord_of_state(state, tonic) for state in paths[number].tolist()]
    planned = [*phrase.harmony, *phrase.harmony[-1:] * len(slots)]
    hits = [(a.root, a.quality) == (b.root, b.quality) for a, b in zip(heard, planned, strict=False)]
    soprano = (int(frames.pitch[min(close, len(frames.pitch) - 1), 0]) - tonic) % 12
    cadence = cadence_of(heard[: last + 1], phrase.key.mode, soprano)
    margin = float(scores[number] - np.delete(scores, number).max())
    pitches = frames.pitch if before is None else np.vstack([before, frames.pitch])
    return Merits(
        log_probability=log_p,
        harmony=float(np.mean(hits)),
        key=float(np.clip(1 + margin / 10, 0, 1)),
        cadence=float(cadence == phrase.cadence),
        faults=4 * count_faults(pitches) / max(1, len(frames.pitch)),
    )


def count_faults(pitches: IntArray) -> float:
    """Consecutive fifths and octaves count one, overlaps and wide leaps a fifth; pitches (F, 4), all sounding."""
    motion = np.diff(pitches, axis=0)
    consecutives = 0
    for upper, lower in combinations(range(pitches.shape[1]), 2):
        interval = (pitches[:, upper] - pitches[:, lower]) % 12
        both = (motion[:, upper] != 0) & (motion[:, lower] != 0)
        consecutives += int((both & (interval[1:] == interval[:-1]) & np.isin(interval[1:], (0, 7))).sum())
    beyond = (pitches[1:, :-1] < pitches[:-1, 1:]) | (pitches[1:, 1:] > pitches[:-1, :-1])
    wide = (np.abs(motion) > 7) & (np.abs(motion) != 12)
    return consecutives + 0.2 * float(beyond.sum() + wide.sum())
