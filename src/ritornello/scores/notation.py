"""From sounding notes to written ones: voices, bars, tied note values, rests, beams.

A note is cut at barlines, where its length has no single note value, and where it would hide a
beat that is two levels stronger than the place where it begins.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ritornello.scores.score import Metre, Part

NOTE_TYPES = ("long", "breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
_FIRST_BEATS = 16
"""Length of a long in quarter notes; each further type is half as long."""
_QUARTER = NOTE_TYPES.index("quarter")


@dataclass(frozen=True, slots=True)
class NoteValue:
    """A written length: type, dots, and whether it is a triplet's."""

    type: str
    dots: int = 0
    triplet: bool = False

    @property
    def num_beams(self) -> int:
        """Flags or beams: 1 for an eighth."""
        return max(0, NOTE_TYPES.index(self.type) - _QUARTER)


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note, chord or rest (no pitches) of one value inside one bar; ties per pitch."""

    onset_ticks: int
    duration_ticks: int
    pitches: tuple[int, ...]
    value: NoteValue | None
    tied_from: bool = False
    tied_to: bool = False
    beams: tuple[str, ...] = ()
    fills_bar: bool = False

    @property
    def offset_ticks(self) -> int:
        """Where it ends."""
        return self.onset_ticks + self.duration_ticks


@dataclass(frozen=True, slots=True)
class Measure:
    """A bar and its metre; ``origin_ticks`` is where a full bar would begin (before a pickup)."""

    start: int
    end: int
    metre: Metre
    ticks_per_beat: int
    origin_ticks: int

    def level(self, tick: int) -> int:
        """Metrical weight of a place: 0 the barline, then each further level is weaker."""
        place = tick - self.origin_ticks
        return next((n for n, unit in enumerate(self.units) if place % unit == 0), len(self.units))

    @property
    def units(self) -> tuple[int, ...]:
        """Spans of the metre in ticks, from the bar to the 64th."""
        bar = self.metre.bar_ticks(self.ticks_per_beat)
        beat = bar // self.metre.numerator
        groups = [bar]
        if self.metre.numerator % 3 == 0 and self.metre.numerator > 3:
            groups += [6 * beat] if self.metre.numerator % 12 == 0 else []
            groups += [3 * beat]
        elif self.metre.numerator % 2 == 0 and self.metre.numerator > 2:
            groups += [2 * beat]
        halves = [beat // 2**n for n in range(6) if beat % 2**n == 0]
        return tuple(groups + halves)

    @property
    def beam_ticks(self) -> int:
        """How far a beam reaches: a quarter, or three eighths in 6/8 and its kind."""
        eighths = self.metre.denominator >= 8 and self.metre.numerator % 3 == 0
        return self.ticks_per_beat * 3 // 2 if eighths else self.ticks_per_beat


Chord = tuple[int, int, tuple[int, ...]]
"""(onset, offset, pitches)."""


def voices(part: Part) -> list[list[Chord]]:
    """The notes of a part as voices without overlaps; notes with the same onset and end are a chord."""
    rows = sorted((onset, -duration, pitch) for onset, duration, pitch, _ in part.notes.rows())
    result: list[list[Chord]] = [[]]
    for (onset, duration), group in itertools.groupby(rows, key=lambda row: row[:2]):
        chord = (onset, onset - duration, tuple(sorted({row[2] for row in group})))
        free = next((voice for voice in result if not voice or voice[-1][1] <= onset), None)
        if free is None:
            result.append([chord])
        else:
            free.append(chord)
    return result


def written_bars(chords: Sequence[Chord], measures: Sequence[Measure], cuts: Sequence[int]) -> list[list[WrittenNote]]:
    """Per measure the notes and rests of a voice, filling it; ``cuts`` are further places to cut at."""
    bars: list[list[WrittenNote]] = []
    pending = list(reversed(chords))
    for measure in measures:
        inside = sorted({cut for cut in cuts if measure.start < cut < measure.end}) if cuts else []
        notes: list[WrittenNote] = []
        now = measure.start
        while pending and pending[-1][0] < measure.end:
            onset, offset, pitches = pending.pop()
            notes += _rests(now, max(now, onset), measure, inside)
            stop = min(offset, measure.end)
            notes += _tied(max(now, onset), stop, pitches, measure, inside)
            now = max(now, stop)
            if offset > measure.end:
                notes[-1] = replace(notes[-1], tied_to=True)
                pending.append((measure.end, offset, pitches))
        notes += _rests(now, measure.end, measure, inside)
        bars.append(_beamed(notes, measure))
    return _with_ties_over_barlines(bars)


def note_value(ticks: int, ticks_per_beat: int) -> NoteValue | None:
    """The value of a length: plain, dotted or a triplet's; None if there is none."""
    beats = Fraction(ticks, ticks_per_beat)
    for dots, triplet, factor in ((0, False, Fraction(1)), (1, False, Fraction(3, 2)), (0, True, Fraction(2, 3))):
        plain = beats / factor
        inverse = _FIRST_BEATS / plain
        if inverse.denominator == 1 and inverse.numerator & (inverse.numerator - 1) == 0:
            index = inverse.numerator.bit_length() - 1
            if index < len(NOTE_TYPES):
                return NoteValue(NOTE_TYPES[index], dots, triplet)
    return None


