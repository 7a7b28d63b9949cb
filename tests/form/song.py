"""Songs put together from phrases that are written by hand, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ritornello.scores.score import Notes, Part, Score
from tests.form.music import TICKS, voice

CHORDS = {"C": (36, 52, 55, 60), "F": (41, 53, 57, 60), "G": (43, 50, 55, 59), "a": (45, 52, 57, 60)}
CHORDS |= {"d": (38, 53, 57, 62), "e": (40, 52, 55, 59)}


class Phrase(NamedTuple):
    """A melody, and a chord for each bar."""

    melody: str
    chords: str


VERSE = Phrase(
    "e4 e4/.5 f4/.5 g4 e4 | d4 d4/.5 e4/.5 f4 d4 | c4 e4/.5 g4/.5 a4 g4 | f4/.5 e4/.5 d4 r/2 |"
    "e4 e4/.5 f4/.5 g4 e4 | d4 d4/.5 e4/.5 f4 d4 | g4 f4/.5 e4/.5 d4 e4 | c4/2 r/2",
    "C G a G C G F C",
)
CHORUS = Phrase(
    "c5/1.5 b4/.5 a4 g4 | a4/1.5 g4/.5 f4/2 | b4/1.5 a4/.5 g4 f4 | g4/3 r |"
    "c5/1.5 d5/.5 e5 c5 | d5/1.5 c5/.5 a4/2 | b4/.5 b4/.5 c5 d5 b4 | c5/3 r",
    "F F G C a d G C",
)
BRIDGE = Phrase(
    "a4/.5 a4/.5 a4/.5 b4/.5 c5/.5 a4/1.5 | g4/.5 g4/.5 g4/.5 a4/.5 b4/.5 g4/1.5 |"
    "f4/.5 f4/.5 f4/.5 g4/.5 a4/.5 f4/1.5 | e4/2 r/2",
    "a e d e",
)
END = Phrase("r/4 | r/4 | r/4 | r/4", "F G C C")
INTRODUCTION = Phrase("r/4 | r/4 | r/4 | r/4", "C a F G")
VARIED_CHORUS = Phrase(
    CHORUS.melody.replace("c5/1.5 b4/.5 a4 g4", "c5 b4/.5 b4/.5 a4/.5 a4/.5 g4").replace(
        "b4/.5 b4/.5 c5 d5 b4", "d5/2 b4 g4"
    ),
    CHORUS.chords,
)


def song(*phrases: Phrase, semitones: Sequence[int] = ()) -> Score:
    """The phrases one after the other, each moved up by its number of semitones."""
    melody: list[tuple[int, int, int, int]] = []
    chords: list[tuple[int, int, int, int]] = []
    start = 0
    for number, phrase in enumerate(phrases):
        moved = semitones[number] if semitones else 0
        rows, _ = voice(phrase.melody)
        melody += [(start + onset, length, pitch + moved, loud) for onset, length, pitch, loud in rows]
        for bar, name in enumerate(phrase.chords.split()):
            at = start + 4 * TICKS * bar
            chords += [(at, 4 * TICKS, pitch + moved, 70) for pitch in CHORDS[name]]
        start += 4 * TICKS * len(phrase.chords.split())
    parts = (Part("MELODY", Notes.of(melody)), Part("PIANO", Notes.of(chords)))
    return Score(TICKS, parts, closing_ticks=start)
