"""Subjects of fugues and their entries, in fugues made by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.subjects import Fugue, fugue_of
from ritornello.scores.score import Notes, Part, Score
from tests.form.music import TICKS, chorale, voice

SUBJECT = "c4 d4 e4/0.5 f4/0.5 g4 a4/0.5 g4/0.5 f4 e4 d4"  # 8 beats, 10 notes
ANSWER = "g4 a4 b4/0.5 c5/0.5 d5 e5/0.5 d5/0.5 c5 b4 a4"
TONAL = "g4 g4 a4/0.5 b4/0.5 c5 d5/0.5 c5/0.5 b4 a4 g4"  # C D answered by G G: the second note a tone lower
INVERTED = "c5 b-4 a-4/0.5 g4/0.5 f4 e-4/0.5 f4/0.5 g4 a-4 b-4"
BROAD = "c3/2 d3/2 e3 f3 g3/2 a3 g3 f3/2 e3/2 d3/2"
OTHER = "c4/2 g3/2 b3/0.5 c4/1.5 a3/0.5 g3/1.5"  # free counterpoint of 8 beats


def found(*lines: str) -> Fugue:
    fugue = fugue_of(chorale(list(lines)))
    assert fugue is not None
    return fugue


def test_answer_is_transposed() -> None:
    fugue = found(f"r/8 {ANSWER}", f"{SUBJECT} {OTHER}")
    assert [(e.start_beats, e.end_beats, e.pitch, e.semitones, e.level, e.part) for e in fugue.entries] == [
        (0.0, 8.0, 60, 0, "exact", 1),
        (8.0, 16.0, 67, 7, "transposed", 0),
    ]
    assert [e.likeness for e in fugue.entries] == [1.0, 1.0]


def test_subject_has_its_notes() -> None:
    subject = found(f"r/8 {ANSWER}", f"{SUBJECT} {OTHER}").subject
    assert subject.pitch.tolist() == [60, 62, 64, 65, 67, 69, 67, 65, 64, 62]
    assert subject.beats == 8.0
    assert subject.start_beats == 0.0


def test_tonal_answer_shifts_its_level() -> None:
    entry = found(f"r/8 {TONAL}", f"{SUBJECT} {OTHER}").entries[1]
    assert (entry.start_beats, entry.level) == (8.0, "tonal")
    # the first note on its level, the others two semitones below, A4 and A-G once a semitone off: 10 notes less
    # 0.2 for each semitone of these shifts, at most ten of them
    assert 0.75 < entry.likeness < 1.0


@pytest.mark.parametrize(
    ("entry", "inverted", "time_scale"), [(INVERTED, True, 1.0), (BROAD, False, 2.0), (ANSWER, False, 1.0)]
)
def test_kinds_of_entry(entry: str, inverted: bool, time_scale: float) -> None:
    fugue = found(f"r/8 {ANSWER} {entry}", f"{SUBJECT} {OTHER} r/8")
    last = fugue.entries[-1]
    assert (last.start_beats, last.inverted, last.time_scale) == (16.0, inverted, time_scale)


def test_voices_in_one_part_are_the_same_entries() -> None:
    apart = chorale([f"r/8 {ANSWER} {SUBJECT}", f"{SUBJECT} {OTHER} {OTHER}"])
    rows = [row for part in apart.parts for row in part.notes.rows()]
    together = dataclasses.replace(apart, parts=(Part("keyboard", Notes.of(rows)),))
    one, other = fugue_of(apart), fugue_of(together)
    assert one is not None
    assert other is not None
    assert [e._replace(part=0) for e in one.entries] == list(other.entries)
    assert [e.start_beats for e in other.entries] == [0.0, 8.0, 16.0]


def test_codetta_is_no_part_of_the_subject() -> None:
    codetta = "f#5/0.25 e5/0.25 d#5/0.25 e5/0.25"
    later = f"{OTHER} {SUBJECT} {OTHER}"
    fugue = found(f"r/9 {ANSWER} {later}", f"{SUBJECT} {codetta} {later} {ANSWER}")
    assert fugue.subject.beats == 8.0
    assert [e.start_beats for e in fugue.entries] == [0.0, 9.0, 17.0, 25.0, 33.0]


def test_moved_first_note() -> None:
    late = ANSWER.replace("g4 ", "r/0.5 g4/0.5 ", 1)
    fugue = found(f"r/8 {late}", f"{SUBJECT} {OTHER}")
    assert [e.start_beats for e in fugue.entries] == [0.0, 8.5]


@pytest.mark.parametrize(
    "lines",
    [
        ["r"],
        ["c4"],
        ["c4 c4 c4 c4 c4 c4", "r/6"],  # one voice
        ["c4/4 d4/4 e4/4", "e3/4 f3/4 g3/4"],  # two from the beginning
        [SUBJECT, f"{OTHER}"],
    ],
)
def test_no_fugue(lines: list[str]) -> None:
    assert fugue_of(chorale(lines)) is None


def test_nothing_at_all() -> None:
    assert fugue_of(Score(TICKS, ())) is None
    assert fugue_of(Score(TICKS, (Part("", Notes.of([])),))) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(-20, 20), st.integers(0, 5))
def test_transposition_and_delay_change_nothing_else(semitones: int, beats: int) -> None:
    lines = [f"r/8 {TONAL} {OTHER}", f"{SUBJECT} {OTHER} {INVERTED}"]
    parts = [
        Part("", Notes.of([(t + beats * TICKS, d, p + semitones, v) for t, d, p, v in voice(line)[0]]))
        for line in lines
    ]
    moved, plain = fugue_of(Score(TICKS, tuple(parts))), found(*lines)
    assert moved is not None
    assert [
        e._replace(start_beats=e.start_beats - beats, end_beats=e.end_beats - beats, pitch=e.pitch - semitones)
        for e in moved.entries
    ] == list(plain.entries)
    assert np.array_equal(moved.subject.pitch - semitones, plain.subject.pitch)
