"""Humdrum kern files in.

Parsed here and not by partitura 1.9, which stops with an AttributeError in 221 of the 370 chorales
of ``bach-370-chorales`` and knows no expansion lists (``*>[A,A,B]``).

Spines become parts, the rightmost (highest) first. Graces and spines of other kinds are left out.
**Source**: the kern representation, https://www.humdrum.org/rep/kern/
"""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.page import Page, PrintedBar, PrintedPart, perform
from ritornello.scores.repeats import playing_order
from ritornello.scores.score import KeySignature, Metre, Mode, Score, Tempo

_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_DURATION = re.compile(r"(\d{1,4})(?:%(\d{1,4}))?(\.{0,4})")
_PITCH = re.compile(r"([a-g])\1{0,5}|([A-G])\2{0,5}")
_TONIC = re.compile(r"\*([A-Ga-g][#-]?):(\w*)")
_MAX_RESOLUTION = 10**9


@dataclass(slots=True)
class _Reading:
    """What has been read so far. ``spines`` maps each column to its part; None = not kern."""

    page: Page
    now: int = 0
    spines: list[PrintedPart | None] = field(default_factory=list["PrintedPart | None"])
    ends: list[int] = field(default_factory=list[int])
    """Per column: when its note or rest is over."""
    labels: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """Section label -> indices of its bars."""
    label: str = ""
    expansion: list[str] = field(default_factory=list[str])
    bar: PrintedBar = field(default_factory=lambda: PrintedBar(0, 0))


def read_kern(path: Path | str) -> Score:
    """Reads a kern file; expansion lists or repeat signs are unfolded.

    Raises:
        UserError: it cannot be read, is not kern, or asks for too much music.
    """
    return parse_kern(limits.read_bytes(Path(path), limits.MAX_KERN_BYTES), str(path))


def parse_kern(data: bytes, where: str = "kern data") -> Score:
    """The same for bytes in memory; ``where`` is named in errors."""
    text = data.decode("utf-8", errors="replace")
    lines = text.splitlines()
    if not any(line.startswith("**") for line in lines[:1000]):
        raise UserError("not a humdrum file", where=where, mend="a kern file has a line that begins with **kern")
    reading = _Reading(Page(_resolution(lines, where)))
    for number, line in enumerate(lines, start=1):
        try:
            _read_line(reading, line, where)
        except (ValueError, IndexError, ZeroDivisionError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"not kern: {line[:60]!r}", where=f"{where}, line {number}") from None
    _close_bar(reading)
    page = reading.page
    page.parts.reverse()
    expanded = [index for label in reading.expansion for index in reading.labels.get(label, [])]
    limits.check_count("bars", len(expanded), limits.MAX_BARS, where)
    return perform(page, expanded or playing_order(page.bars, where), where)


def _resolution(lines: list[str], where: str) -> int:
    """Ticks per quarter note in which every duration of the file is a whole number; a multiple of 48 for its bars."""
    cells = {cell for line in lines if line and line[0] not in "!*=" for cell in line.split()}
    resolution = 48
    for duration in {match.group() for cell in cells if (match := _DURATION.search(cell))}:
        resolution = math.lcm(resolution, _duration_beats(duration).denominator)
        if resolution > _MAX_RESOLUTION:
            raise UserError("its rhythm needs too fine a clock", where=where, limit="10^9 ticks per quarter note")
    return resolution


@lru_cache(maxsize=4096)
def _duration_beats(text: str) -> Fraction:
    """``4.`` is a dotted quarter, ``3%2`` two thirds of a whole note, ``0`` a breve."""
    match = _DURATION.fullmatch(text)
    assert match is not None
    whole, denominator, dots = match.groups()
    beats = Fraction(8 * 2 ** (len(whole) - 1)) if not int(whole) else Fraction(4 * int(denominator or 1), int(whole))
    return beats * (2 - Fraction(1, 2 ** len(dots)))


def _read_line(reading: _Reading, line: str, where: str) -> None:
    if not line or line.startswith("!"):
        if line.startswith("!!!OTL") and not reading.page.title:
            reading.page.title = html.unescape(line.partition(":")[2]).strip()[:200]
        return
    cells = line.split("\t")
    if line.startswith("**"):
        limits.check_count("tracks", len(cells), limits.MAX_TRACKS, where)
        reading.spines = [PrintedPart("") if cell == "**kern" else None for cell in cells]
        reading.ends = [0] * len(cells)
        reading.page.parts = [part for part in reading.spines if part is not None]
        return
    if len(cells) != len(reading.spines):
        raise ValueError("a line has more or fewer columns than there are spines")
    if line.startswith("*"):
        _read_interpretations(reading, cells, where)
    elif line.startswith("="):
        _read_barline(reading, cells[0])
    else:
        _read_notes(reading, cells, where)


