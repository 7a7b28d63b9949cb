"""Guards step in where music would repeat or stand still for ever, and nowhere else."""

from __future__ import annotations

from itertools import chain, cycle, islice

import numpy as np

from ritornello.generation import guards
from ritornello.generation.guards import Guard, Repetition
from ritornello.tokenizers.performance import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, PerformanceTokenizer

ALL = np.ones(len(PerformanceTokenizer.vocabulary), dtype=np.bool_)


def _after(tokens: list[int]) -> set[int]:
    """The ids that a guard forbids after these tokens, where the grammar would allow all."""
    guard = Guard(PerformanceTokenizer())
    for token in tokens:
        guard.feed(token)
    return set(np.flatnonzero(~guard.allowed(ALL)).tolist())


def _notes(pitches: list[int], seed: int = 0) -> list[int]:
    """Each pitch for a random time, at a random loudness."""
    random = np.random.default_rng(seed)
    return list(
        chain.from_iterable(
            (
                VELOCITY + int(random.integers(32)),
                NOTE_ON + pitch,
                TIME_SHIFT + int(random.integers(1, 80)),
                NOTE_OFF + pitch,
            )
            for pitch in pitches
        )
    )


def test_the_numbers_that_would_go_on_with_a_repetition() -> None:
    repetition = Repetition(longest=4)
    for number in [5, 1, 2, 3, 1, 2, 3, 1]:
        repetition.feed(number)
    assert repetition.longer_than(4).tolist() == [2]  # 1 2 3 1 equals what stands three before
    assert repetition.longer_than(5).tolist() == []
    repetition.feed(9)
    assert repetition.longer_than(1).tolist() == []


def test_repetitions_are_those_that_a_slow_count_finds() -> None:
    random = np.random.default_rng(3)
    numbers = random.integers(0, 2, 300).tolist()
    repetition = Repetition(longest=8)
    for place, number in enumerate(numbers):
        repetition.feed(number)
        expected = set()
        for period in range(1, 9):
            run = 0
            while place - run - period >= 0 and numbers[place - run] == numbers[place - run - period]:
                run += 1
            if run >= 6:
                expected.add(numbers[place + 1 - period])
        assert set(repetition.longer_than(6).tolist()) == expected


def test_one_figure_for_ever_is_broken_though_its_timing_varies() -> None:
    for figure in ([60], [60, 64], [48, 55, 52, 55]):
        most = guards.MAX_EQUAL_STRIKES + len(figure)
        pitches = list(islice(cycle(figure), most))
        assert _after(_notes(pitches[:-1])) == set()
        assert _after(_notes(pitches)) == {NOTE_ON + figure[most % len(figure)]}


def test_an_exact_loop_is_broken_sooner() -> None:
    loop = _notes([60, 64, 67])
    tokens = list(islice(cycle(loop), len(loop) + guards.MAX_EQUAL_TOKENS))
    assert _after(tokens[:-1]) == set()
    assert _after(tokens) == {loop[len(tokens) % len(loop)]}


def test_endless_silence_is_broken_and_a_note_begins_it_anew() -> None:
    second = TIME_SHIFT + 100
    still = [NOTE_ON + 60, *[second] * 7, TIME_SHIFT + 40]
    assert _after(still) == set(range(TIME_SHIFT + 61, second + 1))  # 0.6 of 8 seconds are left
    assert _after([*still, NOTE_ON + 61]) == set()


def test_time_must_move_on() -> None:
    many = list(islice(cycle([NOTE_ON + 60, NOTE_ON + 61, NOTE_OFF + 60, NOTE_OFF + 61, VELOCITY + 3]), 127))
    busy = [number for place, number in enumerate(many) if place % 7] + list(range(VELOCITY, VELOCITY + 32))
    forbidden = _after(busy[: guards.MAX_EVENTS_AT_ONCE])
    assert set(range(TIME_SHIFT + 1, VELOCITY)) == set(range(len(ALL))) - forbidden
    assert not forbidden & set(_after([*busy[: guards.MAX_EVENTS_AT_ONCE], TIME_SHIFT + 1]))


def test_a_forgotten_note_is_ended() -> None:
    second = TIME_SHIFT + 100
    held = [NOTE_ON + 60]
    for step in range(15):
        held += [second, NOTE_ON + 61 + step, NOTE_OFF + 61 + step]
    assert NOTE_OFF + 60 not in _after(held)
    assert _after([*held, second]) == set(range(len(ALL))) - {NOTE_OFF + 60}
    assert _after([*held, second, NOTE_OFF + 60]) == set()


def test_the_only_token_left_is_never_forbidden() -> None:
    guard = Guard(PerformanceTokenizer())
    for token in [NOTE_ON + 60, *[TIME_SHIFT + 100] * 8]:
        guard.feed(token)
    only = np.zeros(len(ALL), dtype=np.bool_)
    only[TIME_SHIFT + 100] = True
    np.testing.assert_array_equal(guard.allowed(only), only)
