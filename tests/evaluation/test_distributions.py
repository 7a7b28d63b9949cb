"""Overlap of distances: hand-worked sets, the usual tool written out, degenerate sets, and coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from ritornello.errors import UserError
from ritornello.evaluation.densities import FLOOR, NUM_BINS, Grid, overlap, pairwise, scott, usual_overlap, within
from ritornello.evaluation.distributions import MOST_PIECES, ceiling, compare
from ritornello.evaluation.jackknife import estimates
from ritornello.evaluation.timeline import FloatArray

RANDOM = np.random.default_rng(0)


def tool_area(first: FloatArray, second: FloatArray) -> float:
    """What mgeval/utils.py says in overlap_area, in other words."""
    one, other = stats.gaussian_kde(first), stats.gaussian_kde(second)
    low, high = min(first.min(), second.min()), max(first.max(), second.max())
    return integrate.quad(lambda x: min(one(x)[0], other(x)[0]), low, high)[0]


def tool_divergence(first: FloatArray, second: FloatArray) -> float:
    """What mgeval/utils.py says in kl_dist: two grids, one for each list."""
    rows = [stats.gaussian_kde(x)(np.linspace(x.min(), x.max(), 1000)) for x in (first, second)]
    return float(stats.entropy(*rows))


def listed(reference: FloatArray, generated: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The tool's lists: each piece left out once and compared to all others; and across."""
    inside = [np.linalg.norm(a - b) for i, a in enumerate(reference) for j, b in enumerate(reference) if i != j]
    return np.array(inside), np.array([np.linalg.norm(a - b) for a in reference for b in generated])


def test_distances_worked_by_hand() -> None:
    """Points (0, 0), (3, 4), (0, 1): 5 and 1 from the first, sqrt(9 + 9) from the second to the third."""
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    distances = pairwise(points, points)
    assert within(distances).tolist() == pytest.approx([5, 1, math.sqrt(18)])
    assert pairwise(points[:1], points[1:]).tolist() == [[5.0, 1.0]]
    assert distances.diagonal().tolist() == [0, 0, 0]


def test_the_lists_of_a_comparison_are_of_all_pairs() -> None:
    """Values 1, 2, 4 and 0, 1, 3: differences 1, 3, 2 within, 1, 3, 2 within, and nine between."""
    found = compare([1.0, 2.0, 4.0], [0.0, 1.0, 3.0])
    assert sorted(found.within_generated) == sorted(found.within_reference) == [1, 2, 3]
    assert sorted(found.between) == [0, 1, 1, 1, 1, 2, 2, 3, 4]
    assert found.spread.area == pytest.approx(1)


@pytest.mark.parametrize("width", [1, 12])
def test_the_usual_form_is_what_the_tool_computes(width: int) -> None:
    reference, generated = RANDOM.normal(0, 1, (40, width)), RANDOM.normal(0.4, 1.3, (35, width))
    first, second = listed(reference, generated)
    usual = compare(list(generated), list(reference)).usual
    assert usual.area == pytest.approx(tool_area(first, second), abs=1e-5)
    assert usual.divergence_nats == pytest.approx(tool_divergence(first, second), abs=1e-5)


def test_the_usual_form_of_counts_is_what_the_tool_computes() -> None:
    reference, generated = RANDOM.poisson(30, (30, 1)).astype(float), RANDOM.poisson(26, (30, 1)).astype(float)
    first, second = listed(reference, generated)
    usual = compare(list(generated), list(reference)).usual
    assert usual.area == pytest.approx(tool_area(first, second), abs=1e-5)
    assert usual.divergence_nats == pytest.approx(tool_divergence(first, second), abs=1e-5)


def test_the_usual_divergence_does_not_see_where_distances_lie() -> None:
    """The same list 100 further up: the tool finds no divergence at all, although no distance is shared."""
    distances = RANDOM.gamma(3, 1, 500)
    usual = usual_overlap(distances, distances + 100, times_listed=(1, 1))
    one_grid = overlap(distances, distances + 100)
    assert usual.divergence_nats == pytest.approx(0, abs=1e-6)
    assert one_grid.divergence_nats > 8
    assert usual.area == pytest.approx(one_grid.area, abs=1e-6)
    assert one_grid.area == pytest.approx(0, abs=1e-6)


def test_the_usual_area_of_a_list_with_itself_is_not_1() -> None:
    """Distances of single values crowd at 0, where half of each kernel lies outside of what the tool integrates."""
    distances = np.abs(RANDOM.normal(0, 1, 300))
    assert usual_overlap(distances, distances).area < 0.97
    assert overlap(distances, distances).area == pytest.approx(1, abs=1e-9)
    assert overlap(distances, distances).divergence_nats == pytest.approx(0, abs=1e-9)


