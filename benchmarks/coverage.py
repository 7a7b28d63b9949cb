"""How often the intervals that reports print cover the truth: nominally 95 times in 100.

    python benchmarks/coverage.py [--simulations 1000] [--sizes 10 20 50 177] [--part rates|overlaps]

Sets of pieces are made up from known distributions, again and again, and the interval of each figure is asked whether
the truth lies in it. 1,000 simulations of an interval that covers 95 % give 93.6 to 96.4 in nineteen cases of twenty.

*Rates* (``evaluation/statistics.py``). The truth is the rate of infinitely many pieces. Kinds of pieces: *even*, normal
values; *shares*, 5 to 40 phrases each, of which a share that differs from piece to piece is right; *skewed*,
exponential values; *rare*, counts over pieces of unequal length whose rate is itself exponential (2 in 100);
*extreme*, log-normal values of skewness 6. Figures: the rate; the quotient and the difference of two sets; the mean
and the difference of two rates of the same pieces. In brackets how often the plain percentile bootstrap covers.

*Overlaps* (``evaluation/jackknife.py``). The truth is the mean of the figure over all sets of that size, since what a
reader asks is whether another run would give another figure, and beside it stands a ceiling with the same noise. It is
shown, beside the value of one pair of sets of 1,500 pieces. Kinds: *alike*, both sets normal; *shifted* by two standard
deviations; *wider* by two; *histograms* of 12 classes, more even in one set; *counts*, Poisson of 9 and 6; *skewed*,
log-normal.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.densities import overlap, pairwise, within
from ritornello.evaluation.jackknife import estimates
from ritornello.evaluation.statistics import Estimate, Tally, combined, difference, quotient, rate

Random: TypeAlias = np.random.Generator
Array: TypeAlias = NDArray[np.float64]


class Pieces(NamedTuple):
    """A made-up set and its true rate."""

    tally: Tally
    truth: float


def even(random: Random, count: int) -> Pieces:
    """Normal values."""
    return Pieces(Tally.of_values(random.normal(2, 1, count).tolist()), 2.0)


def shares(random: Random, count: int) -> Pieces:
    """Phrases that are right, of 5 to 40."""
    phrases = random.integers(5, 41, count)
    right = random.binomial(phrases, random.beta(4, 2, count))
    return Pieces(Tally(right.tolist(), phrases.tolist()), 2 / 3)


def skewed(random: Random, count: int) -> Pieces:
    """Exponential values."""
    return Pieces(Tally.of_values(random.exponential(1, count).tolist()), 1.0)


def rare(random: Random, count: int) -> Pieces:
    """Counts over pieces of unequal length."""
    beats = random.integers(50, 401, count)
    return Pieces(Tally(random.poisson(random.exponential(0.02, count) * beats).tolist(), beats.tolist()), 0.02)


def extreme(random: Random, count: int) -> Pieces:
    """Log-normal values."""
    return Pieces(Tally.of_values(random.lognormal(0, 1, count).tolist()), float(np.exp(0.5)))


KINDS: Mapping[str, Callable[[Random, int], Pieces]] = {
    "even": even,
    "shares": shares,
    "skewed": skewed,
    "rare": rare,
    "extreme": extreme,
}


def of_rate(one: Pieces, _: Pieces) -> tuple[Estimate, float]:
    """The rate of the first."""
    return rate(one.tally), one.truth


def of_quotient(one: Pieces, other: Pieces) -> tuple[Estimate, float]:
    """Of two sets drawn apart."""
    return quotient(one.tally, other.tally), one.truth / other.truth


def of_difference(one: Pieces, other: Pieces) -> tuple[Estimate, float]:
    """Of two sets drawn apart."""
    return difference(one.tally, other.tally), one.truth - other.truth


def of_mean(one: Pieces, other: Pieces) -> tuple[Estimate, float]:
    """Of two rates of the same pieces."""
    return combined([one.tally, other.tally], lambda rates: rates.mean(axis=0)), (one.truth + other.truth) / 2


def of_gain(one: Pieces, other: Pieces) -> tuple[Estimate, float]:
    """Of two rates of the same pieces."""
    return combined([one.tally, other.tally], lambda rates: rates[0] - rates[1]), one.truth - other.truth


FIGURES: Mapping[str, Callable[[Pieces, Pieces], tuple[Estimate, float]]] = {
    "rate": of_rate,
    "quotient": of_quotient,
    "difference": of_difference,
    "mean of rates": of_mean,
    "difference of rates": of_gain,
}


def alike(random: Random, count: int) -> tuple[Array, Array]:
    """Both normal."""
    return random.normal(size=(count, 1)), random.normal(size=(count, 1))


def shifted(random: Random, count: int) -> tuple[Array, Array]:
    """Two deviations apart."""
    return random.normal(2, 1, (count, 1)), random.normal(size=(count, 1))


def wider(random: Random, count: int) -> tuple[Array, Array]:
    """One with twice the deviation."""
    return random.normal(0, 2, (count, 1)), random.normal(size=(count, 1))


def histograms(random: Random, count: int) -> tuple[Array, Array]:
    """Of twelve classes, more even in one set."""
    return random.dirichlet(np.full(12, 1.5), count), random.dirichlet(np.full(12, 1.0), count)


def counts(random: Random, count: int) -> tuple[Array, Array]:
    """Poisson."""
    return random.poisson(9, (count, 1)).astype(float), random.poisson(6, (count, 1)).astype(float)


def lopsided(random: Random, count: int) -> tuple[Array, Array]:
    """Log-normal."""
    return random.lognormal(0.3, 0.7, (count, 1)), random.lognormal(0, 0.7, (count, 1))


SETS: Mapping[str, Callable[[Random, int], tuple[Array, Array]]] = {
    "alike": alike,
    "shifted": shifted,
    "wider": wider,
    "histograms": histograms,
    "counts": counts,
    "skewed": lopsided,
}


def share_covered(found: Sequence[Estimate], truth: float) -> float:
    """Percent of the intervals with the truth in them; one without ends has not."""
    return 100 * float(np.mean([estimate.low <= truth <= estimate.high for estimate in found]))


def rate_coverage(figure: str, kind: str, size: int, simulations: int) -> float:
    """Percent covered of one kind of interval, piece and set size."""
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(simulations):
        estimate, truth = FIGURES[figure](KINDS[kind](random, size), KINDS[kind](random, size))
        hits += estimate.low <= truth <= estimate.high
    return 100 * hits / simulations


def percentile_coverage(kind: str, size: int, simulations: int) -> float:
    """The same of the percentile bootstrap of a rate."""
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(simulations):
        tally, truth = KINDS[kind](random, size)
        drawn = random.integers(size, size=(1000, size))
        draws = np.take(tally.counts, drawn).sum(axis=1) / np.take(tally.sizes, drawn).sum(axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        hits += low <= truth <= high
    return 100 * hits / simulations


class OverlapCoverage(NamedTuple):
    """Percent covered and the truth, of OA and of KLD."""

    area: float
    area_truth: float
    divergence: float
    divergence_truth: float


def overlap_coverage(kind: str, size: int, simulations: int) -> OverlapCoverage:
    """Coverage of both intervals for sets of one kind and size."""
    random = np.random.default_rng(0)
    found = [_overlaps(*SETS[kind](random, size)) for _ in range(simulations)]
    areas, divergences = ([pair[k] for pair in found] for k in (0, 1))
    truths = [float(np.mean([estimate.value for estimate in mine])) for mine in (areas, divergences)]
    return OverlapCoverage(share_covered(areas, truths[0]), truths[0], share_covered(divergences, truths[1]), truths[1])


def _overlaps(generated_PD: Array, reference_QD: Array) -> tuple[Estimate, Estimate]:
    oa, kld, _ = estimates(pairwise(reference_QD, reference_QD), pairwise(generated_PD, reference_QD))
    return oa, kld


def print_rates(sizes: Sequence[int], simulations: int) -> None:
    """One row for each figure and kind of pieces."""
    print("| interval of | pieces are | " + " | ".join(f"{size} pieces" for size in sizes) + " |")
    print("|---|---|" + "---|" * len(sizes))
    for figure in FIGURES:
        for kind in KINDS:
            cells = [f"{rate_coverage(figure, kind, size, simulations):.1f}" for size in sizes]
            if figure == "rate":
                plain = [percentile_coverage(kind, size, simulations) for size in sizes]
                cells = [f"{cell} ({old:.1f})" for cell, old in zip(cells, plain, strict=True)]
            print(f"| {figure} | {kind} | " + " | ".join(cells) + " |", flush=True)


def print_overlaps(sizes: Sequence[int], simulations: int) -> None:
    """Two rows for each kind of sets."""
    print("| sets are | figure | " + " | ".join(f"{size} pieces (truth)" for size in sizes) + " | of 1,500 |")
    print("|---|---|" + "---|" * (len(sizes) + 1))
    for kind in SETS:
        found = [overlap_coverage(kind, size, simulations) for size in sizes]
        generated, reference = SETS[kind](np.random.default_rng(0), 1500)
        many = overlap(within(pairwise(reference, reference)), pairwise(generated, reference).ravel())
        for name, first, value in (("OA", 0, many.area), ("KLD", 2, many.divergence_nats)):
            cells = [f"{one[first]:.1f} ({one[first + 1]:.3f})" for one in found]
            print(f"| {kind} | {name} | " + " | ".join(cells) + f" | {value:.3f} |", flush=True)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 20, 50, 177])
    parser.add_argument("--part", choices=["rates", "overlaps"])
    options = parser.parse_args()
    if options.part != "overlaps":
        print_rates(options.sizes, options.simulations)
    if options.part != "rates":
        print_overlaps(options.sizes, options.simulations)


if __name__ == "__main__":
    main()
