"""Cadences without fermatas."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.form.analyse import analyse_harmony
from ritornello.form.chord import Chord
from ritornello.form.closes import MIN_BEATS_APART, chosen, close_weights, closes, signs
from ritornello.form.grid import Range, grid_of_score
from ritornello.form.local_keys import key_weights
from ritornello.form.voices import frames_of
from ritornello.scores.score import Score
from tests.form.music import chorale

RUN = "c5/0.5 d5/0.5 e5/0.5 f5/0.5 g5/0.5 f5/0.5 e5/0.5 d5/0.5 "
PLAY = "e5/0.5 g5/0.5 f5/0.5 e5/0.5 d5/0.5 f5/0.5 e5/0.5 d5/0.5 "
CLOSE = "e5/0.5 d5/0.5 c5/0.5 d5/0.5 d5/1 b4/1 c5/4 "
LOW_RUN, LOW_CLOSE = "e3/0.5 f3/0.5 g3/0.5 f3/0.5 e3/0.5 d3/0.5 c3/0.5 d3/0.5 ", "c3 f3 g3 g2 c3/4 "
TOP = (RUN + PLAY) * 3 + CLOSE
LOW = LOW_RUN * 6 + LOW_CLOSE


def two_halves() -> Score:
    return chorale([TOP * 3, LOW * 3])


def test_cadences_of_a_dance() -> None:
    # each third lasts 8 bars: six of movement, a cadence, and the tonic at its eighth bar, beats 28, 60 and 92
    analysis = analyse_harmony(two_halves())
    assert [close.frame for close in analysis.closes] == [28 * 4, 60 * 4, 92 * 4]
    assert {close.kind for close in analysis.closes} == {"perfect authentic"}
    assert {close.key for close in analysis.closes} == {0}
    assert analysis.home == 0


def test_passages_end_on_their_cadences() -> None:
    analysis = analyse_harmony(two_halves())
    last = analysis.phrases[-1]
    assert (last.fermata, last.end) == (92 * 4, 96 * 4)


def test_a_chorale_has_none() -> None:
    assert analyse_harmony(chorale(["c5 d5 e5 c5", "g4 g4 g4 g4", "e4 b3 c4 e4", "c3 g3 c3 c3"])).closes == []


def test_of_neighbours_the_likelier() -> None:
    slots: list[Range] = [(4 * i, 4 * i + 4) for i in range(12)]
    merit = np.full(12, -9.0)
    merit[[2, 3, 3 + MIN_BEATS_APART, 11]] = 1.0, 2.0, 0.5, -1.0
    # 2 lies too near to 3; 11 is below the threshold
    assert chosen(merit, slots, 0.0) == [3, 3 + MIN_BEATS_APART]
    assert chosen(merit, slots, 9.0) == []


def test_signs_fit_the_weights() -> None:
    score = chorale(["c4 d4 e4 f4", "r c3 d3 e3"])
    frames, grid = frames_of(score), grid_of_score(score)
    slots = grid.slots(0, grid.num_frames)
    table = signs(frames, grid, slots, np.zeros(4, np.int64), [Chord(0, "major", 0)] * 4)
    assert table.shape == (4, len(close_weights().signs))
    assert np.isfinite(table).all()
    assert (table[:, 0] == 1).all()
    assert key_weights().note.shape == (2, 4, 12)


@pytest.mark.parametrize("lines", [["c4/64"], ["c4 r/63"], ["r/60 c4/4"], ["c4/64", "r/64"], ["c4 c4 " * 40]])
def test_odd_pieces(lines: list[str]) -> None:
    analysis = analyse_harmony(chorale(lines))
    assert all(0 <= close.frame < analysis.grid.num_frames for close in analysis.closes)


def test_no_slots() -> None:
    score = chorale(["c4"])
    assert closes(frames_of(score), grid_of_score(score), [], np.zeros(0, np.int64), []) == []
