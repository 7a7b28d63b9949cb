"""Phrases of the songs of POP909 as two people hear them, with each song's melody and chords on corrected bars.

**Source**: github.com/Dsqvival/hierarchical-structure-analysis (S. Dai, H. Zhang, R. B. Dannenberg, Automatic analysis
and influence of hierarchical structure on melody, rhythm and harmony in popular music, 2020), below the data folder as
``pop909-structure``. Its bars differ from those of the MIDI files of ``pop909``.
**Licence**: MIT (the data set; the songs are their owners').
**Split**: as ``pop909``: songs 801-909 are for test.
**Use**: measuring ``form``; nothing is trained on it but the weights of ``form``.

A labelling such as ``i4A4B8b4x2X5o4`` names phrases in order. A letter is material, a number bars; capitals have a
melody. ``i`` is the introduction, ``o`` the end, ``X`` and ``x`` stand for phrases that come only once, so that two of
them in one song are *different* material. ``b`` is a passage without melody that comes more than once, whatever it has
in common with ``B``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import Split
from ritornello.data.corpora.pop909 import NUM_SONGS, split_of
from ritornello.errors import UserError
from ritornello.scores.score import Metre, Notes, Part, Score, Tempo

LABELLERS = (1, 2)
TICKS_PER_BEAT = 4
"""The files count in 16ths."""
_BEATS_PER_BAR = (4, 3)
"""The metres of the songs; the files do not say which one a song has, the number of bars does."""
_FILE_BYTES = 1 << 20
_PHRASE = re.compile(r"([A-Za-z])([0-9]{1,3})")
_CHORD = re.compile(r"(\S+) \[([0-9, ]*)\] +(?:(-?[0-9]+) (?:[0-9]+ )?)?([0-9]+(?:\.[0-9]+)?)")
"""Two lines of the corpus hold one number more, before the length."""
_VELOCITY = 80
_BASS_OCTAVE, _CHORD_OCTAVE = 36, 48


class LabelledPhrase(NamedTuple):
    """A phrase as a person marked it."""

    label: str
    bars: int


Labelling = tuple[LabelledPhrase, ...]


class Song(NamedTuple):
    """A song with what two people say of it."""

    number: int
    score: Score
    """Two parts, ``MELODY`` and ``CHORDS`` (close position above the bass)."""
    labellings: tuple[Labelling, Labelling]
    split: Split

    @property
    def num_bars(self) -> int:
        """Bars of the score."""
        return len(self.score.bars())


def songs(root: Path | None = None) -> Iterator[Song]:
    """Yields the songs by number; those that are not there are left out.

    Raises:
        UserError: the corpus is not there, or a file of it cannot be read.
    """
    folder = corpus_folder(root, "pop909-structure")
    there = [number for number in range(1, NUM_SONGS + 1) if (folder / f"{number:03d}").is_dir()]
    if not there:
        raise UserError("holds no song", where=str(folder / "001"), mend="copy the corpus again")
    for number in there:
        yield read_song(folder / f"{number:03d}")


def read_song(folder: Path) -> Song:
    """The song in a folder that is named by its number."""
    number = int(folder.name)
    first, second = (
        parse_labelling(_text(folder / f"human_label{labeller}.txt"), where=str(folder)) for labeller in LABELLERS
    )
    melody = _melody(_text(folder / "melody.txt"), str(folder / "melody.txt"))
    chords, num_ticks = _chords(_text(folder / "finalized_chord.txt"), str(folder / "finalized_chord.txt"))
    beats = _beats_per_bar(num_ticks / TICKS_PER_BEAT, (first, second))
    tempo = float(_text(folder / "tempo.txt").strip() or 0)
    score = Score(
        TICKS_PER_BEAT,
        (Part("MELODY", melody), Part("CHORDS", chords)),
        metres=(Metre(0, beats, 4),),
        tempos=(Tempo(0, tempo),) if tempo > 0 else (),
        title=f"POP909 {number:03d}",
        closing_ticks=num_ticks,
    )
    return Song(number, score, (first, second), split_of(number))


def parse_labelling(text: str, where: str = "labelling") -> Labelling:
    """Reads ``i4A4B8``. Raises UserError for anything else."""
    found = _PHRASE.findall(text.strip())
    if not found or "".join(letter + bars for letter, bars in found) != text.strip():
        raise UserError(f"cannot read {text.strip()[:40]!r}", where=where, mend="a labelling is written as i4A4B8")
    return tuple(LabelledPhrase(letter, int(bars)) for letter, bars in found)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES + 1)
    except OSError as error:
        raise UserError("cannot be read", where=str(path), mend="copy the corpus again") from error
    if len(data) > _FILE_BYTES:
        raise UserError("is too large", where=str(path), limit=f"{_FILE_BYTES} bytes")
    return data.decode("utf-8", errors="replace")


def _melody(text: str, where: str) -> Notes:
    """Lines of pitch (0 is a rest) and length in 16ths, one after the other."""
    rows: list[tuple[int, int, int, int]] = []
    onset = 0
    for line in filter(str.strip, text.splitlines()):
        words = line.split()
        if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[0]) > 127:
            raise UserError(f"cannot read {line[:40]!r}", where=where, mend="a line is a pitch and a length")
        pitch, length = map(int, words)
        if pitch and length:
            rows.append((onset, length, pitch, _VELOCITY))
        onset += length
    return Notes.of(rows)


def _chords(text: str, where: str) -> tuple[Notes, int]:
    """Lines of name, pitch classes, bass (unless there is no chord) and length in beats; the notes and their end."""
    rows: list[tuple[int, int, int, int]] = []
    onset = 0
    for line in filter(str.strip, text.splitlines()):
        match = _CHORD.fullmatch(line.strip())
        if match is None:
            raise UserError(f"cannot read {line[:40]!r}", where=where, mend="a line is a name, [tones], bass, beats")
        length = round(float(match[4]) * TICKS_PER_BEAT)
        pitches = {_CHORD_OCTAVE + int(tone) % 12 for tone in re.findall(r"[0-9]+", match[2])}
        pitches |= {_BASS_OCTAVE + int(match[3]) % 12} if match[3] and pitches else set()
        rows += [(onset, length, pitch, _VELOCITY) for pitch in sorted(pitches) if length]
        onset += length
    return Notes.of(rows), onset


def _beats_per_bar(beats: float, labellings: tuple[Labelling, Labelling]) -> int:
    """The metre in which the chords last as many bars as a person counts."""
    bars = [sum(phrase.bars for phrase in labelling) for labelling in labellings]
    return min(_BEATS_PER_BAR, key=lambda size: min(abs(count - beats / size) for count in bars))
