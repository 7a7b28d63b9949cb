"""Fugues: the subject, and where it enters.

The *subject* is what one voice plays alone at the beginning, up to where a second voice, the answer, joins it; what
does not come back with most later entries, a codetta before the answer, is cut off its end. In a stretto fugue the
answer comes before enough has been heard; the first voice is then followed further by pitch.

Fugues whose further subjects come later are covered for the first one alone.

An *entry* is looked for in the whole texture, since a keyboard score does not say which note is in which voice: each
note of the subject has one place in time and one pitch that it should have, given where the entry begins, on which
level, whether upside down, and whether in other note values. Notes may be missing or stand a little higher or lower,
and the level may shift on the way, as a tonal answer's does: the best alignment is found by dynamic programming over
the notes of the subject, with the shift as its state. Of entries that share most of their notes only the likeliest
counts.

The weights and thresholds below were chosen on 18 fugues of the Well-Tempered Clavier I; ``benchmarks/fugues.py``
measures them there and on the Art of Fugue.

Times are counted in steps of 1/24 beat, which hold 16ths, 32nds and triplets. Shapes: C places where an entry may
begin, N notes of the subject, 2 * MAX_SHIFT + 1 shifts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray, Score

Level = Literal["exact", "transposed", "tonal"]
FloatArray = NDArray[np.float64]

STEPS_PER_BEAT = 24
MIN_NOTES, MAX_NOTES = 4, 40
"""Notes of a subject. Fewer say nothing; of a longer solo only the beginning is looked for."""
ENOUGH_NOTES = 9
"""A subject of fewer notes that the answer cut short is followed further."""
MAX_SHIFT = 2
"""Semitones by which the level of an entry may shift on the way, up or down."""
SHIFT_COST = 0.2
"""What a shift by a semitone costs, in notes."""
OTHER_LENGTH = 0.6
"""Worth of a note that begins where it should but is longer or shorter; the last note may be either."""
MOVED_FIRST = 0.4
"""Worth of a first note that begins early or late and ends where it should."""
MIN_LIKENESS, OF_SHORT, OF_OTHER_SPEED = 0.45, 0.8, 0.15
"""Share of the subject that an entry must have: of a very long one, more by this over the root of its number of notes,
and more in doubled or halved note values."""
MIN_SHARE = 0.8
"""Share of the opening that is subject, at least; the rest may be a codetta."""
MIN_SUPPORT = 0.5
"""Share of the other entries that have the subject's last note, at least."""
LENGTH_POWER = 2.0
"""How much a longer subject is worth more than one that is heard more often."""
MAX_SHARED = 0.5
"""Share of the notes of an entry that may belong to likelier ones."""
_ANCHORS = 3
"""An entry has at least one of the subject's first three notes on its level."""
_SPEEDS = (1.0, 2.0, 0.5)
_NO_NOTE = -1
_ROUNDING = 1e-6


class Entry(NamedTuple):
    """One statement of the subject."""

    start_beats: float
    end_beats: float
    """Where its last note that is there ends."""
    pitch: int
    """MIDI pitch of its first note, or that which the first note would have."""
    semitones: int
    """Level against the first statement; for an inverted entry, that of its first note."""
    level: Level
    """``exact`` is the same pitches or octaves of them, ``tonal`` one whose intervals differ somewhere."""
    inverted: bool
    time_scale: float
    """2 where the note values are doubled (augmentation), 0.5 where they are halved (diminution), else 1."""
    part: int
    """Index of the part to which most of its notes belong."""
    likeness: float
    """0-1, how much of the subject it has."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Columns of the subject's N notes: steps after its first one, length in steps, pitch."""

    onset: IntArray
    length: IntArray
    pitch: IntArray
    start_beats: float

    def __len__(self) -> int:
        return len(self.pitch)

    @property
    def beats(self) -> float:
        """Duration in quarter notes."""
        return float((self.onset + self.length).max()) / STEPS_PER_BEAT

    def first(self, num_notes: int) -> Subject:
        """Its first notes."""
        return Subject(self.onset[:num_notes], self.length[:num_notes], self.pitch[:num_notes], self.start_beats)


class Fugue(NamedTuple):
    """A subject and its entries in order of time, the first statement among them."""

    subject: Subject
    entries: tuple[Entry, ...]


class _Points(NamedTuple):
    """All notes of a score in order of (onset, pitch): columns of equal length, and a map of them."""

    onset: IntArray
    length: IntArray
    pitch: IntArray
    part: IntArray
    at: IntArray
    """(steps, 128) index of the note that begins there, -1 for none."""
    to: IntArray
    """(steps, 128) index of the note that ends there, -1 for none."""


class _Alignment(NamedTuple):
    """How the subject lies on the texture from each of C places."""

    likeness: FloatArray
    """(C,) 0-1."""
    note: IntArray
    """(C, N) index of the note that stands for each note of the subject, -1 where none does."""
    varies: NDArray[np.bool_]
    """(C,) whether any of them is off the level of the entry."""


