"""A piece's own time, its segments, shares and steps."""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.segments import own_time, segment_of, shares, transitions
from ritornello.evaluation.timeline import Timeline
from tests.contracts.music import performed, written


def test_written_music_goes_in_beats_and_a_performance_in_seconds() -> None:
    """Sixteenths 12 to 16 and 16 to 24 of 3/4 at 96; the first onset is 0."""
    score = written([(12, 4, 60, 64), (16, 8, 62, 64)])
    onset, offset = own_time(Timeline.of(score))
    assert (onset.tolist(), offset.tolist()) == ([0.0, 1.0], [1.0, 3.0])
    onset, offset = own_time(Timeline.of(score, written=False))
    assert (onset.tolist(), offset.tolist()) == ([0.0, 0.625], [0.625, 1.875])
    assert len(own_time(Timeline.of(performed([])))[0]) == 0


def test_a_border_belongs_to_the_later_segment() -> None:
    """64 s: what begins at 3 s is in segment 3, just before it in 2; the end has no later one."""
    assert segment_of(np.array([0.0, 2.999, 3.0, 63.9, 64.0]), 64.0).tolist() == [0, 2, 3, 63, 63]


def test_rounding_moves_nothing_over_a_border() -> None:
    end = 0.1 * 64  # 6.4, and 0.1 * 3 is a little more than 0.3
    assert segment_of(np.arange(64) * end / 64, end).tolist() == list(range(64))
    assert segment_of(np.arange(64) * 0.1 - 1e-13, end).tolist() == list(range(64))


def test_a_piece_without_length_is_one_segment() -> None:
    assert segment_of(np.zeros(2), 0.0).tolist() == [0, 0]
    assert segment_of(np.zeros(0), 0.0).tolist() == []


def test_shares_of_nothing_are_zero() -> None:
    assert shares(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist() == [[0.25, 0.75], [0.0, 0.0]]


def test_transitions_by_hand() -> None:
    """0 1, 1 1, 1 0, 0 1: of four steps."""
    assert transitions(np.array([0, 1, 1, 0, 1]), 2).tolist() == [[0.0, 0.5], [0.25, 0.25]]
    assert transitions(np.array([1, 0]), 3).tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert np.isnan(transitions(np.array([1]), 2)).all()
