"""All that a report tells of two sets, before it is put into words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ritornello.evaluation.report.comparing import COPYING, PLANS, Line
from ritornello.evaluation.report.features import Feature
from ritornello.evaluation.report.gathering import Gathered
from ritornello.evaluation.report.measuring import Measured
from ritornello.evaluation.report.typicality import Typicality
from ritornello.evaluation.statistics import ENOUGH_PIECES


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured, and how the sets compare."""

    command: str
    """That makes this report again."""
    seed: int
    versions: Mapping[str, str]
    gathered: Gathered
    features: tuple[Feature, ...]
    lines: tuple[Line, ...]
    """Every single value; that of copying and of plans too, where there is any."""
    typicality: tuple[Typicality, ...]
    """Of the generated pieces, in their order."""
    typicality_reference: tuple[Typicality, ...]
    training: str = ""
    """The corpus that copies were looked for in; empty if none."""

    @property
    def own_lines(self) -> tuple[Line, ...]:
        """Those of the notes alone: without copying and plans."""
        return tuple(line for line in self.lines if line.aspect not in {COPYING, PLANS})

    @property
    def num_by_chance(self) -> float:
        """Own lines whose intervals would lie apart between sets of one kind; nan where intervals are too narrow."""
        if min(len(s.pieces) for s in (self.gathered.generated, self.gathered.reference)) < ENOUGH_PIECES:
            return math.nan
        return 0.05 * sum(not math.isnan(line.difference.low) for line in self.own_lines)

    @property
    def by_typicality(self) -> list[Measured]:
        """The generated pieces, the one most like the reference first; those that cannot be compared are left out."""
        return _ranked(self.gathered.generated.pieces, self.typicality)

    @property
    def reference_by_typicality(self) -> list[Measured]:
        """The reference's own pieces, the most usual one first."""
        return _ranked(self.gathered.reference.pieces, self.typicality_reference)


def _ranked(pieces: tuple[Measured, ...], typicality: tuple[Typicality, ...]) -> list[Measured]:
    known = [(t.distance, p.piece.name, p) for p, t in zip(pieces, typicality, strict=True)]
    return [piece for distance, _, piece in sorted(known, key=lambda row: row[:2]) if not math.isnan(distance)]
