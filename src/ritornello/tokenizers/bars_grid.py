"""The grid of the bar-based scheme: how a Score comes onto it, and back.

* **Bars** are those that ``Score.bars`` finds; barlines go to the nearest 32nd, bars that vanish by it are left out. A
  metre that is no token becomes the one of the same length whose beats are most like its own, else a bar cut short of
  the next longer one; a bar longer than twelve quarters (a cadenza) becomes bars of 4/4. The last bar is filled up with
  rests, unless ``closing_ticks`` says where it ends; one that holds only a 16th or less of earlier notes is none.
* **Onsets** go to the nearest step, halves down; **lengths**, separately, to the nearest of ``DURATIONS``, halves down.
  Notes of one part, onset and pitch are one note, the longest and loudest. A note that would last beyond the next onset
  of its pitch in its part, or beyond the last bar, gets the longest of ``DURATIONS`` that does not.
* **Velocities** go to bins of 8; bin b is heard as ``8 b + 4``. **Tempos** go to the nearest of ``TEMPOS`` by ratio, at
  the nearest step. **Chord symbols** go to the nearest step, **key signatures** to the nearest barline, where they are
  major if they do not say. Of several at one place the last one stays; what says nothing new is left out.
* Names, markers, fermatas, pedal and title are not kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.score import ChordSymbol, IntArray, KeySignature, Metre, Notes, Part, Score, Tempo
from ritornello.tokenizers.bars_words import (
    BAR_STEPS,
    CHORDS,
    DURATIONS,
    MAX_PARTS,
    MODES,
    NUM_PITCHES,
    STEPS_PER_BEAT,
    STEPS_PER_LENGTH,
    TEMPOS,
    VELOCITIES_PER_BIN,
)
from ritornello.tokenizers.metres import METRES

TICKS_PER_BEAT = 480
MAX_STEPS = limits.MAX_BEATS * STEPS_PER_BEAT
MAX_BAR_BEATS = int(BAR_STEPS.max()) // STEPS_PER_BEAT
_TICKS_PER_STEP = TICKS_PER_BEAT // STEPS_PER_BEAT
_LENGTHS_PER_BEAT = STEPS_PER_BEAT // STEPS_PER_LENGTH
_LENGTHS = np.array(DURATIONS)
_BETWEEN_LENGTHS = (_LENGTHS[1:] + _LENGTHS[:-1]) / 2
_BETWEEN_TEMPOS = np.sqrt(np.array(TEMPOS[1:]) * np.array(TEMPOS[:-1]))
_WHERE = "bars scheme"


@dataclass(frozen=True, slots=True, eq=False)
class GridBars:
    """Bars (B,): ``metre`` counts in METRES, ``steps`` is how long each lasts."""

    metre: IntArray
    steps: IntArray

    @property
    def start_steps(self) -> IntArray:
        """Where each begins, and where the last one ends (B + 1,)."""
        return np.append(0, np.cumsum(self.steps))

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """Which are shorter than their metre says (B,)."""
        return self.steps < BAR_STEPS[self.metre]


@dataclass(frozen=True, slots=True, eq=False)
class GridNotes:
    """Notes (N,) in order of onset, part and pitch; ``duration`` counts in DURATIONS."""

    onset_steps: IntArray
    part: IntArray
    pitch: IntArray
    duration: IntArray
    velocity_bin: IntArray

    def __len__(self) -> int:
        return len(self.pitch)


Changes = tuple[tuple[int, int], ...]
"""(place, value) in order; no value is that of the one before."""


@dataclass(frozen=True, slots=True, eq=False)
class GridPiece:
    """A piece on the grid. ``keys`` are placed by bar, the other changes by step; values count their families."""

    programs: tuple[int, ...]
    bars: GridBars
    notes: GridNotes
    keys: Changes
    tempos: Changes
    chords: Changes


def grid_piece(score: Score) -> GridPiece:
    """A Score on the grid; raises UserError when it breaks the limits on parts, notes, beats or bars."""
    if not 1 <= len(score.parts) <= MAX_PARTS:
        raise UserError(f"{len(score.parts)} parts", where=_WHERE, limit=f"1 to {MAX_PARTS} parts")
    limits.check_count("notes", score.num_notes, limits.MAX_NOTES, _WHERE)
    bars = _bars(score)
    starts = bars.start_steps

    def steps(onsets_ticks: Iterable[int]) -> list[int]:
        return np.minimum(_steps(np.array([*onsets_ticks], dtype=np.int64), score), starts[-1] - 1).tolist()

    tempos, chords, keys = score.tempos, score.chords, score.keys
    bars_of_keys = [_nearest(starts[:-1], step) for step in steps(key.onset_ticks for key in keys)]
    return GridPiece(
        tuple(part.program for part in score.parts),
        bars,
        settled(_notes(score, int(starts[-1])), int(starts[-1])),
        keys=_changes(bars_of_keys, [_key(key) for key in keys]),
        tempos=_changes(steps(tempo.onset_ticks for tempo in tempos), [_tempo(tempo) for tempo in tempos]),
        chords=_changes(steps(chord.onset_ticks for chord in chords), [_chord(chord) for chord in chords]),
    )


def settled(notes: GridNotes, end_step: int) -> GridNotes:
    """The notes in order, each once, and none longer than the next onset of its pitch or the piece allows."""
    if not len(notes):
        return notes
    columns = (notes.onset_steps, notes.part, notes.pitch, notes.duration, notes.velocity_bin)
    onset, part, pitch, duration, velocity = (
        column[np.lexsort((notes.onset_steps, notes.pitch, notes.part))] for column in columns
    )
    key = part * NUM_PITCHES + pitch
    begins = np.append(True, (key[1:] != key[:-1]) | (onset[1:] != onset[:-1]))
    first = np.flatnonzero(begins)
    duration, velocity = np.maximum.reduceat(duration, first), np.maximum.reduceat(velocity, first)
    onset, part, pitch, key = onset[first], part[first], pitch[first], key[first]
    until = np.append(np.where(key[1:] == key[:-1], onset[1:], end_step), end_step)
    fitting = np.searchsorted(_LENGTHS, until - onset, side="right") - 1
    order = np.lexsort((pitch, part, onset))
    return GridNotes(*(column[order] for column in (onset, part, pitch, np.minimum(duration, fitting), velocity)))


def score_of(piece: GridPiece) -> Score:
    """The Score of a piece on the grid, 480 ticks per quarter note; parts are named by their numbers."""
    notes, starts = piece.notes, (piece.bars.start_steps * _TICKS_PER_STEP).tolist()
    columns = (
        notes.onset_steps * _TICKS_PER_STEP,
        _LENGTHS[notes.duration] * _TICKS_PER_STEP,
        notes.pitch,
        notes.velocity_bin * VELOCITIES_PER_BIN + VELOCITIES_PER_BIN // 2,
    )
    parts: list[Part] = []
    for number, program in enumerate(piece.programs):
        mine = notes.part == number
        parts.append(Part(f"Part {number + 1}", Notes.columns(*(column[mine] for column in columns)), program))
    has_pickup = len(piece.bars.metre) > 1 and bool(piece.bars.is_short[0])
    return Score(
        TICKS_PER_BEAT,
        tuple(parts),
        _metres(piece.bars, starts, has_pickup=has_pickup) or (Metre(0, 4, 4),),
        tuple(KeySignature(starts[bar], key % 15 - 7, MODES[key // 15]) for bar, key in piece.keys),
        tuple(Tempo(step * _TICKS_PER_STEP, float(TEMPOS[value])) for step, value in piece.tempos),
        pickup_ticks=starts[1] if has_pickup else 0,
        closing_ticks=starts[-1],
        chords=tuple(ChordSymbol(step * _TICKS_PER_STEP, *CHORDS[value]) for step, value in piece.chords),
    )


def _bars(score: Score) -> GridBars:
    """The bars of a Score; those of unknown metres get a known one, and the last one is filled up."""
    ticks = score.ticks_per_beat
    if score.end_ticks > limits.MAX_BEATS * ticks:
        raise limits.too_large("the piece", score.end_ticks // ticks, limits.MAX_BEATS, _WHERE, unit="quarter notes")
    known = tuple(m if m.bar_ticks(ticks) <= MAX_BAR_BEATS * ticks else _four_four(m) for m in score.metres)
    _check_count_of_bars(known, score)
    onsets = np.array([metre.onset_ticks for metre in known])
    spans = _spans(score, known)
    places: list[int] = (np.searchsorted(onsets, [start for start, _ in spans], side="right") - 1).tolist()
    borders = _rounded(np.array([start for start, _ in spans] + [spans[-1][1]]), _LENGTHS_PER_BEAT, ticks)
    borders[-1] = max(borders[-1], borders[-2] + 1)
    kept = np.flatnonzero(np.diff(borders))
    steps = STEPS_PER_LENGTH * np.diff(borders)[kept]
    metres = [known[places[bar]] for bar in kept.tolist()]
    metre = [_metre(metre, length, ticks) for metre, length in zip(metres, steps.tolist(), strict=True)]
    return GridBars(np.array(metre), steps)


def _spans(score: Score, known: tuple[Metre, ...]) -> list[tuple[int, int]]:
    """First and last tick of each bar, with the last one as it should be."""
    ticks = score.ticks_per_beat
    pickup_ticks = score.pickup_ticks % known[0].bar_ticks(ticks)  # a longer one holds whole bars
    bars = replace(score, metres=known, pickup_ticks=pickup_ticks).bars() or [(0, 0)]
    notes = [part.notes for part in score.parts if len(part.notes)]
    last_onset = max((int(part.onset_ticks.max()) for part in notes), default=0)
    notes_end = max((int(part.offset_ticks.max()) for part in notes), default=0)
    if score.closing_ticks and score.closing_ticks >= notes_end:
        return bars
    start = bars[-1][0]
    if last_onset < start and notes_end <= start + ticks // 4:
        return bars[:-1]
    in_force = next(metre for metre in reversed(known) if metre.onset_ticks <= start)
    return [*bars[:-1], (start, start + in_force.bar_ticks(ticks))]


def _four_four(metre: Metre) -> Metre:
    return replace(metre, numerator=4, denominator=4)


def _check_count_of_bars(metres: Sequence[Metre], score: Score) -> None:
    """Before they are made: a bar can be shorter than a tick of sense."""
    ends = [metre.onset_ticks for metre in metres[1:]] + [max(score.end_ticks, metres[-1].onset_ticks)]
    spans = zip(metres, ends, strict=True)
    count = sum(-(-max(0, end - metre.onset_ticks) // metre.bar_ticks(score.ticks_per_beat)) for metre, end in spans)
    limits.check_count("bars", count, limits.MAX_BARS, _WHERE)


def _metre(metre: Metre, steps: int, ticks: int) -> int:
    """The index in METRES of the metre that a bar of ``steps`` is said to have."""
    if str(metre) in METRES:
        return METRES.index(str(metre))
    full = metre.bar_ticks(ticks) * STEPS_PER_BEAT
    same = [i for i, known in enumerate(BAR_STEPS.tolist()) if known * ticks == full]
    longer = [i for i, known in enumerate(BAR_STEPS.tolist()) if known >= steps]
    return min(same or longer, key=lambda i: (BAR_STEPS[i], _unlike(METRES[i], metre)))


def _unlike(known: str, metre: Metre) -> float:
    """How different the beats of two metres are, by the ratio of their denominators."""
    return abs(math.log2(int(known.split("/")[1]) / metre.denominator))


def _metres(bars: GridBars, starts: Sequence[int], *, has_pickup: bool) -> tuple[Metre, ...]:
    """The metres of bars: a metre is said again behind a short bar, so that the next one begins there."""
    metres: list[Metre] = []
    is_short = bars.is_short.tolist()
    for bar, (metre, start) in enumerate(zip(bars.metre.tolist(), starts[:-1], strict=True)):
        again = bar > 0 and is_short[bar - 1] and not (bar == 1 and has_pickup)
        if again or not bar or metre != bars.metre[bar - 1]:
            metres.append(Metre(start, *map(int, METRES[int(metre)].split("/"))))
    return tuple(metres)


def _notes(score: Score, end_step: int) -> GridNotes:
    """All notes of a Score, each rounded by itself, part after part."""
    columns = [np.zeros((5, 0), dtype=np.int64)]
    for number, notes in enumerate(part.notes for part in score.parts):
        onset = np.minimum(_steps(notes.onset_ticks, score), end_step - 1)
        duration = np.searchsorted(_BETWEEN_LENGTHS, notes.duration_ticks * (STEPS_PER_BEAT / score.ticks_per_beat))
        velocity = (notes.velocity - 1) // VELOCITIES_PER_BIN
        columns.append(np.stack([onset, np.full_like(onset, number), notes.pitch, duration, velocity]))
    return GridNotes(*np.concatenate(columns, axis=1))


def _steps(onset_ticks: IntArray, score: Score) -> IntArray:
    return _rounded(onset_ticks, STEPS_PER_BEAT, score.ticks_per_beat)


def _rounded(onset_ticks: IntArray, per_beat: int, ticks_per_beat: int) -> IntArray:
    """Times in ticks as times in units, to the nearest, halves down."""
    return -((ticks_per_beat - 2 * onset_ticks * per_beat) // (2 * ticks_per_beat))


def _nearest(barlines: IntArray, step: int) -> int:
    """The bar whose barline is nearest to a step, the earlier of two."""
    return int(np.argmin(np.abs(barlines - step)))


def _key(key: KeySignature) -> int:
    return 15 * MODES.index(key.mode or "major") + key.fifths + 7


def _tempo(tempo: Tempo) -> int:
    return int(np.searchsorted(_BETWEEN_TEMPOS, tempo.beats_per_minute))


def _chord(chord: ChordSymbol) -> int:
    value = (chord.root, chord.quality)
    if value not in CHORDS:
        raise UserError(f"the chord symbol {value} is none", where=_WHERE, mend="a root 0-11 and a known quality")
    return CHORDS.index(value)


def _changes(places: Sequence[int], values: Sequence[int]) -> Changes:
    """In order of place, the last one at each, without those that say nothing new."""
    at = sorted(dict(sorted(zip(places, values, strict=True), key=lambda change: change[0])).items())
    return tuple(change for i, change in enumerate(at) if not i or change[1] != at[i - 1][1])
