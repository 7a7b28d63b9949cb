"""Events found against a person's: entries, cadences, borders.

An event found *hits* a true one if they lie no further apart than a tolerance, and each event hits one other at most.

**Source**: as ``mir_eval.util.match_events`` (Raffel et al., ISMIR 2014), with which it agrees. On a line pairing in
order is a largest matching, so none is searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_ROUNDING = 1e-6


class Hits(NamedTuple):
    """Counts of one piece, which add up over pieces."""

    hits: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the events found that are true; nan if none was found."""
        return _share(self.hits, self.found)

    @property
    def recall(self) -> float:
        """Share of the true events that were found; nan if there are none."""
        return _share(self.hits, self.true)

    @property
    def f_measure(self) -> float:
        """Harmonic mean of both; nan if there are no events at all."""
        return _share(2 * self.hits, self.found + self.true)


def hits(found: Sequence[float], true: Sequence[float], within: float) -> Hits:
    """Compares events found with true ones, in any order and in the unit of ``within``."""
    ours, theirs = sorted(found), sorted(true)
    at = matched = 0
    for event in ours:
        while at < len(theirs) and theirs[at] < event - within - _ROUNDING:
            at += 1
        if at < len(theirs) and theirs[at] <= event + within + _ROUNDING:
            at, matched = at + 1, matched + 1
    return Hits(matched, len(ours), len(theirs))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
