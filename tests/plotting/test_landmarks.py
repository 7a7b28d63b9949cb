"""Sections and cadences of a plan in seconds from the first note."""

from __future__ import annotations

from ritornello.form.plan import Phrase, Plan, Section
from ritornello.plotting.landmarks import cadences_of, sections_of
from ritornello.scores import Notes, Part, Score, Tempo
from ritornello.scores.score import Metre

BEAT = 480
PLAN = Plan(
    metre="4/4",
    pickup_beats=1,
    sections=(
        Section(label="A", bars=2, phrases=(Phrase(beats=4, cadence="half"), Phrase(beats=4, cadence="none"))),
        Section(label="B'", bars=2, phrases=(Phrase(beats=9, cadence="perfect authentic"),)),
    ),
)


def score_of(first_beat: int = 0) -> Score:
    """A pickup and four bars; 60 beats a minute, from beat 8 on 120."""
    notes = Notes.of([(beat * BEAT, BEAT, 60, 80) for beat in range(first_beat, 17)])
    tempos = (Tempo(0, 60.0), Tempo(8 * BEAT, 120.0))
    return Score(BEAT, (Part("", notes),), (Metre(0, 4, 4),), tempos=tempos, pickup_ticks=BEAT)


def test_sections_follow_the_tempo() -> None:
    """Section A: beats 0 to 8 in 8 s. Section B': beats 8 to 17, nine beats of half a second."""
    spans = sections_of(PLAN, score_of())
    assert [(span.start, span.end, span.texts[-1], span.letter) for span in spans] == [
        (0.0, 8.0, "A", "A"),
        (8.0, 12.5, "B'", "B"),
    ]


def test_seconds_count_from_the_first_note() -> None:
    assert [(span.start, span.end) for span in sections_of(PLAN, score_of(2))] == [(-2.0, 6.0), (6.0, 10.5)]


def test_cadences_stand_at_the_ends_of_phrases_that_have_one() -> None:
    assert [tuple(mark) for mark in cadences_of(PLAN, score_of())] == [(4.0, "HC"), (12.5, "PAC")]


def test_an_open_plan_has_no_landmarks() -> None:
    assert sections_of(Plan(), score_of()) == []
    assert cadences_of(Plan(), score_of()) == []
    assert sections_of(PLAN, Score(BEAT, ()))[0].start == 0
