"""Corruptions: exactly what they say is spoilt, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.evaluation.corruption import CORRUPTIONS, LOOP_SECONDS, MOST_SEMITONES, looped, shuffled, transposed
from ritornello.evaluation.timeline import Timeline
from tests.contracts.music import DEGENERATE, random_performance, random_written

SCORES = {"performed": random_performance(5, 900), "written": random_written(6, 900)}


@pytest.mark.parametrize("name", SCORES)
def test_shuffled_deals_out_the_onsets(name: str) -> None:
    score = SCORES[name]
    before, after = Timeline.of(score), Timeline.of(shuffled(score, np.random.default_rng(1)))
    for column in ("pitch", "velocity", "onset_seconds"):
        assert np.allclose(np.sort(getattr(before, column)), np.sort(getattr(after, column)))
    lengths = [np.sort(notes.offset_beats - notes.onset_beats) for notes in (before, after)]
    assert np.allclose(*lengths)
    assert (before.pitch != after.pitch).mean() > 0.5


@pytest.mark.parametrize("name", SCORES)
def test_transposed_moves_ten_seconds_together(name: str) -> None:
    score = SCORES[name]
    before, after = (Timeline.of(s) for s in (score, transposed(score, np.random.default_rng(1))))
    assert np.array_equal(np.sort(before.onset_seconds), np.sort(after.onset_seconds))
    moved: list[int] = []
    for stretch in range(int(before.seconds / 10)):
        inside = [(n.onset_seconds >= 10 * stretch) & (n.onset_seconds < 10 * stretch + 10) for n in (before, after)]
        by = set((np.sort(after.pitch[inside[1]]) - np.sort(before.pitch[inside[0]])).tolist())
        assert len(by) <= 1
        moved += by
    assert len(set(moved)) > 3
    assert max(map(abs, moved)) <= MOST_SEMITONES


@pytest.mark.parametrize("name", SCORES)
def test_looped_repeats_the_beginning(name: str) -> None:
    score = SCORES[name]
    before, after = Timeline.of(score), Timeline.of(looped(score, np.random.default_rng(1)))
    assert before.seconds > 3 * LOOP_SECONDS
    assert after.seconds == pytest.approx(before.seconds, abs=LOOP_SECONDS)
    first = np.sort(before.onset_seconds[before.onset_seconds < LOOP_SECONDS - 0.01])
    for number in range(int(after.seconds / LOOP_SECONDS)):
        inside = after.onset_seconds - number * LOOP_SECONDS
        again = np.sort(inside[(inside > -0.005) & (inside < LOOP_SECONDS - 0.01)])
        assert np.allclose(first, again, atol=0.005)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_anything_can_be_spoilt(name: str, corruption: str) -> None:
    before = Timeline.of(DEGENERATE[name])
    after = Timeline.of(CORRUPTIONS[corruption](DEGENERATE[name], np.random.default_rng(0)))
    assert (len(after) > 0) == (len(before) > 0)
    if corruption != "looped":
        assert len(after) == len(before)
