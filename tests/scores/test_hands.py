"""Which hand plays what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.scores import Notes, Part
from ritornello.scores.hands import hands, is_two_handed
from tests.scores.files import keyboard_parts

PIANO, HARPSICHORD, ORGAN, STRINGS = 0, 6, 19, 48


def part(*chords: list[int], program: int = PIANO, beats: int = 1) -> Part:
    """A chord on every beat, held for so many."""
    rows = [(480 * index, 480 * beats, pitch, 64) for index, chord in enumerate(chords) for pitch in chord]
    return Part("Piano", Notes.of(rows), program)


def pitches(hand: Part) -> list[tuple[int, int]]:
    return [(onset // 480, pitch) for onset, _, pitch, _ in hand.notes.rows()]


WIDE = ([48, 55, 64, 72], [43, 59, 62, 74])


@pytest.mark.parametrize(("program", "expected"), [(PIANO, 2), (HARPSICHORD, 2), (ORGAN, 2), (STRINGS, 1)])
def test_keyboards_have_two_hands(program: int, expected: int) -> None:
    assert len(hands(part(*WIDE, program=program))) == expected


@pytest.mark.parametrize(
    "single",
    [
        part([48], [52], [64], [72], [43], [79]),  # a line, however far it reaches
        part([60, 64, 67], [59, 65, 74]),
        part([36, 43, 48], [38, 45, 53]),
        part([72, 76], [74, 77], [76, 79], [77, 81], [79, 83], [36, 84]),  # one low note
        part(),
        part([60]),
    ],
    ids=["line", "high", "low", "one low note", "empty", "one note"],
)
def test_other_parts_stay_as_they_are(single: Part) -> None:
    assert hands(single) == (single,)


def test_the_keyboard_is_divided_at_middle_c() -> None:
    right, left = hands(part([48, 55, 64, 72], [43, 59, 62, 74]))
    assert pitches(right) == [(0, 64), (0, 72), (1, 62), (1, 74)]
    assert pitches(left) == [(0, 48), (0, 55), (1, 43), (1, 59)]
    assert (right.name, right.program) == (left.name, left.program) == ("Piano", PIANO)


def test_a_hand_spans_a_tenth() -> None:
    right, left = hands(part([48, 52, 64, 76], *[[48, 62, 79, 82]] * 4))
    assert [pitch for onset, pitch in pitches(right) if onset] == [79, 82] * 4
    assert [pitch for onset, pitch in pitches(left) if onset] == [48, 62] * 4


def test_a_passing_stretch_does_not_move_the_hands() -> None:
    """A semitone too much, once, costs less than two ways of a third."""
    _, left = hands(part(*[[43, 62, 67]] * 3, [43, 55, 62, 79], *[[43, 62, 67]] * 3))
    assert pitches(left) == [(0, 43), (1, 43), (2, 43), (3, 43), (3, 55), (4, 43), (5, 43), (6, 43)]


def test_a_held_note_stays_in_its_hand() -> None:
    chords = part(*WIDE, [48, 50, 62, 64]).notes
    held = Notes.of([*chords.rows(), (0, 1920, 62, 64)])
    right, left = hands(Part("Piano", held))
    assert (0, 1920, 62, 64) in set(right.notes.rows())
    assert (0, 1920, 62, 64) not in set(left.notes.rows())


@settings(max_examples=60, deadline=None)
@given(keyboard_parts())
def test_both_hands_together_play_the_part(whole: Part) -> None:
    played = hands(whole)
    assert len(played) == (2 if is_two_handed(whole) else 1)
    assert sorted(row for hand in played for row in hand.notes.rows()) == sorted(whole.notes.rows())
    if len(played) == 2:
        right, left = played
        assert (right.notes.pitch >= 53).all()
        assert (left.notes.pitch < 67).all()
        for onset in np.intersect1d(right.notes.onset_ticks, left.notes.onset_ticks):
            lowest = right.notes.pitch[right.notes.onset_ticks == onset].min()
            assert lowest > left.notes.pitch[left.notes.onset_ticks == onset].max()


@given(keyboard_parts(), st.integers(1, 5))
def test_when_it_is_played_changes_nothing(whole: Part, beats: int) -> None:
    notes = whole.notes
    later = replace(whole, notes=replace(notes, onset_ticks=notes.onset_ticks + 480 * beats))
    assert [hand.notes.pitch.tolist() for hand in hands(later)] == [hand.notes.pitch.tolist() for hand in hands(whole)]
