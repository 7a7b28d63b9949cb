"""Cadences: how a phrase ends, from its last two harmonies, its key and the last soprano note."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.form.chord import Chord
from ritornello.form.plan import Cadence
from ritornello.scores.score import Mode

_DOMINANT = {"major", "dominant7"}
_TONIC = {"major", "minor"}


def cadence_of(harmony: Sequence[Chord], mode: Mode, soprano_degree: int | None) -> Cadence:
    """The cadence that ends a phrase.

    Args:
        harmony: chords in the phrase's key, up to and with the last one.
        mode: of the phrase's key.
        soprano_degree: semitones of the last soprano note above the tonic, 0-11; None if it rests.

    The last chord counts together with the last chord of another root before it. In a major key on V
    nothing is Phrygian; in minor iv6-V is. V with a seventh ends no phrase in this style except by
    ornament, so it counts as V.
    """
    if not harmony:
        return "none"
    last = harmony[-1]
    before = next((chord for chord in reversed(harmony) if chord.root != last.root), None)
    if last.root == 7 and last.quality in _DOMINANT:
        return _on_dominant(before, mode)
    if before is None:
        return "none"
    if last.root == 0 and last.quality in _TONIC | {"dominant7"}:
        return _on_tonic(before, last, soprano_degree)
    submediant = (9, "minor") if mode == "major" else (8, "major")
    if (last.root, last.quality) == submediant and before.root == 7 and before.quality in _DOMINANT:
        return "deceptive"
    return "none"


def _on_dominant(before: Chord | None, mode: Mode) -> Cadence:
    phrygian = mode == "minor" and before is not None and before.root == 5 and before.inversion == 1
    return "phrygian" if phrygian and before is not None and before.quality in {"minor", "minor7"} else "half"


def _on_tonic(before: Chord, last: Chord, soprano_degree: int | None) -> Cadence:
    dominant = before.root == 7 and before.quality in _DOMINANT
    if dominant and before.inversion == 0 and last.inversion == 0:
        return "perfect authentic" if soprano_degree == 0 else "imperfect authentic"
    leading = before.root == 11 and before.quality in {"diminished", "half-diminished7", "diminished7"}
    if dominant or leading:
        return "imperfect authentic"
    subdominant = (before.root == 5 and before.quality != "dominant7") or (
        before.root == 2 and before.quality not in _DOMINANT
    )
    return "plagal" if subdominant and last.inversion == 0 else "none"
