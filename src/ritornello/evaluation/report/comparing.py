"""Two sets of measured pieces, metric by metric: means, their difference and ratio, all with 95 % intervals.

**Conventions**

* A mean is over the pieces that have a value; intervals are drawn over pieces (``statistics.py``) and are nan where
  only one piece has a value.
* A ratio is given where a metric cannot be below 0, and is nan elsewhere.
* ``deviations`` is the difference over the standard deviation of the reference, which is one scale for all metrics
  (Glass's delta).

**Source.** G. V. Glass, Primary, secondary, and meta-analysis of research, Educational Researcher 5 (1976).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ritornello.evaluation import adherence
from ritornello.evaluation.aspects import ASPECTS
from ritornello.evaluation.copying import notes as copied
from ritornello.evaluation.metric import Metric
from ritornello.evaluation.report.measuring import Measured
from ritornello.evaluation.report.typicality import column
from ritornello.evaluation.statistics import Estimate, Tally, difference, quotient, rate
from ritornello.evaluation.timeline import FloatArray

COPYING, PLANS = "copying", "plans"
"""What stands for an aspect in the lines of what is measured by a corpus, or by a plan, and not by the notes alone."""
NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


class Line(NamedTuple):
    """One metric of two sets."""

    aspect: str
    metric: Metric
    generated: Estimate
    reference: Estimate
    difference: Estimate
    ratio: Estimate
    deviations: Estimate

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0

    @property
    def is_blind(self) -> bool:
        """Whether a metric of the notes, by its definition, need not tell a piece from its first 30 seconds looped."""
        return self.aspect not in {COPYING, PLANS} and self.metric.moves.get("looped", "same") == "same"


def singles(pieces: Iterable[Measured]) -> list[dict[str, float]]:
    """The single values of every piece."""
    return [{name: float(value) for name, value in p.values.items() if np.ndim(value) == 0} for p in pieces]


def lines(
    generated: Sequence[Mapping[str, float]], reference: Sequence[Mapping[str, float]], *, written: bool, seed: int
) -> tuple[Line, ...]:
    """Every single-valued metric that applies, in the order of ``ASPECTS``."""
    return tuple(
        line(aspect.name, metric, column(generated, metric.name), column(reference, metric.name), seed)
        for aspect in ASPECTS.values()
        if written or not aspect.needs_bars
        for metric in aspect.metrics
        if metric.shape == ()
    )


def copying_lines(
    generated: Sequence[Mapping[str, float]], reference: Sequence[Mapping[str, float]], seed: int
) -> tuple[Line, ...]:
    """What both share with the training corpus; nothing if no piece was looked for in one."""
    return tuple(
        line(COPYING, metric, column(generated, metric.name), column(reference, metric.name), seed)
        for metric in copied.METRICS
        if any(metric.name in piece for piece in (*generated, *reference))
    )


def plan_lines(generated: Sequence[Measured], reference: Sequence[Measured], seed: int) -> tuple[Line, ...]:
    """How far pieces keep to the plans beside them; nothing if none has one."""
    ours, theirs = ([piece.adherence for piece in pieces] for pieces in (generated, reference))
    return tuple(
        line(PLANS, metric, column(ours, metric.name), column(theirs, metric.name), seed)
        for metric in adherence.METRICS
        if metric.unit == "share" and any(metric.name in piece for piece in (*ours, *theirs))
    )


def line(aspect: str, metric: Metric, generated_P: FloatArray, reference_Q: FloatArray, seed: int) -> Line:
    """One metric of two sets, a value for each piece; nan is no value."""
    ours, theirs = (Tally.of_values(values.tolist()) for values in (generated_P, reference_Q))
    apart = difference(ours, theirs, seed=seed)
    fewest = apart.num_pieces
    ratio = quotient(ours, theirs, seed=seed) if metric.low >= 0 else NOTHING
    known = reference_Q[np.isfinite(reference_Q)]
    deviation = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    scale = 1 / deviation if deviation > 0 else math.nan
    deviations = Estimate(scale * apart.value, scale * apart.low, scale * apart.high, fewest)
    means = (rate(tally, seed=seed) for tally in (ours, theirs))
    return Line(
        aspect,
        metric,
        *(_honest(mean, mean.num_pieces) for mean in means),
        *(_honest(estimate, fewest) for estimate in (apart, ratio, deviations)),
    )


def _honest(estimate: Estimate, fewest: int) -> Estimate:
    """One piece says nothing of how much pieces vary."""
    return estimate if fewest > 1 else estimate._replace(low=math.nan, high=math.nan)
