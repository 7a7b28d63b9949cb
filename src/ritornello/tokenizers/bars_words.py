"""The words of the bar-based scheme (``bars.py`` is its grammar): 941 tokens, families of which stand in rows.

Time is counted in *steps*, 24 to a quarter note, so that 32nds and triplets of 16ths are exact; bars last whole 32nds,
three steps each. Lengths of notes are those that notation and the two corpora use most: all up to ten steps, then
dotted, tied and triplet values, up to 32 quarter notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.form.chord import SYMBOL_QUALITIES
from ritornello.scores.score import IntArray
from ritornello.tokenizers.base import Vocabulary
from ritornello.tokenizers.metres import METRES

STEPS_PER_BEAT = 24
STEPS_PER_LENGTH = 3
"""LENGTH counts 32nds: a bar of n is ``LENGTH + n - 1``."""
MAX_PARTS = 16
NUM_PITCHES = 128
NUM_VELOCITIES = 16
VELOCITIES_PER_BIN = 8
DEFAULT_VELOCITY = 11
"""The bin (velocities 89-96) of notes before any VELOCITY: that of scores without dynamics."""
DURATIONS: tuple[int, ...] = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 18, 20, 21, 24, 27, 30, 32, 36, 39, 42, 48),
    *(54, 60, 66, 72, 78, 84, 90, 96, 108, 120, 132, 144, 168, 192, 216, 240, 288, 336, 384, 480, 576, 768),
)
"""Lengths of notes in steps."""
TEMPOS: tuple[int, ...] = tuple(round(60 * 2 ** (eighth / 8)) for eighth in range(-12, 20))
"""Quarter notes per minute, 21 to 311, each 9 % faster than the one before."""
MODES = ("major", "minor")

BAR_STEPS: IntArray = np.array([int(m.split("/")[0]) * 4 * STEPS_PER_BEAT // int(m.split("/")[1]) for m in METRES])
"""Length of a full bar of each metre."""
_LONGEST_BAR = int(BAR_STEPS.max())
MAX_LENGTH = _LONGEST_BAR // STEPS_PER_LENGTH - 1
CHORDS: tuple[tuple[int | None, str], ...] = (
    (None, ""),
    *((root, quality) for root in range(12) for quality in SYMBOL_QUALITIES),
)
"""(root, quality) of each CHORD; the first is no chord."""

VOCABULARY = Vocabulary(
    (
        *("PAD", "BOS", "END"),
        *(f"PROGRAM_{program}" for program in range(128)),
        *(f"BAR_{metre}" for metre in METRES),
        *(f"LENGTH_{length}" for length in range(1, MAX_LENGTH + 1)),
        *(f"KEY_{fifths}_{mode}" for mode in MODES for fifths in range(-7, 8)),
        *(f"POSITION_{step}" for step in range(_LONGEST_BAR)),
        *(f"TEMPO_{tempo}" for tempo in TEMPOS),
        *("CHORD_none", *(f"CHORD_{root}_{quality}" for root, quality in CHORDS[1:])),
        *(f"PART_{part}" for part in range(MAX_PARTS)),
        *(f"VELOCITY_{velocity_bin}" for velocity_bin in range(NUM_VELOCITIES)),
        *(f"PITCH_{pitch}" for pitch in range(NUM_PITCHES)),
        *(f"DURATION_{steps}" for steps in DURATIONS),
    )
)
NUM_TOKENS = len(VOCABULARY)
PAD, BOS, END = 0, 1, 2
PROGRAM, BAR, LENGTH, KEY, POSITION, TEMPO, CHORD, PART, VELOCITY, PITCH, DURATION = (
    next(i for i, name in enumerate(VOCABULARY.names) if name.startswith(f"{stem}_"))
    for stem in (
        *("PROGRAM", "BAR", "LENGTH", "KEY", "POSITION", "TEMPO", "CHORD"),
        *("PART", "VELOCITY", "PITCH", "DURATION"),
    )
)
"""The first token of each family."""
_FAMILIES = (PAD, BOS, END, PROGRAM, BAR, LENGTH, KEY, POSITION, TEMPO, CHORD, PART, VELOCITY, PITCH, DURATION)

FAMILY_V: IntArray = np.array(_FAMILIES)[np.searchsorted(_FAMILIES, np.arange(NUM_TOKENS), side="right") - 1]
"""For each token the first token of its family (V,)."""
BEGINS_BAR_V: NDArray[np.bool_] = FAMILY_V == BAR
"""Which tokens begin a bar (V,)."""


def transposition(semitones: int) -> IntArray:
    """Id -> id (V,) after moving the music by ``semitones``; -1 where a pitch leaves 0-127.

    Chord symbols and key signatures move along; signatures are respelled with at most six sharps or flats.
    """
    table = np.arange(NUM_TOKENS)
    if not semitones:
        return table
    pitches = np.arange(NUM_PITCHES) + semitones
    table[PITCH:DURATION] = np.where((pitches >= 0) & (pitches < NUM_PITCHES), PITCH + pitches, -1)
    fifths = (np.arange(-7, 8) + 7 * semitones + 5) % 12 - 5
    for mode in range(len(MODES)):
        table[KEY + 15 * mode : KEY + 15 * (mode + 1)] = KEY + 15 * mode + 7 + fifths
    moved = (np.arange(12 * len(SYMBOL_QUALITIES)) + semitones * len(SYMBOL_QUALITIES)) % (12 * len(SYMBOL_QUALITIES))
    table[CHORD + 1 : PART] = CHORD + 1 + moved
    return table
