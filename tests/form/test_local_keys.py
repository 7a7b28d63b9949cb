"""Local keys of pieces without fermatas."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.evidence import Evidence, evidence_of
from ritornello.form.grid import grid_of_score
from ritornello.form.local_keys import key_scores, key_weights, local_keys, note_features
from ritornello.form.voices import frames_of
from ritornello.scores.score import Score
from tests.form.music import chorale
from tests.form.test_properties import transposed

C_MAJOR = "c4/0.5 e4/0.5 g4/0.5 e4/0.5 d4/0.5 f4/0.5 b4/0.5 g4/0.5 " * 4 + "c5/4 "
G_MAJOR = "g4/0.5 b4/0.5 d5/0.5 b4/0.5 a4/0.5 c5/0.5 f#5/0.5 d5/0.5 " * 4 + "g4/4 "


def seen(score: Score) -> tuple[Evidence, np.ndarray]:
    grid = grid_of_score(score)
    slots = grid.slots(0, grid.num_frames)
    starts = [start for start, _ in slots]
    return evidence_of(frames_of(score), slots), np.isin(starts, [start for start, _ in grid.bars])


def test_a_piece_that_goes_to_the_dominant_and_back() -> None:
    score = chorale([C_MAJOR * 2 + G_MAJOR * 3 + C_MAJOR * 2])  # 40, 60 and 40 beats
    keys = local_keys(*seen(score), home=0)
    assert set(keys.tolist()) == {0, 7}
    assert keys[0] == keys[-1] == 0
    assert (keys[45:95] == 7).all()  # away from the borders at slots 40 and 100


def test_scores_are_sums_over_the_notes() -> None:
    features = np.zeros((1, 4, 12))
    features[0, 0, 7] = 0.5  # half a slot of G in the upper voices
    weights = key_weights()
    scores = key_scores(features, weights)
    # G is 7 semitones above C, 0 above G, and 10 above A
    assert scores[0, 0] == 0.5 * weights.note[0, 0, 7]
    assert scores[0, 7] == 0.5 * weights.note[0, 0, 0]
    assert scores[0, 12 + 9] == 0.5 * weights.note[1, 0, 10]


@settings(max_examples=12, deadline=None)
@given(st.integers(-11, 11))
def test_transposition(semitones: int) -> None:
    score = chorale([C_MAJOR * 2 + G_MAJOR * 3 + C_MAJOR * 2])
    plain, moved = (
        local_keys(*seen(score), home=0),
        local_keys(*seen(transposed(score, semitones)), home=semitones % 12),
    )
    assert ((plain + semitones) % 12).tolist() == moved.tolist()


def test_nothing_and_silence() -> None:
    evidence, _ = seen(chorale(["c4"]))
    assert local_keys(evidence_of(frames_of(chorale(["c4"])), []), np.zeros(0, np.bool_), 5).shape == (0,)
    assert local_keys(evidence, np.ones(1, np.bool_), 5).tolist() == [5]
    assert not note_features(seen(chorale(["r/8 c4"]))[0])[:8].any()
