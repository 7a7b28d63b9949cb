"""The one table of what is measured of a piece from its notes alone."""

from __future__ import annotations

from ritornello.evaluation.metric import Aspect, Metric

ASPECTS: dict[str, Aspect] = {}
"""By name, in the order in which a report shows them."""


def all_metrics() -> dict[str, Metric]:
    """Every metric by its name; no two aspects share one."""
    return {metric.name: metric for aspect in ASPECTS.values() for metric in aspect.metrics}
