"""How well a realisation of one phrase does what the plan says, as the analysis hears it.

Used to choose between several realisations; the figures of merit that are reported are in ``evaluation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ritornello.form.cadences import cadence_of
from ritornello.form.chords import Slots, best_path, candidates_of
from ritornello.form.evidence import chord_of_state, evidence_of
from ritornello.form.grid import Range
from ritornello.form.key import Key
from ritornello.form.keys import key_number
from ritornello.form.motifs import TRANSPOSED_SIMILARITY, VARIED_SIMILARITY, compare
from ritornello.form.plan import Motif, Phrase
from ritornello.form.voices import Frames
from ritornello.scores.score import IntArray


@dataclass(frozen=True, slots=True)
class Merits:
    """What a realisation is judged by."""

    harmony: float
    """Share of beat slots whose root and quality are heard as planned, 0-1."""
    key: float
    """1 if the planned key is heard in the cadence, 0 if another is."""
    cadence: float
    """1 if the planned cadence is heard, 0 if not."""
    likeness: float
    """How well the soprano takes up that of the source; 1 where it does enough, and where there is no source."""
    faults: float
    """Consecutives, overlaps and wide leaps in the phrase (``count_faults``)."""

    @property
    def worth(self) -> float:
        """One number. The model's probability has no part in it: the likeliest draft is the plainest."""
        return 0.4 * self.harmony + 0.15 * self.key + 0.25 * self.cadence + 0.5 * self.likeness - 0.5 * self.faults


def merits_of(
    frames: Frames,
    before: IntArray | None,
    phrase: Phrase,
    slots: list[Range],
    on_barline: NDArray[np.bool_],
    home: Key,
    likeness: float,
) -> Merits:
    """Judges the frames of one phrase.

    Args:
        frames: pitch and struck (F, 4).
        before: (4,) what sounded in the frame before; None at the beginning.
        phrase: complete.
        slots: the beat slots, counted from the phrase's first frame.
        on_barline: (S,) whether a slot begins at a barline.
        home: key of the piece.
        likeness: see ``likeness_of``.
    """
    assert phrase.key is not None, "the plan is complete"
    assert phrase.harmony is not None, "the plan is complete"
    num_frames, tonic = len(frames.pitch), phrase.key.tonic_pitch_class
    close = num_frames - 4 if phrase.fermata_beats is None else round(4 * phrase.fermata_beats)
    close = min(max(0, close), num_frames - 1)
    last = sum(start <= close for start, _ in slots) - 1
    order = np.arange(len(slots))
    flags = Slots(on_barline, order == 0, order == last)
    keys, states = best_path(candidates_of(evidence_of(frames, slots)), flags, key_number(home))
    heard = [chord_of_state(state, tonic) for state in states.tolist()]
    planned = [*phrase.harmony, *phrase.harmony[-1:] * len(slots)]
    hits = [(a.root, a.quality) == (b.root, b.quality) for a, b in zip(heard, planned, strict=False)]
    soprano = (int(frames.pitch[close, 0]) - tonic) % 12
    pitches = frames.pitch if before is None else np.vstack([before, frames.pitch])
    return Merits(
        harmony=sum(hits) / len(hits),
        key=float(keys[last] == key_number(phrase.key)),
        cadence=float(cadence_of(heard[: last + 1], phrase.key.mode, soprano) == phrase.cadence),
        likeness=likeness,
        faults=count_faults(pitches),
    )


def likeness_of(frames: Frames, phrase: Range, source: Range, motif: Motif) -> float:
    """How far a phrase reaches the likeness to its source from which analysis calls it transposed or varied, 0-1."""
    found = compare(frames, phrase, source)
    if motif.relation == "transposed" and found.semitones != motif.semitones:
        return 0.0
    return min(1.0, found.similarity / (TRANSPOSED_SIMILARITY if motif.relation == "transposed" else VARIED_SIMILARITY))


def count_faults(pitches: IntArray) -> float:
    """Consecutive fifths and octaves count one, overlaps and wide leaps a twentieth; pitches (F, 4), all sounding."""
    motion = np.diff(pitches, axis=0)
    consecutives = 0
    for upper, lower in combinations(range(pitches.shape[1]), 2):
        interval = (pitches[:, upper] - pitches[:, lower]) % 12
        both = (motion[:, upper] != 0) & (motion[:, lower] != 0)
        consecutives += int((both & (interval[1:] == interval[:-1]) & np.isin(interval[1:], (0, 7))).sum())
    beyond = (pitches[1:, :-1] < pitches[:-1, 1:]) | (pitches[1:, 1:] > pitches[:-1, :-1])
    wide = (np.abs(motion) > 7) & (np.abs(motion) != 12)
    return consecutives + 0.05 * float(beyond.sum() + wide.sum())
