"""What a metric is: a name with a unit, and what is true of it by definition.

A measure of one aspect is a file with pure functions and an ``evaluate`` that returns names and values, after
mir_eval (Raffel et al., ISMIR 2014). Its ``METRICS`` say of each value what must be true of it: what may be done to a
piece without changing it (``keeps``), and which way it must go when a piece is spoilt in a known manner (``moves``).
The first is a test over all metrics, the second a table over real music: a metric that fails there is not to be
trusted, whatever its name says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ritornello.evaluation.timeline import FloatArray, Timeline

Value: TypeAlias = "float | FloatArray"
Values: TypeAlias = Mapping[str, Value]

Change: TypeAlias = Literal["transposed up", "later", "notes reordered", "louder"]
"""All notes some semitones higher or lower; silence put before the piece, in written music whole bars; the notes listed
in another order in the file; all velocities changed."""
EVERY_CHANGE: frozenset[Change] = frozenset(("transposed up", "later", "notes reordered", "louder"))
BUT_TRANSPOSED: frozenset[Change] = EVERY_CHANGE - {"transposed up"}

Corruption: TypeAlias = Literal["shuffled", "transposed", "looped"]
"""``corruption.py``: the onsets dealt out anew among the notes; transposed at random every ten seconds; the first
30 seconds looped."""
Move: TypeAlias = Literal["up", "down", "same", "away"]
"""Of single values: they rise, fall or stay; of arrays: they stay (same) or end at a distance from before (away)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One value that an ``evaluate`` returns."""

    name: str
    """The key in the result; a word of the field, with its unit at the end unless ``unit`` is a share or a count."""
    unit: str
    """semitones, seconds, bits, share, count, ..."""
    says: str
    """In one line, for a reader of the report: what it counts."""
    shape: tuple[int, ...] = ()
    """Of an array; () for a single value."""
    keeps: frozenset[Change] = EVERY_CHANGE
    """What leaves it as it is."""
    moves: Mapping[Corruption, Move] = field(default_factory=dict[Corruption, Move])
    """Where each corruption must move it, by its definition; of one that is left out the definition says nothing."""
    low: float = 0.0
    """Least value it can have."""
    high: float = float("inf")


@dataclass(frozen=True, slots=True)
class Aspect:
    """One file of measures."""

    name: str
    evaluate: Callable[[Timeline], Values]
    """Pure. What cannot be measured (no notes, too few) is nan, never an error."""
    metrics: tuple[Metric, ...]
    needs_bars: bool = False
    """Whether only written music can be measured."""
