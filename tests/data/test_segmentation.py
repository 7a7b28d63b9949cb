"""Segments: how often each token is a target, counted out for every place, and what stands before it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.segmentation import SEGMENTATIONS, Segment

LENGTHS, WINDOWS, CONTEXTS = st.integers(2, 60), st.integers(1, 40), st.integers(0, 30)


def _segments(name: str, length: int, window: int, context: int) -> list[Segment]:
    places, segment = SEGMENTATIONS[name]
    return [segment(length, window, context, place) for place in range(places(length, window, context))]


def _times_a_target(name: str, length: int, window: int, context: int) -> list[int]:
    counts = np.zeros(length, dtype=int)
    for found in _segments(name, length, window, context):
        counts[found.scored_from : found.stop] += 1
    return counts.tolist()


@given(LENGTHS, WINDOWS, CONTEXTS)
def test_random_start_makes_every_token_a_target_equally_often(length: int, window: int, context: int) -> None:
    assert _times_a_target("random_start", length, window, context) == [0] + [window] * (length - 1)


@given(LENGTHS, WINDOWS, CONTEXTS)
def test_effective_does_so_but_for_the_last_window(length: int, window: int, context: int) -> None:
    from_the_end = np.arange(length - 1, 0, -1)
    assert _times_a_target("effective", length, window, context) == [0, *np.minimum(window, from_the_end)]


@given(LENGTHS, WINDOWS, CONTEXTS)
def test_effective_ends_once_at_each_token_and_reaches_left_as_far_as_it_can(
    length: int, window: int, context: int
) -> None:
    found = _segments("effective", length, window, context)
    assert [s.stop for s in found] == list(range(2, length + 1))
    assert all(s.start == max(0, s.stop - 1 - window - context) for s in found)


@given(LENGTHS, WINDOWS, CONTEXTS)
def test_cropped_is_every_whole_segment_once_and_never_predicts_the_beginning(
    length: int, window: int, context: int
) -> None:
    found, whole, targets = _segments("cropped", length, window, context), window + context, length - 1
    if targets < whole:
        assert found == [Segment(0, max(1, length - window), length)]
        return
    assert [s.start for s in found] == list(range(length - whole))
    assert all(s.stop - s.start == whole + 1 and s.stop - s.scored_from == window for s in found)
    place = np.arange(1, length)
    expected = np.minimum.reduce([place - context, targets + 1 - place, np.full(targets, min(window, len(found)))])
    assert _times_a_target("cropped", length, window, context) == [0, *np.maximum(0, expected)]


@pytest.mark.parametrize("name", SEGMENTATIONS)
@given(length=LENGTHS, window=WINDOWS, context=CONTEXTS)
def test_segments_lie_in_the_piece_and_hear_as_much_as_there_is(
    name: str, length: int, window: int, context: int
) -> None:
    for found in _segments(name, length, window, context):
        assert 0 <= found.start < found.scored_from < found.stop <= length
        assert found.stop - found.scored_from <= window
        heard = found.scored_from - found.start
        assert heard == context + 1 or (found.start == 0 and heard <= context + 1)


@pytest.mark.parametrize("name", ["random_start", "effective"])
@given(length=LENGTHS, window=WINDOWS, context=CONTEXTS)
def test_context_changes_what_is_heard_not_what_is_predicted(name: str, length: int, window: int, context: int) -> None:
    plain, with_context = (_segments(name, length, window, c) for c in (0, context))
    assert [s[1:] for s in plain] == [s[1:] for s in with_context]


def test_by_hand() -> None:
    assert _segments("random_start", 4, 2, 0) == [(0, 1, 2), (0, 1, 3), (1, 2, 4), (2, 3, 4)]
    assert _segments("random_start", 4, 2, 1) == [(0, 1, 2), (0, 1, 3), (0, 2, 4), (1, 3, 4)]
    assert _segments("effective", 4, 2, 0) == [(0, 1, 2), (0, 1, 3), (1, 2, 4)]
    assert _segments("effective", 5, 2, 1) == [(0, 1, 2), (0, 1, 3), (0, 2, 4), (1, 3, 5)]
    assert _segments("cropped", 6, 2, 1) == [(0, 2, 4), (1, 3, 5), (2, 4, 6)]
    assert _segments("cropped", 3, 2, 4) == [(0, 1, 3)]


def test_a_piece_without_targets_has_no_places() -> None:
    for places, _ in SEGMENTATIONS.values():
        assert places(1, 1, 0) == 0
        assert places(1, 3, 2) == 0