class _Found(NamedTuple):
    """An entry with the indexes of its notes, -1 where one is missing."""

    entry: Entry
    notes: IntArray


def fugue_of(score: Score) -> Fugue | None:
    """The subject of a score and its entries; None if one voice alone does not begin it or nothing answers."""
    points = _points(score)
    opening = _opening(points)
    if opening is None:
        return None
    subject = _returning(points, opening)
    entries = _entries(points, subject)
    if len(entries) < 2:
        return None
    return Fugue(subject, tuple(found.entry for found in entries))


def _points(score: Score) -> _Points:
    rows: list[IntArray] = []
    for number, part in enumerate(score.parts):
        onset, end = (
            (ticks * STEPS_PER_BEAT + score.ticks_per_beat // 2) // score.ticks_per_beat
            for ticks in (part.notes.onset_ticks, part.notes.offset_ticks)
        )
        length = np.maximum(end - onset, 1)
        rows.append(np.stack([onset, length, part.notes.pitch, np.full(len(onset), number)]))
    table = np.concatenate(rows, axis=1) if rows else np.zeros((4, 0), dtype=np.int64)
    onset, length, pitch, part = table[:, np.lexsort((table[2], table[0]))]
    at = np.full((int((onset + length).max(initial=0)) + 1, 128), _NO_NOTE)
    to = at.copy()
    at[onset, pitch] = to[onset + length, pitch] = np.arange(len(onset))
    return _Points(onset, length, pitch, part, at, to)


def _opening(points: _Points) -> Subject | None:
    """What is heard before two notes sound together, with the note on which the first voice then arrives.

    If that is very short, the first voice is followed further. None if the piece begins with several voices, or
    never has two at once.
    """
    together = np.flatnonzero(points.onset[1:] < (points.onset + points.length)[:-1])
    if not len(together):
        return None
    notes = np.flatnonzero(points.onset < points.onset[together[0] + 1])[:MAX_NOTES].tolist()
    least = len(notes) + 1 if len(notes) >= MIN_NOTES else ENOUGH_NOTES
    while notes and len(notes) < least and (following := _following(points, notes[-1])) is not None:
        notes.append(following)
    if len(notes) < MIN_NOTES:
        return None
    onset = points.onset[notes]
    return Subject(onset - onset[0], points.length[notes], points.pitch[notes], float(onset[0]) / STEPS_PER_BEAT)


def _following(points: _Points, note: int) -> int | None:
    """The note that goes on in the same voice: of those that begin where it ends, the nearest in pitch."""
    there = np.flatnonzero(points.onset == points.onset[note] + points.length[note])
    if not len(there):
        return None
    return int(there[np.abs(points.pitch[there] - points.pitch[note]).argmin()])


def _returning(points: _Points, opening: Subject) -> Subject:
    """The beginning of the opening that explains most of the piece: long, and often heard.

    Last notes that fewer than half of the other entries have are cut off.
    """
    best, best_worth = opening, 0.0
    support = np.ones(len(opening))
    for num_notes in range(MIN_NOTES, len(opening) + 1):
        subject = opening.first(num_notes)
        if subject.onset[-1] < MIN_SHARE * opening.onset[-1]:
            continue
        found = _distinct(points, subject, _candidates(points, subject, 1, 1.0))
        worth = (sum(f.entry.likeness for f in found) - 1) * float(subject.onset[-1]) ** LENGTH_POWER
        if worth > best_worth:
            best, best_worth = subject, worth
            support = np.stack([f.notes != _NO_NOTE for f in found[1:]]).mean(axis=0)
    common = np.flatnonzero(support[: len(best)] >= MIN_SUPPORT)
    return best.first(max(MIN_NOTES, int(common[-1]) + 1 if len(common) else 0))


def _entries(points: _Points, subject: Subject) -> list[_Found]:
    """All entries in order of time."""
    found = [f for scale in _SPEEDS for sign in (1, -1) for f in _candidates(points, subject, sign, scale)]
    return sorted(_distinct(points, subject, found), key=lambda f: (f.entry.start_beats, f.entry.pitch))


def _distinct(points: _Points, subject: Subject, found: Iterable[_Found]) -> list[_Found]:
    """Of entries that share most of their notes only the likeliest; the first statement before all."""
    taken = np.zeros(len(points.onset), dtype=np.bool_)
    chosen: list[_Found] = []
    for candidate in sorted(found, key=lambda f: (f.entry.start_beats != subject.start_beats, -f.entry.likeness)):
        own = candidate.notes[candidate.notes != _NO_NOTE]
        if taken[own].mean() <= MAX_SHARED:
            taken[own] = True
            chosen.append(candidate)
    return chosen


def _candidates(points: _Points, subject: Subject, sign: int, scale: float) -> list[_Found]:
    """Every place where enough of the subject is heard, upside down (sign -1) or at another speed."""
    starts, pitches = _places(points, subject, sign, scale)
    if not len(starts):
        return []
    aligned = _align(points, subject, starts, pitches, sign, scale)
    least = MIN_LIKENESS + OF_SHORT / len(subject) ** 0.5 + (OF_OTHER_SPEED if scale != 1.0 else 0.0)
    found: list[_Found] = []
    for place in np.flatnonzero(aligned.likeness >= least - _ROUNDING):
        notes = aligned.note[place]
        notes = notes[notes != _NO_NOTE]
        semitones = int(pitches[place] - subject.pitch[0])
        same = "exact" if semitones % 12 == 0 and sign == 1 else "transposed"
        entry = Entry(
            start_beats=float(max(points.onset[notes[0]], starts[place])) / STEPS_PER_BEAT,
            end_beats=float(points.onset[notes[-1]] + points.length[notes[-1]]) / STEPS_PER_BEAT,
            pitch=int(pitches[place]),
            semitones=semitones,
            level="tonal" if aligned.varies[place] else same,
            inverted=sign < 0,
            time_scale=scale,
            part=int(np.bincount(points.part[notes]).argmax()),
            likeness=float(aligned.likeness[place]),
        )
        found.append(_Found(entry, aligned.note[place]))
    return found


def _places(points: _Points, subject: Subject, sign: int, scale: float) -> tuple[IntArray, IntArray]:
    """(C,), (C,) steps and pitches at which an entry may begin: those that give a first note its place."""
    rows: list[IntArray] = []
    for number in range(min(_ANCHORS, len(subject))):
        delay = round(float(subject.onset[number]) * scale)
        rise = sign * int(subject.pitch[number] - subject.pitch[0])
        rows.append(np.stack([points.onset - delay, points.pitch - rise]))
    starts, pitches = np.unique(np.concatenate(rows, axis=1), axis=1)
    return starts, pitches


def _align(
    points: _Points, subject: Subject, starts: IntArray, pitches: IntArray, sign: int, scale: float
) -> _Alignment:
    """The best alignment of the subject from each place (C,)."""
    shifts = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
    cost = SHIFT_COST * np.abs(shifts[:, None] - shifts)
    total = np.where(shifts == 0, 0.0, -SHIFT_COST * np.abs(shifts)) + np.zeros((len(starts), 1))
    notes: list[IntArray] = []
    back: list[IntArray] = []
    for number in range(len(subject)):
        note, worth = _heard(points, subject, number, starts, pitches[:, None] + shifts, sign, scale)
        if number:
            through = total[:, :, None] - cost
            back.append(through.argmax(axis=1))
            total = through.max(axis=1)
        total = total + worth
        notes.append(note)
    state = total.argmax(axis=1)
    likeness = total.max(axis=1) / len(subject)
    rows = np.arange(len(starts))
    chosen = np.full((len(starts), len(subject)), _NO_NOTE)
    varies = np.zeros(len(starts), dtype=np.bool_)
    for number in range(len(subject) - 1, -1, -1):
        chosen[:, number] = notes[number][rows, state]
        varies |= (chosen[:, number] != _NO_NOTE) & (shifts[state] != 0)
        state = back[number - 1][rows, state] if number else state
    return _Alignment(likeness, chosen, varies)


def _heard(
    points: _Points, subject: Subject, number: int, starts: IntArray, levels: IntArray, sign: int, scale: float
) -> tuple[IntArray, FloatArray]:
    """(C, shifts) index of the note that stands for one of the subject on each level, and its worth, 0-1.

    The first note may begin early or late, if it ends where it should; the last one may end at any time.
    """
    pitch = levels + sign * int(subject.pitch[number] - subject.pitch[0])
    step = starts[:, None] + round(float(subject.onset[number]) * scale)
    length = round(float(subject.length[number]) * scale)
    note = _look_up(points.at, step, pitch)
    same = (points.length[note] == length) | (number == len(subject) - 1)
    worth = np.where(note == _NO_NOTE, 0.0, np.where(same, 1.0, OTHER_LENGTH))
    if number == 0:
        moved = _look_up(points.to, step + length, pitch)
        worth = np.where((note == _NO_NOTE) & (moved != _NO_NOTE), MOVED_FIRST, worth)
        note = np.where(note == _NO_NOTE, moved, note)
    return note, worth


def _look_up(table: IntArray, step: IntArray, pitch: IntArray) -> IntArray:
    """Entries of a table (steps, 128); -1 outside it."""
    there = (step >= 0) & (step < len(table)) & (pitch >= 0) & (pitch < 128)
    return np.where(there, table[np.where(there, step, 0), np.where(there, pitch, 0)], _NO_NOTE)
