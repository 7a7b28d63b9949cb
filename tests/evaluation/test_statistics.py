"""Bootstrap intervals: hand-worked rates, degenerate input, and coverage."""

import math

import numpy as np
import pytest

from ritornello.evaluation.statistics import Tally, combined, difference, quotient, rate


def test_a_rate_is_total_events_over_total_size() -> None:
    estimate = rate(Tally([1, 0, 3], [10, 20, 10]))
    assert estimate.value == pytest.approx(0.1, abs=1e-12)
    assert estimate.num_pieces == 3
    assert 0 <= estimate.low <= 0.1 <= estimate.high <= 0.3


def test_equal_pieces_leave_no_doubt() -> None:
    assert rate(Tally.of_values([0.25, 0.25, 0.25]))[:3] == (0.25, 0.25, 0.25)


def test_quotient_of_a_set_with_half_of_it_is_two() -> None:
    ours, theirs = Tally([4, 4], [10, 10]), Tally([2, 2, 2], [10, 10, 10])
    assert quotient(ours, theirs)[:3] == pytest.approx((2.0, 2.0, 2.0), abs=1e-12)


def test_a_difference_is_of_two_sets_drawn_apart() -> None:
    ours, theirs = Tally.of_values([2, 4, 6]), Tally.of_values([1, 1])
    assert difference(ours, theirs).value == pytest.approx(4 - 1, abs=1e-12)
    assert difference(ours, theirs)[1:3] == pytest.approx([end - 1 for end in rate(ours)[1:3]], abs=1e-12)
    assert difference(ours, theirs).num_pieces == 2
    assert math.isnan(difference(ours, Tally([], [])).value)


def test_pieces_without_a_value_are_left_out() -> None:
    assert rate(Tally([1, math.nan, 5], [2, 1, 0]))[:1] == (0.5,)
    assert rate(Tally([1, math.nan, 5], [2, 1, 0])).num_pieces == 1


@pytest.mark.parametrize("tally", [Tally([], []), Tally([math.nan], [1]), Tally([3], [0])])
def test_nothing_to_count_is_nan(tally: Tally) -> None:
    assert all(math.isnan(x) for x in rate(tally)[:3])
    assert math.isnan(quotient(Tally([1], [1]), tally).value)


def test_a_quotient_by_a_rate_of_zero_is_nan() -> None:
    assert math.isnan(quotient(Tally([1], [1]), Tally([0, 0], [4, 4])).value)


def test_the_same_seed_draws_the_same_interval() -> None:
    tally = Tally.of_values([0.1, 0.9, 0.4, 0.3])
    assert rate(tally, seed=3) == rate(tally, seed=3)
    assert rate(tally, seed=3) != rate(tally, seed=4)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        estimate = rate(Tally.of_values(random.normal(2.0, 1.0, size=60).tolist()))
        covered += estimate.low <= 2.0 <= estimate.high
    assert 88 <= covered <= 99


def test_a_combination_of_one_rate_is_the_rate() -> None:
    tally = Tally([1, 0, 3, math.nan], [10, 20, 10, 5])
    assert combined([tally], lambda rates: rates[0], seed=5) == rate(tally, seed=5)


def test_rates_of_the_same_pieces_are_drawn_together() -> None:
    """Pieces differ, but in each the second rate is 2 above the first: no doubt about the difference."""
    first, second = Tally.of_values([1.0, 5.0, 9.0]), Tally.of_values([3.0, 7.0, 11.0])
    assert combined([first, second], lambda rates: rates[1] - rates[0])[:3] == pytest.approx((2, 2, 2), abs=1e-12)


def test_a_piece_may_have_some_of_the_rates_only() -> None:
    """Rates 6 / 3 and 4 / 1; draws without the one piece of the second have no mean and are left out."""
    both = combined([Tally([2, 4], [1, 2]), Tally([4, 0], [1, 0])], lambda rates: rates.mean(axis=0))
    assert both == (3.0, 3.0, 3.0, 2)


def test_a_combination_of_nothing_is_nan() -> None:
    assert all(math.isnan(x) for x in combined([Tally([], []), Tally([], [])], lambda rates: rates[0])[:3])
