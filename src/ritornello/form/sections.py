"""Sections: groups of phrases, found by what returns.

The opening group that comes again at once makes the two Stollen of the bar form (A A B); a later return
of it, or a repeated group after it, makes more sections. What never returns is cut after strong cadences
so that sections have two to four phrases. Sections begin at the piece's place in the bar, so each lasts
a whole number of bars. The same label is the same music; a prime marks the same soprano in another
setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ritornello.form.grid import FRAMES_PER_BEAT, Range
from ritornello.form.plan import MAX_SECTIONS, Cadence
from ritornello.form.voices import Frames

GROUP_PHRASES = (2, 4)
"""Fewest and most phrases of a section that is cut by cadences alone."""
LONE_PHRASE_BARS = 4
"""A single phrase is a section that returns only if it is this long."""
SAME_MELODY = 0.9
"""Share of frames in which the sopranos agree."""
_STRENGTH: dict[Cadence, float] = {
    "perfect authentic": 1.0,
    "imperfect authentic": 0.7,
    "plagal": 0.6,
    "half": 0.3,
    "phrygian": 0.3,
    "deceptive": 0.0,
    "none": 0.0,
}


class SectionSpan(NamedTuple):
    """Phrases first to stop (exclusive), with the section's label."""

    label: str
    first: int
    stop: int


def section_spans(
    frames: Frames, phrases: Sequence[Range], cadences: Sequence[Cadence], bar_frames: int
) -> list[SectionSpan]:
    """The sections of a piece of at least one phrase."""
    groups = _groups(frames, phrases, cadences, bar_frames)
    labels = _labels(frames, [(phrases[first][0], phrases[stop - 1][1]) for first, stop in groups])
    return [SectionSpan(label, first, stop) for label, (first, stop) in zip(labels, groups, strict=True)]


def _groups(
    frames: Frames, phrases: Sequence[Range], cadences: Sequence[Cadence], bar_frames: int
) -> list[tuple[int, int]]:
    """(first, stop) phrases of each section."""
    num = len(phrases)
    aligned = [start % bar_frames == 0 for start, _ in phrases] + [True]
    groups: list[tuple[int, int]] = []
    first = 0
    opening = 0
    while first < num:
        size = _repeat_size(frames, phrases, aligned, first, bar_frames)
        if size:
            opening = opening or (size if first == 0 else 0)
            groups += [(first, first + size), (first + size, first + 2 * size)]
            first += 2 * size
            continue
        stop = _next_event(frames, phrases, aligned, first, opening, bar_frames)
        if stop == first:
            groups.append((first, first + opening))
            first += opening
        else:
            groups += _cut(first, stop, cadences, aligned)
            first = stop
    return groups if len(groups) <= MAX_SECTIONS else [(0, num)]


def _repeat_size(frames: Frames, phrases: Sequence[Range], aligned: Sequence[bool], first: int, bar_frames: int) -> int:
    """Phrases of the largest group from ``first`` that comes again at once; 0 if none does."""
    for size in range((len(phrases) - first) // 2, 0, -1):
        middle, end = first + size, first + 2 * size
        whole = aligned[first] and aligned[middle] and aligned[end]
        if size == 1 and phrases[first][1] - phrases[first][0] < LONE_PHRASE_BARS * bar_frames:
            continue
        if whole and _same_melody(frames, _span(phrases, first, middle), _span(phrases, middle, end)):
            return size
    return 0


def _next_event(
    frames: Frames, phrases: Sequence[Range], aligned: Sequence[bool], first: int, opening: int, bar_frames: int
) -> int:
    """The next phrase at which the opening returns or a repeat begins; the end if none does."""
    for start in range(first, len(phrases)):
        if not aligned[start]:
            continue
        stop = start + opening
        returns = opening and stop <= len(phrases) and aligned[stop]
        if returns and _same_melody(frames, _span(phrases, 0, opening), _span(phrases, start, stop)):
            return start
        enough = start - first >= GROUP_PHRASES[0]
        if enough and _repeat_size(frames, phrases, aligned, start, bar_frames) >= GROUP_PHRASES[0]:
            return start
    return len(phrases)


def _cut(first: int, stop: int, cadences: Sequence[Cadence], aligned: Sequence[bool]) -> list[tuple[int, int]]:
    """Cuts phrases into groups of two to four where the cadences are strong; by dynamic programming."""
    best: dict[int, tuple[float, list[tuple[int, int]]]] = {first: (0.0, [])}
    for end in range(first + 1, stop + 1):
        if end != stop and not aligned[end]:
            continue
        options: list[tuple[float, list[tuple[int, int]]]] = []
        for start, (score, groups) in best.items():
            size = end - start
            misfit = max(GROUP_PHRASES[0] - size, size - GROUP_PHRASES[1], 0)
            worth = (_STRENGTH[cadences[end - 1]] if end < stop else 0.0) - 3.0 * misfit - 0.5 - 0.1 * abs(size - 3)
            options.append((score + worth, [*groups, (start, end)]))
        best[end] = max(options, key=lambda option: option[0])
    return best[stop][1]


def _labels(frames: Frames, spans: Sequence[Range]) -> list[str]:
    labels: list[str] = []
    letters = 0
    for number, span in enumerate(spans):
        same = [labels[i] for i in range(number) if _same_music(frames, spans[i], span)]
        alike = [labels[i] for i in range(number) if _same_melody(frames, spans[i], span)]
        primes = len({label for label in labels if alike and label[0] == alike[0][0]})
        if same:
            labels.append(same[0])
        elif alike and primes <= 3:
            labels.append(alike[0][0] + "'" * primes)
        else:
            labels.append(_letter(letters))
            letters += 1
    return labels


def _letter(number: int) -> str:
    """A to Z, then a to z, then z again: pieces have no more sections than that."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[min(number, 51)]


def _span(phrases: Sequence[Range], first: int, stop: int) -> Range:
    return phrases[first][0], phrases[stop - 1][1]


def _same_melody(frames: Frames, one: Range, other: Range) -> bool:
    """Whether the sopranos agree; only the last chord may differ in length."""
    length = min(one[1] - one[0], other[1] - other[0])
    if max(one[1] - one[0], other[1] - other[0]) - length > 4 * FRAMES_PER_BEAT:
        return False
    agree = frames.pitch[one[0] : one[0] + length, 0] == frames.pitch[other[0] : other[0] + length, 0]
    return bool(agree.mean() >= SAME_MELODY)


def _same_music(frames: Frames, one: Range, other: Range) -> bool:
    """Whether all voices are the same up to the last beats, which may be held longer or shorter."""
    length = min(one[1] - one[0], other[1] - other[0])
    if max(one[1] - one[0], other[1] - other[0]) - length > 4 * FRAMES_PER_BEAT:
        return False
    stop = length - FRAMES_PER_BEAT if one[1] - one[0] != other[1] - other[0] else length
    first, second = (slice(span[0], span[0] + stop) for span in (one, other))
    return bool(
        np.array_equal(frames.pitch[first], frames.pitch[second])
        and np.array_equal(frames.struck[first], frames.struck[second])
    )
