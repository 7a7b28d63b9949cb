"""Played notes are set to the beat as they would be written down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ritornello.scores.quantization import set_to_beats
from ritornello.scores.score import Notes, Part, Score

TICKS = 48  # a 16th is 12 ticks, a triplet eighth 16


def rows(*notes: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """(onset, duration, pitch) of the notes of one part, set to the beat."""
    part = Part("piano", Notes.of([(onset, duration, pitch, 64) for onset, duration, pitch in notes]))
    made = set_to_beats(Score(TICKS, (part,))).parts[0].notes
    return [row[:3] for row in made.rows()]


def test_onsets_go_to_the_nearest_16th() -> None:
    assert rows((1, 12, 60), (11, 12, 62), (26, 10, 64)) == [(0, 12, 60), (12, 12, 62), (24, 12, 64)]


def test_a_beat_of_triplets_stays_one() -> None:
    assert rows((0, 16, 60), (16, 16, 62), (33, 15, 64)) == [(0, 16, 60), (16, 16, 62), (32, 16, 64)]


def test_a_rolled_chord_is_a_chord() -> None:
    assert rows((0, 48, 48), (2, 46, 55), (4, 44, 64)) == [(0, 48, 48), (0, 48, 55), (0, 48, 64)]


def test_a_breath_before_the_next_note_is_no_rest() -> None:
    assert rows((0, 32, 60), (48, 40, 62)) == [(0, 48, 60), (48, 36, 62)]


def test_a_rest_longer_than_an_eighth_stays() -> None:
    assert rows((0, 48, 60), (96, 48, 62)) == [(0, 48, 60), (96, 48, 62)]


def test_a_rest_longer_than_the_note_stays() -> None:
    assert rows((0, 10, 60), (36, 12, 62)) == [(0, 12, 60), (36, 12, 62)]


def test_notes_of_one_pitch_that_meet_are_one_as_loud_as_the_loudest() -> None:
    part = Part("piano", Notes.of([(0, 10, 60, 40), (2, 30, 60, 90)]))
    (note,) = set_to_beats(Score(TICKS, (part,))).parts[0].notes.rows()
    assert note == (0, 36, 60, 90)


def test_parts_do_not_hear_each_other() -> None:
    parts = tuple(Part(str(shift), Notes.of([(shift, 16, 60, 64), (48, 48, 62, 64)])) for shift in (0, 16))
    made = set_to_beats(Score(TICKS, parts)).parts
    assert [next(part.notes.rows())[0] for part in made] == [0, 16]


NOTE = st.tuples(st.integers(0, 400), st.integers(1, 120), st.integers(58, 64))


@given(st.lists(NOTE, min_size=1, max_size=30))
def test_what_is_set_stands_on_the_grid_and_stays_there(notes: list[tuple[int, int, int]]) -> None:
    score = Score(TICKS, (Part("piano", Notes.of([(*note, 64) for note in notes])),))
    once = set_to_beats(score)
    made = once.parts[0].notes
    assert all(onset % 12 == 0 or onset % 16 == 0 for onset in made.onset_ticks.tolist())
    assert made.duration_ticks.min() >= 4
    assert {pitch for *_, pitch in notes} == set(made.pitch.tolist())
    assert abs(int(made.onset_ticks[0]) - min(onset for onset, *_ in notes)) <= 8
    for pitch in set(made.pitch.tolist()):
        same = made.pitch == pitch
        assert (made.offset_ticks[same][:-1] <= made.onset_ticks[same][1:]).all()


def test_a_part_without_notes_stays_empty() -> None:
    score = Score(TICKS, (Part("tacet", Notes.of([])),))
    assert not set_to_beats(score).num_notes
