"""Ticks to seconds by the tempo map."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.scores import Score, Tempo
from ritornello.scores.clock import Clock
from ritornello.scores.midi import format_midi, parse_midi
from tests.scores.files import ONE_NOTE, midi_file


def test_without_a_tempo_there_are_120_beats_a_minute() -> None:
    assert Clock.of(Score(480, ())).seconds(np.array([0, 480, 960])).tolist() == [0.0, 0.5, 1.0]


def test_a_tempo_change_in_the_middle() -> None:
    clock = Clock.of(Score(480, (), tempos=(Tempo(480, 60.0), Tempo(960, 240.0))))
    assert clock.seconds(np.array([240, 480, 720, 960, 1440])).tolist() == [0.25, 0.5, 1.0, 1.5, 1.75]
    assert clock.ticks(np.array([0.25, 0.5, 1.0, 1.5, 1.75])).tolist() == [240, 480, 720, 960, 1440]


def test_half_a_step_goes_up_exactly() -> None:
    clock = Clock.of(Score(480, ()))  # 9.6 ticks a step of 10 ms
    assert clock.steps(np.array([4, 5, 24, 72, 120]), 100).tolist() == [0, 1, 3, 8, 13]


def test_a_tempo_of_a_file_is_kept_to_the_microsecond() -> None:
    for microseconds in (3_000_001, 454_545, 603_015, 123_456):
        score = parse_midi(midi_file(b"\x00\xff\x51\x03" + microseconds.to_bytes(3, "big") + ONE_NOTE))
        again = parse_midi(format_midi(score))
        for read in (score, again):
            assert Clock.of(read).microseconds_per_beat.tolist() == [microseconds]
    assert parse_midi(midi_file(b"\x00\xff\x51\x03" + (603_015).to_bytes(3, "big") + ONE_NOTE)).tempos[0] == Tempo(
        0, 99.5
    )


TEMPOS = st.lists(st.tuples(st.integers(0, 5000), st.integers(30_000, 16_000_000)), max_size=5)


@settings(deadline=None)
@given(TEMPOS, st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_seconds_and_steps_are_those_of_exact_fractions(tempos: list[tuple[int, int]], places: list[int]) -> None:
    score = Score(96, (), tempos=tuple(Tempo(onset, 60e6 / us) for onset, us in sorted(tempos)))
    clock, ticks = Clock.of(score), np.array(places)
    exact = [_seconds(dict(sorted(tempos)), place) for place in places]
    assert np.allclose(clock.seconds(ticks), [float(second) for second in exact], rtol=1e-12)
    assert clock.steps(ticks, 100).tolist() == [int((200 * second + 1) // 2) for second in exact]
    assert clock.ticks(clock.seconds(ticks)).tolist() == places


def _seconds(tempos: dict[int, int], place: int) -> Fraction:
    """Adds up tick by tick."""
    seconds, microseconds = Fraction(0), 500_000
    changes = [0, *(onset for onset in tempos if 0 < onset < place), place]
    for start, stop in pairwise(changes):
        microseconds = tempos.get(start, microseconds)
        seconds += Fraction((stop - start) * microseconds, 96 * 10**6)
    return seconds
