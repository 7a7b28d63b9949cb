"""Returns: made by hand, against the definition by brute force, and planted in random music."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.evaluation.recurrence import MIN_NOTES, MIN_PITCHES, NoteEvents, Return, note_events, returns
from ritornello.tokenizers.performance import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, PerformanceTokenizer

THEME = np.array([60, 62, 64, 60, 67, 65, 64, 62, 71, 69, 67, 72, 60, 59, 57, 62, 66, 61, 70, 55])


def filler(seed: int, count: int) -> np.ndarray:
    """Notes that repeat nothing."""
    return np.random.default_rng(seed).integers(21, 109, count)


def events(tokens: list[int]) -> NoteEvents:
    scheme = PerformanceTokenizer
    return note_events(np.array(tokens), scheme.strikes_V, scheme.seconds_V)


def test_an_exact_return() -> None:
    music = np.concatenate([filler(1, 30), THEME, filler(2, 50), THEME, filler(3, 30)])
    assert returns(music) == [Return(100, 20, 30, 30, exact=True)]


def test_a_transposed_return_and_its_exact_return() -> None:
    """The third statement repeats the second exactly; what it says was first heard in the first."""
    music = np.concatenate([THEME, filler(1, 10), THEME + 5, filler(2, 40), THEME + 5, filler(3, 9), THEME - 1])
    assert returns(music) == [
        Return(30, 20, 0, 0, exact=False),
        Return(90, 20, 0, 30, exact=True),
        Return(119, 20, 0, 90, exact=False),
    ]


def test_fifteen_notes_are_no_passage() -> None:
    music = np.concatenate([THEME[: MIN_NOTES - 1], [100], filler(1, 40), [30], THEME[: MIN_NOTES - 1], [21]])
    assert returns(music) == []


def test_immediate_repetition_is_a_return_and_does_not_overlap_itself() -> None:
    assert returns(np.concatenate([THEME, THEME, THEME])) == [
        Return(20, 20, 0, 0, exact=True),
        Return(40, 20, 0, 20, exact=True),
    ]


@pytest.mark.parametrize(
    "figure",
    [
        [60, 62],  # trill
        [60],  # repeated note
        [48, 55, 52, 55],  # Alberti bass
        [48, 55, 60, 64, 67, 64, 60],  # arpeggio up and down
        [60, 64],
    ],
)
def test_ostinati_are_no_returns(figure: list[int]) -> None:
    once = np.tile(figure, 60)
    assert returns(np.concatenate([once, filler(1, 30), once, filler(2, 10), once + 3])) == []


def test_scales_are_no_returns() -> None:
    chromatic, major = np.arange(30, 90), np.add.outer(12 * np.arange(2, 7), [0, 2, 4, 5, 7, 9, 11]).ravel()
    assert (
        returns(np.concatenate([chromatic, filler(1, 30), chromatic, filler(2, 9), major, filler(3, 9), major])) == []
    )


def test_few_pitches_are_no_passage() -> None:
    few = np.random.default_rng(4).choice([60, 61, 63, 66], 40)
    assert MIN_PITCHES == 5
    assert returns(np.concatenate([few, filler(1, 20), few])) == []


@pytest.mark.parametrize("count", [0, 1, 16, 31])
def test_short_pieces_have_none(count: int) -> None:
    assert returns(THEME.repeat(2)[:count]) == []


def heard_before(pitch: np.ndarray, start: int) -> tuple[int, int, bool] | None:
    """First and nearest statement of the window at ``start`` and whether that is exact, by looking everywhere."""
    window = pitch[start : start + MIN_NOTES]
    intervals = np.diff(window).tolist()
    if len(set(window.tolist())) < MIN_PITCHES or any(intervals[p:] == intervals[:-p] for p in range(1, 8)):
        return None
    before = range(start - MIN_NOTES + 1)
    same = [j for j in before if np.diff(pitch[j : j + MIN_NOTES]).tolist() == intervals]
    exact = [j for j in same if pitch[j] == pitch[start]]
    return (same[0], (exact or same)[-1], bool(exact)) if same else None


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), num_pitches=st.integers(5, 12), parts=st.lists(st.integers(-3, 9), max_size=8))
def test_returns_are_what_the_definition_says(seed: int, num_pitches: int, parts: list[int]) -> None:
    """Music of a few phrases in random order, on random levels."""
    random = np.random.default_rng(seed)
    phrases = [random.integers(50, 50 + num_pitches, int(random.integers(5, 40))) for _ in range(3)]
    music = np.concatenate([phrases[0], *(phrases[part % 3] + 2 * (part // 3) for part in parts)])
    found = returns(music)
    heard = {i: heard_before(music, i) for i in range(len(music) - MIN_NOTES + 1)}
    for one in found:
        assert one.length >= MIN_NOTES
        assert one.nearest + one.length <= one.start, "a statement ends before its return begins"
        for other in (one.first, one.nearest):
            shift = music[one.start : one.start + one.length] - music[other : other + one.length]
            assert (shift == shift[0]).all()
        windows = range(one.length - MIN_NOTES + 1)
        assert all(heard[one.start + k] == (one.first + k, one.nearest + k, one.exact) for k in windows)
    taken = [note for one in found for note in range(one.start, one.start + one.length)]
    assert taken == sorted(set(taken)), "no note returns twice at once"
    for start, before in heard.items():
        assert before is None or set(taken) & set(range(start, start + MIN_NOTES)), "nothing is missed"


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6), length=st.integers(MIN_NOTES, 60), between=st.integers(0, 300), level=st.integers(-9, 9)
)
def test_a_planted_passage_is_found_at_its_distance(seed: int, length: int, between: int, level: int) -> None:
    """Pitches are walks over a wide range, so nothing repeats by chance; the neighbours of the passage differ."""
    random = np.random.default_rng(seed)
    theme = random.integers(40, 90, length)
    rest = random.integers(0, 128, between)
    music = np.concatenate([[1], theme, [150], rest, [200], theme + level, [400]])
    (found,) = returns(music)
    assert found == Return(1 + length + 1 + between + 1, length, 1, 1, exact=level == 0)


@settings(max_examples=30)
@given(music=st.lists(st.integers(0, 20), min_size=40, max_size=120), level=st.integers(-50, 50))
def test_transposing_a_piece_changes_nothing(music: list[int], level: int) -> None:
    pitch = np.array(music * 2)
    assert returns(pitch + level) == returns(pitch)


def test_notes_of_tokens() -> None:
    step = TIME_SHIFT + 4  # 40 ms
    tokens = [1, VELOCITY + 3, NOTE_ON + 60, step, NOTE_OFF + 60, VELOCITY + 2, NOTE_ON + 62, step, NOTE_ON + 50, 2]
    notes = events(tokens)
    assert notes.token.tolist() == [2, 6, 8]
    assert notes.pitch.tolist() == [60, 62, 50]


def test_a_chord_stands_from_low_to_high() -> None:
    """Notes at 0, 30, 60 and 100 ms: the first three are a chord, each within 30 ms of the one before."""
    tokens = [NOTE_ON + 72, TIME_SHIFT + 3, NOTE_ON + 60, TIME_SHIFT + 3, NOTE_ON + 64, TIME_SHIFT + 4, NOTE_ON + 40]
    notes = events(tokens)
    assert notes.pitch.tolist() == [60, 64, 72, 40]
    assert notes.token.tolist() == [2, 4, 0, 6]
