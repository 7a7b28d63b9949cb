"""When in Rome: people's Roman-numeral analyses of the chorales, by Riemenschneider number.

**Source**: github.com/MarkGotham/When-in-Rome, RomanText files; the analyses of the chorales are by
Dmitri Tymoczko and others, a second one of the first hundred comes from the Bach Chorales
Melody-Harmony Corpus (BCMH).
**Licence**: CC BY-SA 4.0; converted analyses keep their own.
**Use**: measuring ``form``; it has no scores, so it is no corpus to train from.

What is read of RomanText (Tymoczko, Gotham, Cuthbert, Ariza: ISMIR 2019): time signatures, measures,
beats, keys, numerals. Variants, notes, pedals and the marks of repeats and phrases are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ritornello.data.corpora.archive import corpus_folder
from ritornello.errors import UserError
from ritornello.form.chord import Chord
from ritornello.form.grid import Grid
from ritornello.form.key import Key
from ritornello.form.numerals import parse_chord
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import IntArray

_CHORALES = "Corpus/Early_Choral/Bach,_Johann_Sebastian/Chorales"
_MAX_BYTES = 1 << 18
_SIGNATURE = re.compile(r"\s*Time Signature:\s*(\d{1,2})/(1|2|4|8|16)")
_MEASURE = re.compile(r"m(\d{1,4})\s+(.*)")
_BEAT = re.compile(r"b(\d{1,2}(?:\.\d{1,3})?)")
_KEY = re.compile(r"([A-Ga-g](?:#|b)?):")
_SKIPPED = {"||", ":||", "||:", ":||:", "|", "="}
_FRAMES_PER_BEAT = 4
MIN_FIT = 0.75
"""Share of the sounding notes that must belong to the chords if analysis and score are one piece."""


class Reading(NamedTuple):
    """One harmony in a person's analysis."""

    onset: int
    """Frames (16ths) after the barline of measure 1; negative in the pickup."""
    key: Key
    chord: Chord | None
    """None where the numeral is none of ours, such as an augmented sixth."""


class Aligned(NamedTuple):
    """A person's analysis laid over a score."""

    readings: tuple[Reading, ...]
    holding: IntArray
    """(F,) which reading holds in each frame of the score; -1 before the first."""
    fit: float
    """Share of the sounding notes that belong to their chord."""


def read_analysis(number: int, root: Path | None = None, *, second: bool = False) -> tuple[Reading, ...]:
    """The analysis of a chorale, or the second one. Raises UserError if there is none."""
    name = "analysis_BCMH.txt" if second else "analysis.txt"
    path = corpus_folder(root, "when-in-rome-bach") / _CHORALES / f"{number:03d}" / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError("no such analysis", where=str(path)) from error
    if len(data) > _MAX_BYTES:
        raise UserError("analysis is too large", where=str(path), limit=f"{_MAX_BYTES} bytes")
    return parse_romantext(data.decode("utf-8", errors="replace"))


def parse_romantext(text: str) -> tuple[Reading, ...]:
    """All harmonies in order of onset. Numerals that cannot be read become None."""
    readings: list[Reading] = []
    key: Key | None = None
    bar_frames, beat_frames = 16, Fraction(4)
    start, number = 0, 1
    for line in text.splitlines():
        signature = _SIGNATURE.match(line)
        measure = _MEASURE.match(line)
        if signature:
            beat_frames = Fraction(4 * _FRAMES_PER_BEAT, int(signature[2]))
            bar_frames = int(int(signature[1]) * beat_frames)
        elif measure:
            start += (int(measure[1]) - number) * bar_frames
            number = int(measure[1])
            key = _read_measure(measure[2], start, beat_frames, key, readings)
    return tuple(sorted(readings, key=lambda reading: reading.onset))


def align(readings: tuple[Reading, ...], frames: Frames, grid: Grid) -> Aligned | None:
    """Lays an analysis over a score whose repeats are unfolded; None if they do not fit together.

    The analysis counts measures on paper. Where the score's opening comes twice, both times may be
    the same measures; a pickup may be measure 0 or 1.
    """
    if not readings:
        return None
    num_frames = len(frames.pitch)
    time = np.arange(num_frames)
    repeat = opening_repeat(frames)
    folded = np.where(time < repeat, time, time - repeat)
    starts = [grid.pickup_frames, grid.pickup_frames - grid.bar_frames]
    found: list[Aligned] = []
    for places in [time, folded] if repeat else [time]:
        for start in starts:
            onsets = np.array([reading.onset + start for reading in readings])
            index = np.searchsorted(onsets, places, side="right") - 1
            found.append(Aligned(readings, index, _fit(readings, index, frames)))
    best = max(found, key=lambda aligned: aligned.fit)
    return best if best.fit >= MIN_FIT else None


def _read_measure(text: str, start: int, beat_frames: Fraction, key: Key | None, readings: list[Reading]) -> Key | None:
    """Adds the harmonies of one measure; the key that holds after it."""
    onset = start
    for word in text.split():
        beat, tonic = _BEAT.fullmatch(word), _KEY.fullmatch(word)
        if beat:
            onset = start + round((_beat(beat[1]) - 1) * beat_frames)
        elif tonic:
            key = Key.parse(tonic[1])
        elif key is not None and word not in _SKIPPED:
            readings.append(Reading(onset, key, _chord(word, key)))
    return key


def _beat(text: str) -> Fraction:
    """``2.66`` means two thirds after the second beat."""
    thirds = {"33": Fraction(1, 3), "66": Fraction(2, 3), "67": Fraction(2, 3)}
    whole, _, part = text.partition(".")
    return int(whole) + (thirds[part] if part in thirds else Fraction(f"0.{part}") if part else Fraction(0))


def _chord(word: str, key: Key) -> Chord | None:
    """Ninths are read as sevenths, the augmented triad with a seventh without it."""
    plain = re.sub(r"\[.*?\]", "", word).replace("9", "7").replace("+maj", "+")
    plain = re.sub(r"\+(7|6/5)", lambda match: "+6" if match[1] == "6/5" else "+", plain)
    try:
        return parse_chord(plain, key.mode)
    except UserError:
        return None


def opening_repeat(frames: Frames) -> int:
    """Length of the longest opening that comes twice in a row, note for note; 0 if none does."""
    num_frames = len(frames.pitch)
    for length in range(num_frames // 2, 15, -1):
        if np.array_equal(frames.pitch[:length], frames.pitch[length : 2 * length]):
            return length
    return 0


def _fit(readings: Iterable[Reading], index: IntArray, frames: Frames) -> float:
    """Share of sounding notes in the chord that holds; frames without a chord count as misses."""
    member = np.zeros((len(index), 12), dtype=np.bool_)
    for number, reading in enumerate(readings):
        if reading.chord is not None:
            member[np.ix_(index == number, list(reading.chord.pitch_classes(reading.key.tonic_pitch_class)))] = True
    sounding = frames.pitch != REST
    hits = np.take_along_axis(member, np.where(sounding, frames.pitch % 12, 0), axis=1) & sounding
    return float(hits.sum() / max(1, sounding.sum()))
