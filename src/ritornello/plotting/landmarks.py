"""Where a plan's sections and cadences lie in seconds, for pictures without bars.

Seconds are those of the piece's own tempo, counted from its first note, as measures count them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.form.grid import FRAMES_PER_BEAT, phrase_ranges
from ritornello.form.plan import Plan
from ritornello.plotting.lanes import CADENCES, Lanes, Span
from ritornello.scores.clock import Clock
from ritornello.scores.score import Score


class CadenceMark(NamedTuple):
    """A planned cadence: where its phrase ends, and its short name."""

    seconds: float
    name: str


def sections_of(plan: Plan, score: Score) -> list[Span]:
    """The sections in seconds; none where the plan leaves metre, pickup or sections open."""
    spans = Lanes.of(plan).sections
    starts = _seconds(score, [span.start for span in spans])
    ends = _seconds(score, [span.end for span in spans])
    return [Span(start, end, span.texts, span.letter) for span, start, end in zip(spans, starts, ends, strict=True)]


def cadences_of(plan: Plan, score: Score) -> list[CadenceMark]:
    """The cadences in seconds, at the ends of their phrases; phrases that end without one have no mark."""
    if not Lanes.of(plan).sections:
        return []
    ends = _seconds(score, [end for _, end in phrase_ranges(plan)])
    return [
        CadenceMark(seconds, CADENCES[phrase.cadence])
        for phrase, seconds in zip(plan.phrases, ends, strict=True)
        if phrase.cadence is not None and phrase.cadence != "none"
    ]


def _seconds(score: Score, frames: list[float]) -> list[float]:
    """Seconds from the first note on."""
    clock = Clock.of(score)
    onsets = [int(part.notes.onset_ticks.min()) for part in score.parts if len(part.notes.onset_ticks)]
    first = float(clock.seconds(np.array([min(onsets, default=0)]))[0])
    ticks = np.array(frames, dtype=np.float64) * score.ticks_per_beat / FRAMES_PER_BEAT
    return [float(second) - first for second in clock.seconds(ticks.astype(np.int64))]
