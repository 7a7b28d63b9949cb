"""How far pieces lie from each other, the densities of those distances, and how far two densities overlap.

A feature of a piece is a number or an array; the distance of two pieces is the Euclidean norm of the difference of
the flattened arrays. Distances *within* a set are those of all its pairs, distances *between* two sets those of each
piece of one to each of the other. Two lists of distances are compared by the densities estimated from them: the
overlapping area (OA) is the integral of the smaller one, the Kullback-Leibler divergence (KLD) is in nats.

**Two forms**

* ``usual_overlap`` is what the field's tool computes, its faults included: OA is cut off at the least and the largest
  distance, and KLD compares the values of the first density on a grid over the first list's range with those of the
  second on *another* grid over the second list's range, so that it is blind to where the distances lie.
* ``overlap`` puts both on one grid. It differs in six points: the grid covers all mass of both; KLD is taken on that
  one support; a pair counts once (the tool lists each pair within a set twice, which narrows the kernel); both
  densities have the same kernel, since two kernels make two equal sets of counts look different; what a kernel throws
  below 0 is reflected, since no distance is negative; and lists without any spread are allowed.

**Conventions** of ``overlap``

* The kernel is Gaussian, its bandwidth the mean of Scott's for the two lists (standard deviation times count to the
  power of -1/5), at least ``FINEST`` of the range of the grid.
* Lists in which all distances are equal are no error: two that are equal overlap by 1, two different ones by 0.
* Before KLD is taken, both densities are mixed with ``FLOOR`` of a uniform one, so that it stays finite where only
  the first has mass: it is less than ln(``NUM_BINS`` / ``FLOOR``), about 16 nats.

**Source.** L.-C. Yang and A. Lerch, On the evaluation of generative models in music, Neural Computing and Applications
32 (2020), section 3.3; ``mgeval/utils.py`` of RichardYang40148/mgeval. Kernel densities by the Fourier
transform: B. W. Silverman, Density Estimation (1986), section 3.5; reflection: the same, section 2.10.

Shapes: P and Q pieces, X bins, R resamples.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from ritornello.evaluation.timeline import FloatArray
from ritornello.scores.score import IntArray

NUM_BINS = 1024
FINEST = 1 / 400
"""Least bandwidth, as a part of the grid's range: about 2.5 bins."""
FLOOR = 1e-4
_MARGIN = 5.0
"""How many bandwidths the grid goes on behind the largest distance."""
_EQUAL = 1e-9
"""Distances that differ by less than this part of the largest are equal up to rounding."""
_USUAL_POINTS = 1000
_CELLS = 4096


class Overlap(NamedTuple):
    """Overlapping area of two densities, 0 to 1, and the divergence of the second from the first."""

    area: float
    divergence_nats: float


def pairwise(first_PD: FloatArray, second_QD: FloatArray) -> FloatArray:
    """Euclidean distances of all pieces of one set to all of another (P, Q)."""
    rows = [np.sqrt(((second_QD - piece_D) ** 2).sum(axis=1)) for piece_D in first_PD]
    return np.stack(rows) if rows else np.zeros((0, len(second_QD)))


def within(distances_PP: FloatArray) -> FloatArray:
    """The distances of all pairs of different pieces, each once (P (P - 1) / 2,)."""
    return distances_PP[np.triu_indices(len(distances_PP), k=1)]


@dataclass(frozen=True, slots=True)
class Grid:
    """``NUM_BINS`` bins from 0 on that cover both densities, and the kernel for them."""

    step: float
    bandwidth: float

    @classmethod
    def over(cls, first: FloatArray, second: FloatArray) -> Grid:
        """For two lists of distances, neither empty."""
        bandwidth = (scott(first) + scott(second)) / 2
        end = max(float(first.max()), float(second.max()))
        end = end + _MARGIN * max(bandwidth, end * FINEST) or 1.0
        return cls(end / NUM_BINS, max(bandwidth, end * FINEST))

    @property
    def centres(self) -> FloatArray:
        """Of the bins (X,)."""
        return (np.arange(NUM_BINS, dtype=np.float64) + 0.5) * self.step

    def bins(self, distances: FloatArray) -> IntArray:
        """The bin of each distance."""
        return np.minimum((distances / self.step).astype(np.int64), NUM_BINS - 1)

    def smooth(self, counts_RX: FloatArray, bandwidth: float | FloatArray | None = None) -> FloatArray:
        """Share of the mass in each bin (..., X) after smoothing, reflected at 0.

        Args:
            counts_RX: weight in each bin (..., X).
            bandwidth: in the unit of the distances; (R, 1) for one each; None = that of the grid.
        """
        width = (self.bandwidth if bandwidth is None else bandwidth) / self.step
        damping = np.exp(-0.5 * (np.pi * np.arange(NUM_BINS + 1) / NUM_BINS * width) ** 2)
        total = counts_RX.sum(axis=-1, keepdims=True)
        shares = np.divide(counts_RX, total, out=np.full(counts_RX.shape, np.nan), where=total > 0)
        waves = np.fft.rfft(np.concatenate([shares, shares[..., ::-1]], axis=-1), axis=-1)
        return np.maximum(np.fft.irfft(waves * damping, axis=-1)[..., :NUM_BINS], 0.0)

    def density(self, distances: FloatArray) -> FloatArray:
        """The smoothed density of a list of distances at the centres of the bins (X,)."""
        return self.smooth(self.counts(distances)) / self.step

    def counts(self, distances: FloatArray) -> FloatArray:
        """How many distances fall into each bin (X,)."""
        return np.bincount(self.bins(distances), minlength=NUM_BINS).astype(np.float64)


