"""Score: what music is in ritornello.

A Score is a value. Times are integer ticks, a *beat* is always a quarter note whatever the metre,
and repeats are already unfolded: the notes stand in the order in which they sound. Notes live in
columns (numpy arrays), since performances have a hundred thousand of them.

Readers (``midi.py``, ``musicxml.py``, ``kern.py``) make Scores, writers take them; nothing else in
the project knows a file format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
Mode: TypeAlias = Literal["major", "minor"]


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature that holds from ``onset_ticks`` on."""

    onset_ticks: int
    numerator: int
    denominator: int

    def bar_ticks(self, ticks_per_beat: int) -> int:
        """Length of one full bar in ticks, at least 1."""
        return max(1, self.numerator * 4 * ticks_per_beat // self.denominator)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, slots=True)
class KeySignature:
    """Sharps (positive) or flats (negative), -7 to 7, and the mode where the source states it."""

    onset_ticks: int
    fifths: int
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Tempo:
    """Quarter notes per minute from ``onset_ticks`` on."""

    onset_ticks: int
    beats_per_minute: float


@dataclass(frozen=True, slots=True)
class Marker:
    """A text at a place, such as the name of a section."""

    onset_ticks: int
    text: str


@dataclass(frozen=True, slots=True)
class ChordSymbol:
    """A chord as a lead sheet names it; it holds from ``onset_ticks`` to the next one.

    ``root`` is a pitch class 0-11, or None for no chord; ``quality`` a key of ``form.chord.SYMBOL_QUALITIES``, empty
    where there is no root.
    """

    onset_ticks: int
    root: int | None
    quality: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """Notes of one part as columns of equal length N, sorted by (onset, pitch); read-only.

    ``onset_ticks`` >= 0, ``duration_ticks`` >= 1, ``pitch`` 0-127 (60 = middle C),
    ``velocity`` 1-127. Ties are merged: one row is one sounding note.
    """

    onset_ticks: IntArray
    duration_ticks: IntArray
    pitch: IntArray
    velocity: IntArray

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, int]]) -> Notes:
        """Makes Notes from rows (onset, duration, pitch, velocity) in any order."""
        table = np.asarray(sorted(rows, key=lambda row: (row[0], row[2])), dtype=np.int64)
        return cls.columns(*table.reshape(-1, 4).T)

    @classmethod
    def columns(cls, onset_ticks: IntArray, duration_ticks: IntArray, pitch: IntArray, velocity: IntArray) -> Notes:
        """Makes Notes from four arrays of equal length in any order."""
        arrays = [np.ascontiguousarray(c, dtype=np.int64) for c in (onset_ticks, duration_ticks, pitch, velocity)]
        order = np.argsort(arrays[0] * 128 + arrays[2], kind="stable")  # times of performances are almost in order
        arrays = [array.take(order) for array in arrays]
        for array in arrays:
            array.setflags(write=False)
        return cls(*arrays)

    def chosen(self, which: NDArray[np.bool_]) -> Notes:
        """Those for which it is true (N,), in the same order."""
        return Notes.columns(
            self.onset_ticks[which], self.duration_ticks[which], self.pitch[which], self.velocity[which]
        )

    @property
    def offset_ticks(self) -> IntArray:
        """Where each note ends."""
        return self.onset_ticks + self.duration_ticks

    def __len__(self) -> int:
        return len(self.pitch)

    def rows(self) -> Iterator[tuple[int, int, int, int]]:
        """Yields (onset, duration, pitch, velocity) as plain integers, for scores of modest size."""
        columns = (self.onset_ticks, self.duration_ticks, self.pitch, self.velocity)
        return zip(*(column.tolist() for column in columns), strict=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Notes) and list(self.rows()) == list(other.rows())

    def __hash__(self) -> int:
        return hash((len(self), self.pitch.tobytes()))


@dataclass(frozen=True, slots=True, eq=False)
class Pedal:
    """Places of the sustain pedal as columns of equal length, in order of time; read-only.

    ``value`` 0-127 as in MIDI controller 64: 64 and more is down. Where several stand at one tick, the last one holds.
    """

    onset_ticks: IntArray
    value: IntArray

    @classmethod
    def columns(cls, onset_ticks: IntArray, value: IntArray) -> Pedal:
        """Makes a Pedal from two arrays of equal length; those at one tick keep their order."""
        order = np.argsort(onset_ticks, kind="stable")
        arrays = [np.ascontiguousarray(c, dtype=np.int64).take(order) for c in (onset_ticks, value)]
        for array in arrays:
            array.setflags(write=False)
        return cls(*arrays)

    def __len__(self) -> int:
        return len(self.value)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Pedal)
            and np.array_equal(self.onset_ticks, other.onset_ticks)
            and np.array_equal(self.value, other.value)
        )

    def __hash__(self) -> int:
        return hash((self.onset_ticks.tobytes(), self.value.tobytes()))


NO_PEDAL = Pedal.columns(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
"""The pedal of an instrument that has none."""


@dataclass(frozen=True, slots=True)
class Part:
    """One voice or instrument. ``program`` is General MIDI, 0-127; fermatas stand at note onsets.

    Notes last as long as their keys are held; ``sustain.py`` adds what the pedal does.
    """

    name: str
    notes: Notes
    program: int = 0
    fermatas_ticks: tuple[int, ...] = ()
    pedal: Pedal = NO_PEDAL


@dataclass(frozen=True, slots=True)
class Score:
    """A piece. The first bar is a pickup of ``pickup_ticks`` when that is above zero.

    ``metres`` is never empty and starts at tick 0; the other tables may be empty. ``end_ticks`` is
    the end of the last note, or later when the last bar closes with rests.
    """

    ticks_per_beat: int
    parts: tuple[Part, ...]
    metres: tuple[Metre, ...] = (Metre(0, 4, 4),)
    keys: tuple[KeySignature, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    markers: tuple[Marker, ...] = ()
    pickup_ticks: int = 0
    title: str = ""
    closing_ticks: int = field(default=0)
    """Where the last bar ends when rests follow the last note; 0 = at the last note."""
    chords: tuple[ChordSymbol, ...] = ()
    """Chord symbols over the piece in order, where the source has them; of what is written, MusicXML carries them."""

    @property
    def end_ticks(self) -> int:
        """End of the piece in ticks."""
        ends = [int(part.notes.offset_ticks.max()) for part in self.parts if len(part.notes)]
        return max([self.closing_ticks, *ends])

    @property
    def num_notes(self) -> int:
        """Number of sounding notes in all parts."""
        return sum(len(part.notes) for part in self.parts)

    def bars(self) -> list[tuple[int, int]]:
        """(start, end) of every bar in ticks; the pickup comes first; the last may be short."""
        bars, start, end = [], 0, self.end_ticks
        if 0 < self.pickup_ticks < end:
            bars, start = [(0, self.pickup_ticks)], self.pickup_ticks
        current = 0
        while start < end:
            while current + 1 < len(self.metres) and self.metres[current + 1].onset_ticks <= start:
                current += 1
            later = self.metres[current + 1].onset_ticks if current + 1 < len(self.metres) else end
            stop = min(start + self.metres[current].bar_ticks(self.ticks_per_beat), end, later)
            bars.append((start, stop))
            start = stop
        return bars
