"""The qualities of chord symbols and their names in MusicXML, both ways.

MusicXML names a third of a hundred kinds, a Score knows eleven qualities: what is read goes to the quality that says
most of it. **Source**: MusicXML 4.0 (W3C Music Notation Community Group, 2021), data type ``kind-value``.
"""

from __future__ import annotations

KINDS = {
    "major": ("major", ""),
    "minor": ("minor", "m"),
    "diminished": ("diminished", "dim"),
    "augmented": ("augmented", "aug"),
    "dominant7": ("dominant", "7"),
    "major7": ("major-seventh", "maj7"),
    "minor7": ("minor-seventh", "m7"),
    "half-diminished7": ("half-diminished", "m7b5"),
    "diminished7": ("diminished-seventh", "dim7"),
    "suspended2": ("suspended-second", "sus2"),
    "suspended4": ("suspended-fourth", "sus4"),
}
"""Quality -> its kind in MusicXML, and what a lead sheet prints behind the root."""
NO_CHORD = ("none", "N.C.")
"""The kind of no chord, and what a lead sheet prints."""

_SEVENTH_BELOW = ("ninth", "11th", "13th")
_BEGINNINGS = {
    **{kind: quality for quality, (kind, _) in KINDS.items()},
    **{f"major-{above}": "major7" for above in _SEVENTH_BELOW},
    **{f"minor-{above}": "minor7" for above in _SEVENTH_BELOW},
    "major-minor": "minor",  # a minor triad with a major seventh
    "suspended": "suspended4",
    "power": "major",  # a fifth alone says its root, which would be lost
}


def quality_of(kind: str) -> str | None:
    """The quality of a kind of MusicXML: the longest beginning of its name that is known; None without one."""
    beginnings = [beginning for beginning in _BEGINNINGS if kind.startswith(beginning)]
    return _BEGINNINGS[max(beginnings, key=len)] if beginnings else None
