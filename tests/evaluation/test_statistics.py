"""Bootstrap intervals: hand-worked rates, degenerate input, and coverage."""

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from ritornello.evaluation import statistics
from ritornello.evaluation.statistics import (
    Estimate,
    Tally,
    combined,
    difference,
    quotient,
    rate,
)

Array: TypeAlias = NDArray[np.float64]
FIGURES: Mapping[str, tuple[Callable[[Tally, Tally], Estimate], float]] = {
    "rate": (lambda ours, _: rate(ours), 2.0),
    "quotient": (quotient, 1.0),
    "difference": (difference, 0.0),
    "together": (lambda ours, theirs: combined([ours, theirs], lambda rates: rates[0] - rates[1]), 0.0),
}


def even(random: np.random.Generator, count: int) -> Array:
    """Normal values of mean 2."""
    return random.normal(2, 0.5, count)


def skewed(random: np.random.Generator, count: int) -> Array:
    """Exponential values of mean 2."""
    return random.exponential(2, count)


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
    tally = Tally.of_values([0.1, 0.9, 0.4, 0.3, 0.2, 0.3, 0.5, 0.7, 0.35, 0.6, 0.44, 0.21])
    assert rate(tally, seed=3) == rate(tally, seed=3)
    assert rate(tally, seed=3) != rate(tally, seed=4)


def test_one_piece_gives_a_value_and_no_interval() -> None:
    estimate = rate(Tally([3], [4]))
    assert (estimate.value, estimate.num_pieces) == (0.75, 1)
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)
    both = difference(Tally.of_values([1, 2, 3]), Tally.of_values([1]))
    assert both.value == 1
    assert math.isnan(both.low)


def test_the_interval_of_a_mean_of_normal_values_is_that_of_student() -> None:
    """40 quantiles of the normal distribution: mean 0, and the ends at 2.0227 (Student, 39 degrees) errors."""
    values = norm.ppf((np.arange(40) + 0.5) / 40)
    error = values.std(ddof=1) / math.sqrt(40)
    estimate = rate(Tally.of_values(values.tolist()))
    assert 2.022 * error < estimate.high < 2.1 * error
    assert -2.1 * error < estimate.low < -2.022 * error


def test_shares_stay_between_0_and_1() -> None:
    for hits in ([4, 4, 4, 3], [0, 0, 1, 0], [4, 0, 4, 0]):
        estimate = rate(Tally(hits, [4] * 4))
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_a_skewed_set_reaches_further_up_than_down() -> None:
    estimate = rate(Tally.of_values((np.random.default_rng(0).exponential(1, 30)).tolist()))
    assert estimate.high - estimate.value > 1.35 * (estimate.value - estimate.low)


def test_draws_too_many_for_one_table_are_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally.of_values(np.random.default_rng(0).normal(5, 1, 50).tolist())
    at_once = rate(tally)
    monkeypatch.setattr(statistics, "_CHUNK", 50 * 300)
    assert rate(tally) == pytest.approx(at_once)


@pytest.mark.parametrize("draw", [even, skewed])
@pytest.mark.parametrize("figure", FIGURES)
def test_intervals_cover_the_truth_as_often_as_they_say(figure: str, draw: Callable[..., Array]) -> None:
    """300 simulations of 20 pieces each: 95 % give 91 to 98.5 in all but one case of 1,000."""
    random, covered = np.random.default_rng(1), 0
    estimate_of, truth = FIGURES[figure]
    for _ in range(300):
        one, other = (Tally.of_values(draw(random, 20).tolist()) for _ in range(2))
        estimate = estimate_of(one, other)
        covered += estimate.low <= truth <= estimate.high
    assert 91 <= covered / 3 <= 98.5


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
