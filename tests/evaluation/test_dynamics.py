"""Dynamics: worked by hand, degenerate pieces, muspy, and covered time asked second by second."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.evaluation import dynamics
from ritornello.evaluation.timeline import Timeline
from tests.contracts.music import performed, random_performance, random_written, written


def played(rows: list[tuple[float, float, int, int]]) -> Timeline:
    """A performance of (onset, length, pitch, velocity) in seconds."""
    return Timeline.of(performed(rows), written=False)


@pytest.mark.parametrize(
    ("notes", "per_second", "polyphony", "silent", "mean", "spread"),
    [
        # 4 s; C for 1, E for 2, a second of silence, C for 1: three notes, 4 s of pitches in 3 s of sound
        (
            played([(0.0, 1.0, 60, 50), (0.0, 2.0, 64, 70), (3.0, 1.0, 72, 60)]),
            3 / 4,
            4 / 3,
            1 / 4,
            60,
            (200 / 3) ** 0.5,
        ),
        # the same pitch twice at a time: 3 s of C, not 4; with G for 3 s, 6 s in 3 s
        (played([(0.0, 2.0, 60, 10), (1.0, 2.0, 60, 10), (0.0, 3.0, 67, 10)]), 1.0, 2.0, 0.0, 10, 0),
        # two quarter notes of 0.625 s at 96 with a rest of two between them
        (Timeline.of(written([(0, 4, 60, 1), (12, 4, 62, 127)])), 2 / 2.5, 1.0, 1 / 2, 64, 63),
    ],
)
def test_worked_by_hand(
    notes: Timeline, per_second: float, polyphony: float, silent: float, mean: float, spread: float
) -> None:
    expected = [per_second, polyphony, silent, mean, spread]
    assert list(dynamics.evaluate(notes).values()) == pytest.approx(expected, abs=1e-12)


def test_without_notes_nothing_is_said() -> None:
    values = dynamics.evaluate(played([]))
    assert list(values) == [metric.name for metric in dynamics.METRICS]
    assert np.isnan(list(values.values())).all()


@pytest.mark.parametrize("score", [random_performance(1), random_written(1)])
def test_muspy_agrees_on_polyphony(score: object) -> None:
    import muspy

    notes = Timeline.of(score)
    steps = 1000  # a second
    columns = ((notes.onset_seconds * steps).round(), (notes.length_seconds * steps).round(), notes.pitch)
    track = muspy.Track(
        notes=[muspy.Note(int(at), int(p), int(long), 64) for at, long, p in zip(*columns, strict=True)]
    )
    theirs = muspy.polyphony(muspy.Music(resolution=24, tracks=[track]))
    assert dynamics.evaluate(notes)["polyphony"] == pytest.approx(theirs, rel=2e-3)  # of rounding to a thousandth


stretches = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 90)), min_size=1, max_size=30)


@given(stretches)
def test_covered_time_is_each_moment_once(rows: list[tuple[int, int]]) -> None:
    onset, length = np.array(rows, dtype=float).T
    moments = {at + i for at, lasts in rows for i in range(lasts)}
    assert dynamics.covered_seconds(onset, onset + length) == len(moments)
