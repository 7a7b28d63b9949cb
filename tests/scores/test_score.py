"""The Score itself: bars, and notes as columns."""

from __future__ import annotations

from ritornello.scores import Metre, Notes, Part, Score


def one_voice(end: int, metres: tuple[Metre, ...], pickup_ticks: int = 0) -> Score:
    return Score(4, (Part("", Notes.of([(0, end, 60, 64)])),), metres=metres, pickup_ticks=pickup_ticks)


def test_bars_with_a_pickup_a_change_and_a_short_end() -> None:
    score = one_voice(42, (Metre(0, 3, 4), Metre(26, 2, 4)), pickup_ticks=2)
    assert score.bars() == [(0, 2), (2, 14), (14, 26), (26, 34), (34, 42)]
    assert one_voice(13, (Metre(0, 3, 4),)).bars() == [(0, 12), (12, 13)]


def test_a_change_inside_a_bar_cuts_it() -> None:
    assert one_voice(20, (Metre(0, 3, 4), Metre(6, 3, 4))).bars() == [(0, 6), (6, 18), (18, 20)]


def test_a_bar_is_never_empty() -> None:
    assert len(Score(1, one_voice(5, ()).parts, (Metre(0, 1, 64),)).bars()) == 5


def test_notes_are_sorted_and_equal_by_value() -> None:
    notes = Notes.of([(4, 4, 60, 64), (0, 4, 67, 64), (0, 4, 60, 64)])
    assert list(notes.rows()) == [(0, 4, 60, 64), (0, 4, 67, 64), (4, 4, 60, 64)]
    assert notes == Notes.of(list(notes.rows()))
    assert notes != Notes.of([(0, 4, 60, 64)])
    assert notes.offset_ticks.tolist() == [4, 4, 8]
    assert len(Notes.of([])) == 0
