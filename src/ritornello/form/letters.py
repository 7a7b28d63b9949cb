"""The letters of sections, by the custom of the songs.

Capitals have a melody, small letters have none; two of those are kept for an introduction and for an end without
melody. A letter is a material, and each prime behind it says that it is varied once more.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

INTRODUCTION, OUTRO = "i", "o"
LETTERS = ascii_uppercase + ascii_lowercase
CAPITALS = ascii_uppercase
SMALL = "".join(letter for letter in ascii_lowercase if letter not in INTRODUCTION + OUTRO)
"""Those of sections without melody between the introduction and the end."""
MAX_PRIMES = 3
PRIMES_PATTERN = f"'{{0,{MAX_PRIMES}}}"
"""Regular expression of what may follow a letter."""


def letters_like(letter: str) -> str:
    """All the letters that say the same of a section's melody as this one."""
    return CAPITALS if letter.isupper() else SMALL
