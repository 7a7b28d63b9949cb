"""The thirteen features of pitch and rhythm as distributions: two sets beside each other, and real beside real.

Every metric of the aspects ``pitch`` and ``rhythm``, single values and arrays alike, by ``distributions.py``. Figures
of halves stand beside each other: one half of the reference with the other half, and with as many generated pieces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ritornello.evaluation.aspects import all_metrics
from ritornello.evaluation.densities import Grid
from ritornello.evaluation.distributions import Ceiling, Comparison, ceiling, compare
from ritornello.evaluation.metric import Metric
from ritornello.evaluation.report.measuring import Measured
from ritornello.evaluation.timeline import FloatArray

FEATURES = ("pitch", "rhythm")
"""The aspects whose metrics they are."""
HARDLY_VARIES = "More than half of the pairs of real pieces are equal in it."
BLIND = frozenset({"pitches_used_per_segment"})
"""Features whose overlap does not tell performances from their first 30 seconds looped (``benchmarks/metrics.py``)."""
CANNOT_TELL = "Its overlap does not tell real performances from their first 30 seconds looped."
_NOTHING = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One feature of two sets, a row for each piece."""

    metric: Metric
    generated_PD: FloatArray
    reference_QD: FloatArray
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """How one feature of two sets compares. No list of distances is kept."""

    metric: Metric
    compared: Comparison
    """Of the whole sets."""
    half: Ceiling
    """Generated pieces beside halves of the reference."""
    real: Ceiling
    """Halves of the reference beside each other."""
    degenerate: bool
    """Whether it hardly varies, so that its figures say little."""
    curves: Mapping[str, tuple[FloatArray, FloatArray]]
    """Places and densities of the distances, by what they are taken of; empty where nothing can be said."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of it, each once."""
        first = (HARDLY_VARIES,) if self.degenerate else ()
        first += (CANNOT_TELL,) if self.metric.name in BLIND else ()
        return tuple(dict.fromkeys((*first, *self.compared.notes, *self.half.notes, *self.real.notes)))


def questions(generated: Sequence[Measured], reference: Sequence[Measured], seed: int) -> list[Question]:
    """One for each feature."""
    return [
        Question(metric, _rows(generated, metric), _rows(reference, metric), seed)
        for metric in all_metrics(*FEATURES).values()
    ]


def answer(question: Question) -> Feature:
    """The figures of one feature.

    Raises:
        UserError: a set has more pieces than can be compared.
    """
    ours, theirs = list(question.generated_PD), list(question.reference_QD)
    compared = compare(ours, theirs)
    half, real = ceiling(theirs, ours, seed=question.seed), ceiling(theirs, seed=question.seed)
    within = compared.within_reference
    return Feature(
        question.metric,
        replace(compared, within_generated=_NOTHING, within_reference=_NOTHING, between=_NOTHING),
        replace(half, between=_NOTHING),
        replace(real, between=_NOTHING),
        degenerate=len(within) > 0 and float(np.median(within)) == 0.0,
        curves=_curves(compared, real),
    )


def unanswered(question: Question) -> Feature:
    """What stands for a feature whose process died: the figures of no pieces."""
    nothing = replace(question, generated_PD=question.generated_PD[:0], reference_QD=question.reference_QD[:0])
    feature = answer(nothing)
    return replace(feature, compared=replace(feature.compared, notes=("The process that compared it died.",)))


def mean_area(features: Sequence[Feature], *, degenerate: bool) -> float:
    """Mean overlapping area of the whole sets, over all features or those that are not degenerate; nan without any."""
    return _mean([f.compared.area.value for f in features if degenerate or not f.degenerate])


def mean_at_half(features: Sequence[Feature]) -> float:
    """The same of generated pieces beside halves of the reference, without degenerate features."""
    return _mean([f.half.area.mean for f in features if not f.degenerate])


def mean_ceiling(features: Sequence[Feature]) -> float:
    """The same of halves of the reference beside each other."""
    return _mean([f.real.area.mean for f in features if not f.degenerate])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _curves(compared: Comparison, real: Ceiling) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Densities on one grid; the first two are those whose overlap is measured."""
    distances = {
        "within the reference": compared.within_reference,
        "generated to reference": compared.between,
        "one half of the reference to the other": real.between,
        "within the generated set": compared.within_generated,
    }
    known = {name: values for name, values in distances.items() if len(values)}
    if len(compared.within_reference) == 0:
        return {}
    grid = Grid.over(compared.within_reference, np.concatenate(list(known.values())))
    return {name: (grid.centres, grid.density(values)) for name, values in known.items()}


def _rows(pieces: Sequence[Measured], metric: Metric) -> FloatArray:
    """A metric of all pieces, flattened (P, D); nan where a piece has none."""
    size = math.prod(metric.shape)
    rows = [np.ravel(p.values.get(metric.name, np.full(size, np.nan))) for p in pieces]
    return np.array(rows, dtype=np.float64).reshape(len(pieces), size)