def test_smoothing_is_the_kernel_density_with_what_lies_below_0_turned_back() -> None:
    distances = np.abs(RANDOM.normal(0, 1, 200))
    grid = Grid.over(distances, distances)
    assert grid.bandwidth == pytest.approx(stats.gaussian_kde(distances).factor * distances.std(ddof=1))
    kernel = stats.gaussian_kde(distances)
    expected = kernel(grid.centres) + kernel(-grid.centres)
    assert grid.density(distances) == pytest.approx(expected, abs=2e-3)
    assert grid.density(distances).sum() * grid.step == pytest.approx(1)


def test_two_normal_densities_overlap_by_what_the_formula_says() -> None:
    """Means 20 and 22, deviation 1, smoothed: 2 Phi(-d / 2) and d^2 / 2 with d = 2 / the smoothed deviation."""
    quantiles = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    found = overlap(20 + quantiles, 22 + quantiles)
    apart = 2 / math.hypot(1, scott(quantiles))
    assert found.area == pytest.approx(2 * stats.norm.cdf(-apart / 2), abs=2e-3)
    assert found.divergence_nats == pytest.approx(apart**2 / 2, rel=0.02)


def test_point_masses() -> None:
    """All equal and the same: 1 and 0. All equal and different: 0, and less than the bound that the floor sets."""
    same, apart = overlap(np.full(9, 2.0), np.full(4, 2.0)), overlap(np.full(9, 2.0), np.full(4, 3.0))
    assert same == (1, 0)
    assert apart.area == pytest.approx(0, abs=1e-9)
    assert 8 < apart.divergence_nats < math.log(NUM_BINS / FLOOR)
    assert overlap(np.zeros(5), np.full(5, 1e-300)).area == pytest.approx(0, abs=1e-9)


def test_a_point_mass_overlaps_by_the_share_that_stands_with_it() -> None:
    """Three of four distances are 0 as all of the others are: 0.75, where a density of no width would give 0."""
    assert overlap(np.zeros(30), np.repeat([0.0, 0.0, 0.0, 1.0], 500)).area == pytest.approx(0.75, abs=0.01)


def test_pieces_that_are_all_alike_are_told_and_not_counted_as_certain() -> None:
    """Twelve pitch classes in every piece, as in nearly all real ones: the usual tool stops with an error."""
    found = compare([12.0] * 9, [12.0] * 5)
    assert (found.area.value, found.divergence_nats.value) == (1, 0)
    assert math.isnan(found.area.low)
    assert math.isnan(found.usual.area)
    assert any("singular" in note for note in found.notes)
    assert any("no interval" in note for note in found.notes)
    other = compare([11.0] * 9, [12.0] * 5)
    assert other.area.value == pytest.approx(0, abs=1e-9)
    assert math.isnan(other.area.high)
    one_list = compare([11.0, 12.0, 12.0, 12.0], [12.0] * 5)
    assert one_list.area.value == pytest.approx(0.75, abs=0.02)
    assert one_list.area.low < 0.75 < one_list.area.high
    assert any("half the kernel" in note for note in one_list.notes)


@pytest.mark.parametrize("sizes", [(0, 0), (0, 5), (1, 5), (2, 5), (5, 2), (5, 1), (5, 0)])
def test_sets_too_small_say_nothing_and_why(sizes: tuple[int, int]) -> None:
    generated, reference = (RANDOM.normal(size=(size, 3)) for size in sizes)
    found = compare(list(generated), list(reference))
    figures = [*found.usual, *found.spread, *found.area[:3], *found.divergence_nats[:3]]
    assert all(math.isnan(figure) for figure in figures)
    assert found.notes[-1].startswith(f"Nothing can be said of {sizes[0]} generated and {sizes[1]} real pieces")
    top = ceiling(list(reference), list(generated))
    assert math.isnan(top.area.mean)
    assert "say nothing" in top.notes[-1]


def test_pieces_without_a_value_are_left_out_and_counted() -> None:
    nan, inf = math.nan, math.inf
    found = compare([1.0, nan, 3.0, 4.0], [np.array(x) for x in (1.0, 2.0, inf, 4.0, 5.5)])
    assert (found.num_generated, found.num_reference) == (3, 4)
    assert found.notes[0] == "1 of 4 generated pieces have no value of this feature and are left out."
    assert found.notes[1].startswith("1 of 5 real pieces")
    assert found.area == compare([1.0, 3.0, 4.0], [1.0, 2.0, 4.0, 5.5]).area


def test_too_many_pieces_are_refused() -> None:
    with pytest.raises(UserError, match="too many pieces"):
        compare([0.0] * (MOST_PIECES + 1), [1.0, 2.0])


values = st.lists(st.floats(-50, 50) | st.integers(-3, 3).map(float), min_size=3, max_size=12)


