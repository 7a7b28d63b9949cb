"""The pedal folded into durations; every expectation is worked out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.scores import Notes, Part, Pedal, Score
from ritornello.scores.midi import format_midi, parse_midi
from ritornello.scores.sustain import sustained
from tests.scores.files import midi_file


def played(rows: list[tuple[int, int, int]], pedal: list[tuple[int, int]]) -> Part:
    """A part of notes (onset, end, pitch) and pedal events (onset, value)."""
    table = np.array(pedal, dtype=np.int64).reshape(-1, 2)
    notes = Notes.of([(onset, end - onset, pitch, 64) for onset, end, pitch in rows])
    return Part("", notes, pedal=Pedal.columns(table[:, 0], table[:, 1]))


def heard(part: Part) -> list[tuple[int, int, int]]:
    return [(onset, onset + duration, pitch) for onset, duration, pitch, _ in sustained(part).rows()]


def test_a_note_let_go_under_the_pedal_sounds_until_the_pedal_is_up() -> None:
    assert heard(played([(0, 10, 60), (5, 40, 64)], [(2, 64), (30, 63)])) == [(0, 30, 60), (5, 40, 64)]


def test_a_key_struck_again_ends_the_note_before() -> None:
    assert heard(played([(0, 10, 60), (20, 25, 60)], [(2, 127), (50, 0)])) == [(0, 20, 60), (20, 50, 60)]


def test_the_pedal_catches_a_note_at_the_tick_of_its_release_and_frees_it_at_the_tick_of_its_own() -> None:
    assert heard(played([(0, 10, 60)], [(10, 127), (30, 0)])) == [(0, 30, 60)]
    assert heard(played([(0, 10, 60)], [(2, 127), (10, 0), (30, 127)])) == [(0, 10, 60)]


def test_of_two_pedal_events_at_one_tick_the_last_holds() -> None:
    assert heard(played([(0, 10, 60)], [(5, 127), (5, 0)])) == [(0, 10, 60)]
    assert heard(played([(0, 10, 60)], [(5, 0), (5, 127), (40, 0)])) == [(0, 40, 60)]


def test_a_pedal_that_never_comes_up_holds_to_the_end() -> None:
    assert heard(played([(0, 10, 60), (20, 90, 62)], [(2, 127)])) == [(0, 90, 60), (20, 90, 62)]
    assert heard(played([(0, 10, 60)], [(2, 127), (70, 100)])) == [(0, 70, 60)]


def test_half_a_pedal_is_none() -> None:
    part = played([(0, 10, 60)], [(2, 63)])
    assert sustained(part) is part.notes


def test_keys_that_overlap_are_not_shortened() -> None:
    assert heard(played([(0, 30, 60), (20, 25, 60)], [(2, 127), (50, 0)])) == [(0, 30, 60), (20, 50, 60)]


EVENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(60, 63)), max_size=20)
PEDAL = st.lists(st.tuples(st.integers(0, 80), st.sampled_from([0, 63, 64, 127])), max_size=10)


def by_the_clock(part: Part) -> list[tuple[int, int, int]]:
    """The rule again, for one note after the other."""
    pedal = list(zip(part.pedal.onset_ticks.tolist(), part.pedal.value.tolist(), strict=True))
    rows = [(onset, onset + duration, pitch) for onset, duration, pitch, _ in part.notes.rows()]
    never = max([end for _, end, _ in rows] + [time for time, _ in pedal])
    result: list[tuple[int, int, int]] = []
    for index, (onset, end, pitch) in enumerate(rows):
        before = [value for time, value in pedal if time <= end]
        later = [time for time, value in pedal[len(before) :] if value < 64]
        again = [row[0] for row in rows[index + 1 :] if row[2] == pitch]
        until = min([never, *later[:1], *again[:1]])
        result.append((onset, max(end, until) if before and before[-1] >= 64 else end, pitch))
    return result


@settings(deadline=None)
@given(EVENTS.filter(bool), PEDAL)
def test_columns_do_what_the_rule_says_note_by_note(rows: list[tuple[int, int, int]], pedal: list[tuple[int, int]]):
    part = played([(onset, onset + duration, pitch) for onset, duration, pitch in rows], pedal)
    assert heard(part) == by_the_clock(part)


@settings(deadline=None)
@given(PEDAL)
def test_the_pedal_comes_back_from_a_midi_file(pedal: list[tuple[int, int]]) -> None:
    part = played([(0, 10, 60)], pedal)
    assert parse_midi(format_midi(Score(480, (part,)))).parts == (part,)


def test_only_controller_64_is_the_pedal() -> None:
    score = parse_midi(midi_file(b"\x00\xb0\x43\x7f\x00\x90\x3c\x40\x0a\xb0\x40\x50\x00\x80\x3c\x40"))
    assert score.parts[0].pedal == Pedal.columns(np.array([10]), np.array([80]))
