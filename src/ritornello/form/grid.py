"""Where bars, beat slots, sections and phrases lie, counted in frames (16ths).

A bar is cut into beat slots of a quarter note from its barline; the last slot of a bar may be shorter,
and so may the first of a pickup, which is aligned to its end. A phrase border inside a slot cuts it.

In a Plan every section starts ``pickup`` before a barline and lasts its bars; the piece lasts the
pickup and then full bars, so the last section is the pickup longer than its bars.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ritornello.form.plan import Plan
from ritornello.scores.score import IntArray, Score

FRAMES_PER_BEAT = 4
Range = tuple[int, int]
"""First frame, and the frame after the last."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The bars of a piece in frames, without gaps from 0; ``pickup_frames`` is the length of bar 0 or 0.

    ``bar_frames`` is the length of a full bar (of the first metre).
    """

    bars: tuple[Range, ...]
    pickup_frames: int
    bar_frames: int

    @property
    def num_frames(self) -> int:
        """Length of the piece."""
        return self.bars[-1][1] if self.bars else 0

    @property
    def slot_starts(self) -> IntArray:
        """First frame of every beat slot of the piece."""
        starts: list[int] = []
        for number, (start, end) in enumerate(self.bars):
            short = (end - start) % FRAMES_PER_BEAT if number == 0 and self.pickup_frames else 0
            starts += [start] if short else []
            starts += range(start + short, end, FRAMES_PER_BEAT)
        return np.array(starts, dtype=np.int64)

    @property
    def bar_positions(self) -> IntArray:
        """Frames since the barline, per frame (F,); a pickup counts as the end of a full bar."""
        positions = np.arange(self.num_frames)
        for start, end in self.bars:
            positions[start:end] -= start
        positions[: self.pickup_frames] += self.bar_frames - self.pickup_frames
        return positions

    def slots(self, start: int, end: int) -> list[Range]:
        """The beat slots of the frames start to end, which cut the first and last slot if need be."""
        inner = self.slot_starts
        borders = [start, *inner[(inner > start) & (inner < end)].tolist(), end]
        return list(itertools.pairwise(borders)) if end > start else []


def to_frames(beats: float) -> int:
    """Frames in a number of quarter notes."""
    return round(beats * FRAMES_PER_BEAT)


def grid_of_score(score: Score) -> Grid:
    """The bars as the score has them: metre changes and short bars included."""
    ticks = score.ticks_per_beat

    def frame(tick: int) -> int:
        return round(tick * FRAMES_PER_BEAT / ticks)

    bars = [(frame(start), frame(end)) for start, end in score.bars()]
    bars = [(start, end) for start, end in bars if end > start]
    bar_frames = max(1, frame(score.metres[0].bar_ticks(ticks)))
    pickup = frame(score.pickup_ticks) if bars and 0 < frame(score.pickup_ticks) == bars[0][1] else 0
    return Grid(tuple(bars), pickup, bar_frames)


def grid_of_plan(plan: Plan) -> Grid:
    """The bars that a piece of this plan has. Metre, pickup and sections must be set."""
    assert plan.pickup_beats is not None, "pickup is open"
    assert plan.sections is not None, "sections are open"
    pickup, length = to_frames(plan.pickup_beats), to_frames(plan.bar_beats)
    num_bars = sum(section.bars for section in plan.sections)
    bars = [(pickup + i * length, pickup + (i + 1) * length) for i in range(num_bars)]
    return Grid(((0, pickup), *bars) if pickup else tuple(bars), pickup, length)


def section_ranges(plan: Plan) -> list[Range]:
    """Frames of every section."""
    grid = grid_of_plan(plan)
    ends = np.cumsum([section.bars for section in plan.sections or ()]) * grid.bar_frames
    starts = [0, *ends.tolist()[:-1]]
    return list(zip(starts, [*ends.tolist()[:-1], grid.num_frames], strict=True))


def phrase_ranges(plan: Plan) -> list[Range]:
    """Frames of every phrase, in the order of ``plan.phrases``; a section without phrases has none here.

    Phrases follow each other from their section's start; the last one ends where its section ends.
    """
    ranges: list[Range] = []
    for section, (start, end) in zip(plan.sections or (), section_ranges(plan), strict=True):
        place = start
        for number, phrase in enumerate(section.phrases or ()):
            last = number + 1 == len(section.phrases or ())
            stop = end if last else min(end, place + to_frames(phrase.beats))
            ranges.append((place, stop))
            place = stop
    return ranges


def phrase_slots(plan: Plan) -> list[list[Range]]:
    """Beat slots of every phrase, in the order of ``plan.phrases``: one for each chord of its harmony."""
    grid = grid_of_plan(plan)
    return [grid.slots(start, end) for start, end in phrase_ranges(plan)]
