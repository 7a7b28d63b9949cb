"""Groove: worked by hand, all pairs by brute force, and muspy's value, which is of something else."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest

from ritornello.evaluation import groove
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Metre, Notes, Part, Score
from tests.evaluation.timelines import played, written

QUARTERS = (0, 1, 2, 3)


def bars(*places: tuple[float, ...]) -> Timeline:
    """Bars of 4/4 with an onset at each place, and a note held to the end of the last."""
    onsets = [4 * bar + place for bar, own in enumerate(places) for place in own]
    return written(*((onset, onset + 0.25, 60) for onset in onsets), (onsets[-1], 4 * len(places), 48))


@pytest.mark.parametrize(
    ("notes", "similarity", "overlap"),
    [
        (bars(QUARTERS, QUARTERS), 1.0, 1.0),
        (bars(QUARTERS, (0, 2)), 14 / 16, 2 / 4),
        # Pairs: 4 of 16 places differ, none, 4; onsets in both 0 + 4 + 0, in either 4 + 4 + 4.
        (bars(QUARTERS, (), QUARTERS), (12 + 16 + 12) / 48, 4 / 12),
        (bars((0, 0.5), (0.25,), (0.5,)), 1 - (3 + 1 + 2) / 48, 1 / 7),
    ],
)
def test_worked_by_hand(notes: Timeline, similarity: float, overlap: float) -> None:
    found = groove.evaluate(notes)
    assert found["groove_similarity"] == pytest.approx(similarity, abs=1e-12)
    assert found["groove_overlap"] == pytest.approx(overlap, abs=1e-12)


def test_all_pairs_as_by_brute_force() -> None:
    """MusDr's formula, over every pair of bars instead of 1,000."""
    random = np.random.default_rng(0)
    struck = random.random((30, 16)) < 0.4
    struck[-1, 0] = struck[0, 0] = True
    found = groove.evaluate(bars(*(tuple(np.flatnonzero(bar) / 4) for bar in struck)))
    agree = [1 - np.abs(a.astype(int) - b).sum() / 16 for a, b in combinations(struck, 2)]
    assert found["groove_similarity"] == pytest.approx(np.mean(agree), abs=1e-12)


def test_bars_are_compared_with_bars_of_their_length() -> None:
    """Two bars of 4/4, alike, then two of 3/4 that share one of three onsets."""
    rows = [(onset * 12, 12, 60, 64) for onset in (0, 1, 4, 5, 8, 9, 11, 13)]
    metres = (Metre(0, 4, 4), Metre(96, 3, 4))
    score = Score(12, (Part("", Notes.of(rows)),), metres)
    found = groove.evaluate(Timeline.of(score, written=True))
    assert found["groove_similarity"] == pytest.approx(1 - 2 / 28)
    assert found["groove_overlap"] == pytest.approx(3 / 5)


def test_muspy_counts_silent_ticks_as_agreement_and_one_bar_too_many() -> None:
    """Two equal bars are 1, not 0.979; bars with nothing in common are 0 (overlap), not 0.9998 on a fine grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import muspy

    def of_muspy(resolution: int, *places: tuple[float, ...]) -> float:
        notes = [
            muspy.Note(time=round(resolution * (4 * bar + place)), pitch=60, duration=resolution)
            for bar, own in enumerate(places)
            for place in own
        ]
        return muspy.groove_consistency(muspy.Music(resolution, tracks=[muspy.Track(notes=notes)]), 4 * resolution)

    assert of_muspy(24, QUARTERS, QUARTERS) == pytest.approx(1 - 4 / (96 * 2))  # a third bar, silent
    assert groove.evaluate(bars(QUARTERS, QUARTERS))["groove_similarity"] == 1.0
    apart = (QUARTERS, (0.5, 1.5, 2.5))
    assert of_muspy(10080, *apart) == pytest.approx(1 - 7 / 40320)  # 0.9998
    found = groove.evaluate(bars(*apart))
    assert found["groove_overlap"] == 0.0
    assert found["groove_similarity"] == 1 - 7 / 16


def test_nothing_to_compare() -> None:
    for notes in (bars(QUARTERS), played((0.0, 1.0, 60), (9.0, 9.1, 60)), written()):
        assert all(np.isnan(value) for value in groove.evaluate(notes).values())
