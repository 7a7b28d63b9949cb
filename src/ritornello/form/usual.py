"""What is usual in the plans of each style: tempi, lengths and keys of sections.

``usual.json`` holds counts that ``benchmarks/usual_plans.py`` has made over the plans that analysis finds: of
``bach-370-chorales``, ``pop909-cl`` and Bach's pieces in ``mutopia-scores``, those for test left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ritornello.form.key import Key
from ritornello.form.plan import Plan
from ritornello.form.style import Style

RARE = 0.005
"""A key that fewer than this share of sections have is unusual."""

CHORALE_TEMPO_BPM = 80.0
"""The sources of chorales state none but one for all."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What analysis has counted in one style."""

    pieces: int
    sections: int
    tempo_bpm: tuple[float, float, float] | None
    """The first hundredth, the median and the last hundredth of the tempi that sources state; None if all are one."""
    longest_bars: int
    """The longest section."""
    keys: Mapping[str, int]
    """``key_step`` from the home key to a section's -> sections."""
    steps: Mapping[str, int]
    """``key_step`` from a section's key to the next one's -> times."""


@cache
def usual_of(style: Style) -> Usual:
    """The counts of a style."""
    facts: dict[str, Any] = json.loads((files("ritornello.form") / "usual.json").read_text(encoding="utf-8"))[style]
    stated = facts.pop("tempo_bpm")
    return Usual(tempo_bpm=None if stated is None else tuple(stated), **facts)


def tempo_of(plan: Plan) -> float:
    """The tempo that a plan states in quarter notes per minute, else the usual one of its style."""
    usual = usual_of(plan.style).tempo_bpm
    return plan.tempo_bpm or (CHORALE_TEMPO_BPM if usual is None else usual[1])


def share_of(counts: Mapping[str, int], step: str) -> float:
    """The share that one step has of all, 0-1."""
    return counts.get(step, 0) / sum(counts.values())


def key_step(one: Key, other: Key) -> str:
    """How one key lies to another, whatever its pitch: ``major: 7 minor`` is from C major to g minor."""
    return f"{one.mode}: {(other.tonic_pitch_class - one.tonic_pitch_class) % 12} {other.mode}"
