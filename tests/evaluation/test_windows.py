"""Windows: sounding time worked by hand, and against counting note by note."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.evaluation.timeline import Timeline
from ritornello.evaluation.windows import by_bars, by_beats, seconds_at, whole
from tests.contracts.music import DEGENERATE, performed, written


def test_a_note_counts_in_every_window_that_it_sounds_in() -> None:
    # C from 0 to 2.5 s and E from 1.5 to 3 s in windows of 1 s: C 1, 1, 0.5; E 0, 0.5, 1
    notes = Timeline.of(performed([(0.0, 2.5, 60, 64), (1.5, 1.5, 64, 64)]), written=False)
    windows = by_beats(notes, beats=1, seconds=1.0)
    assert windows.borders.tolist() == [0, 1, 2, 3]
    assert windows.sounding[:, 0] == pytest.approx([1, 1, 0.5], abs=1e-12)
    assert windows.sounding[:, 4] == pytest.approx([0, 0.5, 1], abs=1e-12)
    assert windows.sounding.sum() == pytest.approx(4, abs=1e-12)
    assert whole(notes)[[0, 4]] == pytest.approx([2.5, 1.5], abs=1e-12)


def test_two_notes_of_one_pitch_class_add_up() -> None:
    notes = Timeline.of(performed([(0.0, 1.0, 48, 64), (0.0, 1.0, 60, 64), (0.5, 1.0, 72, 64)]), written=False)
    assert by_beats(notes, beats=1, seconds=1.0).sounding[:, 0] == pytest.approx([2.5, 0.5], abs=1e-12)


def test_what_rounding_leaves_is_nothing() -> None:
    # a note of 0.9 s ends with the third window of 0.3 s, though 3 * 0.3 is a little less than 0.9
    notes = Timeline.of(performed([(0.0, 0.9, 60, 64), (0.0, 1.2, 64, 64)]), written=False)
    assert by_beats(notes, beats=1, seconds=0.3).sounding[:, 0].tolist()[3:] == [0.0]


def test_written_music_is_cut_by_its_bars() -> None:
    # 3/4: nine bars of three quarter notes; windows of four bars begin at beats 0, 12, 24 and end at 27
    notes = Timeline.of(written([(4 * i, 4, 60, 64) for i in range(27)]))
    windows = by_bars(notes, bars=4, seconds=1.0)
    assert windows.in_beats
    assert windows.borders.tolist() == [0, 12, 24, 27]
    assert windows.sounding[:, 0].tolist() == [12, 12, 3]


def test_windows_begin_with_the_bar_of_the_first_note() -> None:
    notes = Timeline.of(written([(12 + 4, 8, 62, 64)]))  # on the second beat of bar 2, for two beats
    windows = by_beats(notes, beats=1, seconds=1.0)
    assert windows.borders.tolist() == [3, 4, 5, 6]
    assert windows.sounding[:, 2].tolist() == [0, 1, 1]
    # 96 quarter notes a minute: the middles lie half a beat after the borders, and the first note at 0
    assert seconds_at(notes, windows)[1:] == pytest.approx([0.3125, 0.9375], abs=1e-9)


@pytest.mark.parametrize("music", DEGENERATE)
def test_nothing_is_lost_of_any_piece(music: str) -> None:
    notes = Timeline.of(DEGENERATE[music])
    for windows in (by_beats(notes, beats=1, seconds=2.0), by_bars(notes, bars=4, seconds=16.0)):
        assert windows.sounding.shape == (len(windows.borders) - 1, 12)
        assert windows.sounding.sum(axis=0) == pytest.approx(whole(notes), rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 900), st.integers(21, 108)), min_size=1, max_size=20))
def test_the_same_as_counting_note_by_note(rows: list[tuple[int, int, int]]) -> None:
    notes = Timeline.of(performed([(a / 37, b / 41, pitch, 64) for a, b, pitch in rows]), written=False)
    windows = by_beats(notes, beats=1, seconds=2.0)
    expected = np.zeros_like(windows.sounding)
    for pitch, onset, offset in zip(notes.pitch, notes.onset_seconds, notes.offset_seconds, strict=True):
        for number, (start, end) in enumerate(zip(windows.borders[:-1], windows.borders[1:], strict=True)):
            expected[number, pitch % 12] += max(0.0, min(offset, end) - max(onset, start))
    assert np.allclose(windows.sounding, expected, atol=1e-8)