def _read_notes(reading: _Reading, cells: list[str], where: str) -> None:
    """One row of notes; every spine that is not a dot begins now, and time goes on to the first end."""
    now, moves = reading.now, False
    for column, (cell, part) in enumerate(zip(cells, reading.spines, strict=True)):
        if part is None or cell == "." or "q" in cell.lower():
            continue
        ticks = 0
        for note in cell.split(" "):
            if duration := _DURATION.search(note):  # a chord's notes may leave it to the first
                ticks = int(_duration_beats(duration.group()) * reading.page.ticks_per_beat)
            if not ticks:
                raise ValueError("a note has no duration")
            reading.ends[column], moves = now + ticks, True
            if ";" in note:
                part.fermatas.append(now)
            if "r" not in note:
                part.notes.append((now, ticks, _pitch(note), "[" in note or "_" in note))
    if moves:
        played = zip(reading.ends, reading.spines, strict=True)
        reading.now = min(end for end, part in played if part is not None and end > now)
    limits.check_count("beats", reading.now // reading.page.ticks_per_beat, limits.MAX_BEATS, where)


def _pitch(cell: str) -> int:
    match = _PITCH.search(cell)
    if match is None:
        raise ValueError("a note has no pitch")
    letters = match.group()
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    pitch = 12 * (octave + 1) + _STEPS[letters[0].lower()] + cell.count("#") - cell.count("-")
    if not 0 <= pitch <= 127:
        raise ValueError("a pitch lies outside MIDI's range")
    return pitch


def _read_barline(reading: _Reading, cell: str) -> None:
    """Closes the bar; a colon before the bar of the sign repeats what was, one behind it what comes."""
    _close_bar(reading)
    bars = reading.page.bars
    if bars and re.search(r":[|!]", cell):
        bars[-1].repeats = 2
    reading.bar.repeat_start = bool(re.search(r"[|!]:", cell))


def _close_bar(reading: _Reading) -> None:
    bar = reading.bar
    bar.end = reading.now
    if bar.end > bar.start:
        if reading.label:
            reading.labels.setdefault(reading.label, []).append(len(reading.page.bars))
        reading.page.bars.append(bar)
        reading.bar = PrintedBar(reading.now, reading.now)


def _read_interpretations(reading: _Reading, cells: list[str], where: str) -> None:
    if cells[0].startswith("*>"):
        _read_label(reading, cells[0][2:])
    if any(cell in {"*^", "*v", "*x", "*+", "*-"} for cell in cells):
        _rearrange_spines(reading, cells, where)
        return
    for cell, part in zip(cells, reading.spines, strict=True):
        if part is not None and cell.startswith('*I"'):
            part.name = cell[3:].strip()[:200]
    for cell in dict.fromkeys(cell for cell, part in zip(cells, reading.spines, strict=True) if part is not None):
        _read_signature(reading, cell, where)


def _read_label(reading: _Reading, label: str) -> None:
    """``[A,A,B]`` is the order of play, ``norep[A,B]`` another that is not asked for, ``A`` a section."""
    if label.startswith("["):
        reading.expansion = label.strip("[]").split(",")[: limits.MAX_BARS]
    elif "[" not in label:
        _close_bar(reading)
        reading.label = label


def _read_signature(reading: _Reading, cell: str, where: str) -> None:
    page, now = reading.page, reading.now
    if match := re.fullmatch(r"\*M(\d{1,4})/(\d{1,4})", cell):
        numerator, denominator = map(int, match.groups())
        limits.check_metre(numerator, denominator, where)
        page.metres.append(Metre(now, numerator, denominator))
    elif match := re.fullmatch(r"\*MM\[?(\d{1,4}(?:\.\d{1,6})?)\]?", cell):
        limits.check_tempo(float(match.group(1)), where)
        page.tempos.append(Tempo(now, float(match.group(1))))
    elif match := re.fullmatch(r"\*k\[([a-g#-]*)\]", cell):
        fifths = match.group(1).count("#") - match.group(1).count("-")
        page.keys.append(KeySignature(now, max(-7, min(7, fifths))))
    elif (match := _TONIC.fullmatch(cell)) and page.keys and page.keys[-1].onset_ticks == now:
        fifths = page.keys[-1].fifths
        page.keys[-1] = KeySignature(now, fifths, _mode(match.group(1), match.group(2), fifths))


def _mode(tonic: str, church_mode: str, fifths: int) -> Mode | None:
    """Major or minor where the tonic and the signature agree; a church mode is neither."""
    circle = "FCGDAEB".index(tonic[0].upper()) - 1 + 7 * (tonic.count("#") - tonic.count("-"))
    if church_mode:
        return None
    if tonic[0].isupper():
        return "major" if circle == fifths else None
    return "minor" if circle - 3 == fifths else None


def _rearrange_spines(reading: _Reading, cells: list[str], where: str) -> None:
    """Splits (``*^``), joins (``*v``), swaps (``*x``), adds (``*+``) and ends (``*-``) spines."""
    columns = list(zip(reading.spines, reading.ends, strict=True))
    result: list[tuple[PrintedPart | None, int]] = []
    swap: int | None = None
    for index, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        if cell == "*-" or (cell == "*v" and index and cells[index - 1] == "*v" and columns[index - 1][0] is column[0]):
            continue
        result.append(column)
        if cell in {"*^", "*+"}:
            result.append(column if cell == "*^" else (None, 0))
        elif cell == "*x" and swap is None:
            swap = len(result) - 1
        elif cell == "*x" and swap is not None:
            result[swap], result[-1], swap = result[-1], result[swap], None
    limits.check_count("tracks", len(result), limits.MAX_TRACKS, where)
    reading.spines, reading.ends = [part for part, _ in result], [end for _, end in result]
