"""Chord: a harmony relative to a local key, written as a Roman numeral with its inversion.

A chord is a root (semitones above the tonic), a quality and an inversion. The numeral is only its
name: every chord has exactly one canonical name per mode (``str`` of it), and reading accepts the
usual synonyms (``viio7/V``, ``V7/IV``, ``bII6``, ``It6`` is not covered).
"""

from __future__ import annotations

from dataclasses import dataclass

QUALITIES = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant7": (0, 4, 7, 10),
    "major7": (0, 4, 7, 11),
    "minor7": (0, 3, 7, 10),
    "half-diminished7": (0, 3, 6, 10),
    "diminished7": (0, 3, 6, 9),
}
"""Quality -> semitones above the root."""
SYMBOL_QUALITIES = QUALITIES | {"suspended2": (0, 2, 7), "suspended4": (0, 5, 7)}
"""The qualities of chord symbols: songs suspend where numerals would see a passing note."""


@dataclass(frozen=True, slots=True)
class Chord:
    """A harmony in a key. ``root`` 0-11 above the tonic; ``inversion`` 0-3 (3 needs a seventh)."""

    root: int
    quality: str
    inversion: int = 0

    @property
    def intervals(self) -> tuple[int, ...]:
        """Semitones above the root."""
        return QUALITIES[self.quality]

    def pitch_classes(self, tonic: int) -> frozenset[int]:
        """The sounding pitch classes 0-11 when the tonic is ``tonic``."""
        return frozenset((tonic + self.root + i) % 12 for i in self.intervals)

    def bass(self, tonic: int) -> int:
        """The pitch class 0-11 in the bass when the tonic is ``tonic``."""
        return (tonic + self.root + self.intervals[self.inversion]) % 12
