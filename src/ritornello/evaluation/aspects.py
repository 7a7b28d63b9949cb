"""The one table of what is measured of a piece from its notes alone."""

from __future__ import annotations

from ritornello.evaluation import (
    cadences,
    compression,
    counterpoint,
    dynamics,
    fitness,
    groove,
    harmony,
    pitch,
    rhythm,
    similarity,
    structure,
    tension,
)
from ritornello.evaluation.metric import Aspect, Metric

ASPECTS: dict[str, Aspect] = {
    "pitch": Aspect("pitch", pitch.evaluate, pitch.METRICS),
    "rhythm": Aspect("rhythm", rhythm.evaluate, rhythm.METRICS),
    "dynamics": Aspect("dynamics", dynamics.evaluate, dynamics.METRICS),
    "harmony": Aspect("harmony", harmony.evaluate, harmony.METRICS),
    "tension": Aspect("tension", tension.evaluate, tension.METRICS),
    "self-similarity": Aspect("self-similarity", similarity.evaluate, similarity.METRICS),
    "structureness": Aspect("structureness", fitness.evaluate, fitness.METRICS),
    "structure": Aspect("structure", structure.evaluate, structure.METRICS),
    "compression": Aspect("compression", compression.evaluate, compression.METRICS),
    "groove": Aspect("groove", groove.evaluate, groove.METRICS, needs_bars=True),
    "cadences": Aspect("cadences", cadences.evaluate, cadences.METRICS, needs_bars=True),
    "counterpoint": Aspect("counterpoint", counterpoint.evaluate, counterpoint.METRICS, needs_bars=True),
}
"""By name, in the order in which a report shows them."""


def all_metrics(*aspects: str) -> dict[str, Metric]:
    """Every metric of some aspects, or of all, by its name; no two share one."""
    return {metric.name: metric for name in aspects or ASPECTS for metric in ASPECTS[name].metrics}