def _rests(start: int, stop: int, measure: Measure, cuts: Sequence[int]) -> list[WrittenNote]:
    if (start, stop) == (measure.start, measure.end) and not cuts:
        return [WrittenNote(start, stop - start, (), None, fills_bar=True)]
    pieces = itertools.pairwise([start, *(cut for cut in cuts if start < cut < stop), stop])
    return [
        WrittenNote(a, b - a, (), note_value(b - a, measure.ticks_per_beat))
        for begin, end in pieces
        if begin < end
        for a, b in _values(begin, end, measure, 0)
    ]


def _tied(start: int, stop: int, pitches: tuple[int, ...], measure: Measure, cuts: Sequence[int]) -> list[WrittenNote]:
    pieces = itertools.pairwise([start, *(cut for cut in cuts if start < cut < stop), stop])
    spans = [span for begin, end in pieces for span in _values(begin, end, measure, 1)]
    return [
        WrittenNote(a, b - a, pitches, note_value(b - a, measure.ticks_per_beat), tied_from=a > start, tied_to=b < stop)
        for a, b in spans
    ]


def _values(start: int, stop: int, measure: Measure, hidden_levels: int) -> Iterator[tuple[int, int]]:
    """Cuts a span into note values that hide no beat more than ``hidden_levels`` stronger than their start."""
    boundary = _strongest_inside(start, stop, measure)
    fits = note_value(stop - start, measure.ticks_per_beat) is not None
    if fits and (boundary is None or measure.level(boundary) >= measure.level(start) - hidden_levels):
        boundary = None
    elif boundary is None and not fits:
        boundary = _longest_value(start, stop, measure.ticks_per_beat)
    if boundary is None:
        yield start, stop
        return
    yield from _values(start, boundary, measure, hidden_levels)
    yield from _values(boundary, stop, measure, hidden_levels)


def _strongest_inside(start: int, stop: int, measure: Measure) -> int | None:
    """The strongest place between the ends of a span, the last of equals; for triplets only whole beats count."""
    weakest = len(measure.units)
    is_triplet = measure.level(start) == weakest or measure.level(stop) == weakest
    for unit in measure.units:
        last = stop - 1 - (stop - 1 - measure.origin_ticks) % unit
        if start < last < stop and not (is_triplet and unit < measure.ticks_per_beat):
            return last
    return None


def _longest_value(start: int, stop: int, ticks_per_beat: int) -> int | None:
    """Where the longest plain or triplet value that begins a span ends; None if the span is shorter than all."""
    lengths = (ticks_per_beat * numerator // 48 for numerator in (32, 24, 16, 12, 8, 6, 4, 3, 2))
    return next((start + length for length in lengths if 0 < length < stop - start), None)


def _with_ties_over_barlines(bars: list[list[WrittenNote]]) -> list[list[WrittenNote]]:
    for before, after in itertools.pairwise(bars):
        if before and after and before[-1].tied_to:
            after[0] = replace(after[0], tied_from=True)
    return bars


def _beamed(notes: list[WrittenNote], measure: Measure) -> list[WrittenNote]:
    """Joins neighbouring eighths and shorter notes of one beat by beams."""

    def group(note: WrittenNote) -> tuple[int, bool]:
        return (note.onset_ticks - measure.origin_ticks) // measure.beam_ticks, _num_beams(note) > 0

    result: list[WrittenNote] = []
    for (_, beamable), members in itertools.groupby(notes, key=group):
        run = list(members)
        result += _beam(run, measure) if beamable and len(run) > 1 else run
    return result


def _beam(run: list[WrittenNote], measure: Measure) -> list[WrittenNote]:
    counts = [_num_beams(note) for note in run]
    beamed: list[WrittenNote] = []
    for index, note in enumerate(run):
        before = counts[index - 1] if index else 0
        after = counts[index + 1] if index + 1 < len(run) else 0
        words: list[str] = []
        for number in range(1, counts[index] + 1):
            if number <= before and number <= after:
                words.append("continue")
            elif number <= after:
                words.append("begin")
            elif number <= before:
                words.append("end")
            else:
                starts_stronger = measure.level(note.onset_ticks) < measure.level(note.offset_ticks)
                words.append("forward hook" if not before or (after and starts_stronger) else "backward hook")
        beamed.append(replace(note, beams=tuple(words)))
    return beamed


def _num_beams(note: WrittenNote) -> int:
    return note.value.num_beams if note.value is not None and note.pitches else 0
