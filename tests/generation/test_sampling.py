"""Sampling rules on distributions by hand, and the draw on a million of them."""

import numpy as np
import pytest

from ritornello.generation.sampling import (
    draw,
    masked,
    min_p,
    probabilities_of,
    scaled,
    top_p,
)

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3]))


def _kept(logits: np.ndarray) -> list[int]:
    return np.flatnonzero(logits > -np.inf).tolist()


def test_the_sets_that_rules_keep() -> None:
    assert _kept(top_p(LOGITS, 0.4)) == [1]
    assert _kept(top_p(LOGITS, 0.41)) == [1, 3]
    assert _kept(top_p(LOGITS, 1.0)) == [0, 1, 2, 3]
    assert _kept(min_p(LOGITS, 0.5)) == [1, 2, 3]
    assert _kept(masked(LOGITS, np.array([True, False, True, False]))) == [0, 2]


def test_rules_work_on_batches_and_leave_their_argument_alone() -> None:
    batch = np.stack([LOGITS, LOGITS[::-1]])
    before = batch.copy()
    for rule in (lambda x: top_p(x, 0.5), lambda x: min_p(x, 0.5), lambda x: scaled(x, 2.0)):
        np.testing.assert_array_equal(rule(batch)[1], rule(batch[0])[::-1])
    np.testing.assert_array_equal(batch, before)


def test_temperature_one_half_squares_the_odds() -> None:
    np.testing.assert_allclose(probabilities_of(scaled(LOGITS, 0.5)), np.array([1, 16, 4, 9]) / 30)
    np.testing.assert_allclose(probabilities_of(LOGITS), [0.1, 0.4, 0.2, 0.3])


def test_draws_follow_the_distribution() -> None:
    logits = masked(LOGITS, np.array([True, True, True, False]))
    uniforms = (np.arange(7000) + 0.5) / 7000
    counts = np.bincount([draw(logits, u) for u in uniforms], minlength=4)
    np.testing.assert_array_equal(counts, [1000, 4000, 2000, 0])


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_the_ends_of_the_interval_give_possible_tokens(uniform: float) -> None:
    logits = masked(LOGITS, np.array([False, True, True, False]))
    assert draw(logits, uniform) in (1, 2)