def overlap(first: FloatArray, second: FloatArray) -> Overlap:
    """OA of two lists of distances and KLD of the second from the first, on one support; nan if either is empty."""
    if not len(first) or not len(second):
        return Overlap(np.nan, np.nan)
    if all_equal(np.concatenate([first, second])):
        return Overlap(1.0, 0.0)
    grid = Grid.over(first, second)
    shares = grid.smooth(np.stack([grid.counts(first), grid.counts(second)]))
    return Overlap(float(area(shares[0], shares[1])), float(divergence(shares[0], shares[1])))


def area(first_RX: FloatArray, second_RX: FloatArray) -> FloatArray:
    """Overlapping area of two rows of shares (...,)."""
    return np.minimum(first_RX, second_RX).sum(axis=-1)


def divergence(first_RX: FloatArray, second_RX: FloatArray) -> FloatArray:
    """KLD of the second row of shares from the first, in nats (...,), with the floor."""
    one, other = ((1 - FLOOR) * shares + FLOOR / NUM_BINS for shares in (first_RX, second_RX))
    return (one * np.log(one / other)).sum(axis=-1)


def all_equal(distances: FloatArray) -> bool:
    """Whether there is no spread but that of rounding."""
    return bool(np.ptp(distances) <= _EQUAL * np.abs(distances).max())


def scott(distances: FloatArray) -> float:
    """Scott's bandwidth of a list of distances; 0 where they are all equal."""
    return 0.0 if all_equal(distances) else float(distances.std(ddof=1)) * len(distances) ** -0.2


def usual_overlap(first: FloatArray, second: FloatArray, *, times_listed: tuple[int, int] = (2, 1)) -> Overlap:
    """OA and KLD as the field's tool computes them.

    Both are nan where the tool fails: a list without spread has a singular density. KLD is infinite where its second
    row of values has a 0.

    Args:
        first: distances, each pair once.
        second: the same.
        times_listed: how often the tool lists each pair: twice within a set, once between sets. Only the bandwidths
            of its kernels depend on it.
    """
    if min(len(first), len(second)) < 2 or all_equal(first) or all_equal(second):
        return Overlap(np.nan, np.nan)
    one, other = _Density.of(first, times_listed[0]), _Density.of(second, times_listed[1])
    return Overlap(_usual_area(one, other, first, second), _usual_divergence(one(_span(first)), other(_span(second))))


@dataclass(frozen=True, slots=True)
class _Density:
    """A Gaussian kernel density over any places, with Scott's bandwidth, not reflected."""

    places: FloatArray
    shares: FloatArray
    bandwidth: float

    @classmethod
    def of(cls, distances: FloatArray, times_listed: int) -> _Density:
        """Of distances that stand ``times_listed`` times each; neighbours within 1/4096 of the range count as one."""
        count = len(distances) * times_listed
        bandwidth = np.sqrt(distances.var() * count / (count - 1)) * count**-0.2
        cells = ((distances - distances.min()) / np.ptp(distances) * _CELLS).astype(np.int64)
        held = np.bincount(cells)
        sums = np.bincount(cells, weights=distances)[held > 0]
        held = held[held > 0]
        return cls(sums / held, held / len(distances), float(bandwidth))

    def __call__(self, at: FloatArray) -> FloatArray:
        """The density at some places (X,)."""
        kernels = np.exp(-0.5 * ((at[:, None] - self.places) / self.bandwidth) ** 2)
        return kernels @ self.shares / (self.bandwidth * np.sqrt(2 * np.pi))


def _usual_area(one: _Density, other: _Density, first: FloatArray, second: FloatArray) -> float:
    """By adaptive quadrature between the least and the largest distance, however well that converges."""
    from scipy import integrate  # pyright: ignore[reportMissingTypeStubs]  # slow to import

    quadrature = cast("Callable[..., tuple[float, float]]", integrate.quad)  # pyright: ignore[reportUnknownMemberType]

    def lower(at: float) -> float:
        place = np.array([at])
        return float(min(one(place)[0], other(place)[0]))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", integrate.IntegrationWarning)
        return quadrature(lower, min(first.min(), second.min()), max(first.max(), second.max()))[0]


def _usual_divergence(one: FloatArray, other: FloatArray) -> float:
    """Entropy of two rows of values, each made to sum to 1, as if they stood at the same places."""
    one, other = one / one.sum(), other / other.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(one > 0, one * np.log(one / other), 0.0)
    return float(terms.sum())


def _span(distances: FloatArray) -> FloatArray:
    return np.linspace(distances.min(), distances.max(), _USUAL_POINTS, dtype=np.float64)