@settings(max_examples=25, deadline=None)
@given(values, values)
def test_any_two_sets_give_figures_in_their_ranges(generated: list[float], reference: list[float]) -> None:
    found = compare(generated, reference)
    assert 0 <= found.area.value <= 1 + 1e-9
    assert -1e-9 <= found.divergence_nats.value < math.log(NUM_BINS / FLOOR)
    if not math.isnan(found.area.low):
        assert found.area.low <= found.area.value <= found.area.high <= 1 + 1e-9
        assert found.divergence_nats.low <= found.divergence_nats.value <= found.divergence_nats.high


@settings(max_examples=15, deadline=None)
@given(values, values, st.randoms(use_true_random=False))
def test_the_order_of_pieces_and_the_unit_do_not_matter(generated: list[float], reference: list[float], mix) -> None:
    other = [1000 * value for value in generated]
    mix.shuffle(other)
    one, two = compare(generated, reference), compare(other, [1000 * value for value in reference])
    assert two.area.value == pytest.approx(one.area.value, abs=0.02)  # a distance may fall into the bin beside


def test_generated_pieces_that_are_all_alike_show_in_the_spread() -> None:
    """A system that always gives the mean piece, beside one that gives pieces as varied as the real ones."""
    reference = RANDOM.normal(size=(100, 20))
    found = compare(list(0.01 * RANDOM.normal(size=(100, 20))), list(reference))
    varied = compare(list(RANDOM.normal(size=(100, 20))), list(reference))
    assert found.spread.area < 0.01
    assert varied.spread.area > 0.8


def test_the_ceiling_is_near_1_and_the_same_for_the_same_seed() -> None:
    reference = list(RANDOM.normal(size=80))
    top = ceiling(reference, seed=3, halvings=4)
    assert top.num_pieces == 40
    assert len(top.between) == 40 * 40
    assert 0.9 < top.area.mean < 1
    assert 0 < top.area.deviation < 0.06
    assert top.area == ceiling(reference, seed=3, halvings=4).area
    assert top.area != ceiling(reference, seed=4, halvings=4).area


def test_halves_of_generated_pieces_stand_fairly_beside_the_ceiling() -> None:
    """Where both sets are alike, the whole sets overlap more than halves do, and halves as much as the ceiling."""
    reference, generated = list(RANDOM.normal(size=60)), list(RANDOM.normal(size=60))
    halves, top = ceiling(reference, generated, halvings=5), ceiling(reference, halvings=5)
    assert halves.num_pieces == 30
    assert halves.area.mean == pytest.approx(top.area.mean, abs=0.08)
    assert ceiling(reference, [value + 5 for value in generated], halvings=2).area.mean < 0.2


def test_the_error_is_that_of_leaving_each_piece_out() -> None:
    """The jackknife written out: one piece of either set less at a time, the rest compared anew on the same grid."""
    generated, reference = RANDOM.normal(0.5, 1, (7, 2)), RANDOM.normal(0, 1, (6, 2))
    inside, across = pairwise(reference, reference), pairwise(generated, reference)
    grid = Grid.over(within(inside), across.ravel())

    def area(real: list[int], made: list[int]) -> float:
        lists = within(inside[np.ix_(real, real)]), across[np.ix_(made, real)].ravel()
        one, other = (grid.smooth(grid.counts(distances)) for distances in lists)
        return float(np.minimum(one, other).sum())

    real, made = list(range(6)), list(range(7))
    less_real = [area([i for i in real if i != out], made) for out in real]
    less_made = [area(real, [i for i in made if i != out]) for out in made]
    error = math.sqrt(5 * np.var(less_real) + 6 * np.var(less_made))
    found = estimates(inside, across)[0]
    slope = 1 / (found.value * (1 - found.value))
    reach = math.log(found.high / (1 - found.high)) - math.log(found.value / (1 - found.value))
    assert reach == pytest.approx(1.959964 * error * slope)


@pytest.mark.parametrize("apart", [0.0, 1.5])
def test_intervals_cover_the_mean_figure_as_often_as_they_say(apart: float) -> None:
    """150 simulations of 20 pieces against 20; where both sets are alike, intervals are a little too wide."""
    random = np.random.default_rng(2)
    found: list[tuple[FloatArray, FloatArray]] = []
    for _ in range(150):
        generated, reference = random.normal(apart, 1, (20, 1)), random.normal(0, 1, (20, 1))
        oa, kld, _ = estimates(pairwise(reference, reference), pairwise(generated, reference))
        found.append((np.array(oa[:3]), np.array(kld[:3])))
    for figure in (0, 1):
        value, low, high = np.array([pair[figure] for pair in found]).T
        assert 91 <= 100 * np.mean((low <= value.mean()) & (value.mean() <= high)) <= 99.5
