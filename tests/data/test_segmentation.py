"""Segments: how often each token is a target, counted out for every place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.segmentation import SEGMENTATIONS, Segment, effective, random_start, streamed

LENGTHS, WINDOWS = st.integers(2, 60), st.integers(1, 40)


def _times_a_target(name: str, length: int, window: int) -> np.ndarray:
    places, segment = SEGMENTATIONS[name]
    counts = np.zeros(length, dtype=int)
    for place in range(places(length, window)):
        found = segment(length, window, place)
        counts[found.start + 1 : found.stop] += 1
    return counts


@given(LENGTHS, WINDOWS)
def test_random_start_makes_every_token_a_target_equally_often(length: int, window: int) -> None:
    assert _times_a_target("random_start", length, window).tolist() == [0] + [window] * (length - 1)


@given(LENGTHS, WINDOWS)
def test_effective_does_so_but_for_the_last_window(length: int, window: int) -> None:
    from_the_end = np.arange(length - 1, 0, -1)
    assert _times_a_target("effective", length, window).tolist() == [0, *np.minimum(window, from_the_end)]


@given(LENGTHS, WINDOWS)
def test_effective_ends_once_at_each_token_and_reaches_left_as_far_as_it_can(length: int, window: int) -> None:
    places, segment = SEGMENTATIONS["effective"]
    found = [segment(length, window, place) for place in range(places(length, window))]
    assert [s.stop for s in found] == list(range(2, length + 1))
    assert all(s.start == max(0, s.stop - 1 - window) for s in found)


@given(LENGTHS, WINDOWS)
def test_streamed_segments_follow_each_other(length: int, window: int) -> None:
    found = streamed(length, window)
    targets = [place for s in found for place in range(s.start + 1, s.stop)]
    assert targets == list(range(1, length))
    assert all(s.missing == 0 for s in found[:-1])


@pytest.mark.parametrize("name", SEGMENTATIONS)
@given(length=LENGTHS, window=WINDOWS)
def test_segments_lie_in_the_piece_and_say_what_is_missing(name: str, length: int, window: int) -> None:
    places, segment = SEGMENTATIONS[name]
    for place in range(places(length, window)):
        found = segment(length, window, place)
        assert 0 <= found.start < found.stop - 1 < length
        assert found.stop - found.start + found.missing == window + 1


def test_by_hand() -> None:
    assert [random_start(4, 2, place) for place in range(4)] == [
        Segment(0, 2, 1),
        Segment(0, 3, 0),
        Segment(1, 4, 0),
        Segment(2, 4, 1),
    ]
    assert [effective(4, 2, place) for place in range(3)] == [Segment(0, 2, 1), Segment(0, 3, 0), Segment(1, 4, 0)]
    assert streamed(6, 2) == (Segment(0, 3, 0), Segment(2, 5, 0), Segment(4, 6, 1))


def test_a_piece_without_targets_has_no_places() -> None:
    for places, _ in SEGMENTATIONS.values():
        assert places(1, 1) == 0
    assert streamed(1, 8) == ()
