"""Arias and concertos: the passages of a piece whose ritornello comes back in other keys, as a Plan has them.

The ritornello (``ritornello.py``) and its returns are passages, and so is what lies between them. A Plan's sections
last whole bars, while a return may begin anywhere in a bar: its borders go to the nearest barline. Stretches on one
level that follow each other are one return; a return of less than two bars is no section, and a gap of less than two
belongs to what comes after it. Varied returns beyond the third bear letters of their own, and name their source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ritornello.form.grid import FRAMES_PER_BEAT, Range
from ritornello.form.letters import CAPITALS, MAX_PRIMES
from ritornello.form.plan import MAX_SECTIONS
from ritornello.form.returns import Passage
from ritornello.form.ritornello import Return, ritornello_of
from ritornello.scores.score import Score

MIN_KEYS = 2
"""Levels besides its own on which a ritornello is heard: a song's verse or chorus moves to one at most."""
MIN_BARS = 2
WHOLE = 0.75
"""Share of the ritornello from which a return on its own level bears the same label."""


class _Span(NamedTuple):
    """Bars of a return, its level, and whether all of the ritornello comes back on its own level."""

    bars: Range
    semitones: int
    whole: bool


def aria_passages(score: Score, bar_frames: int, num_bars: int) -> list[Passage]:
    """The passages of a score with a ritornello; none if it has none that moves through the keys."""
    found = ritornello_of(score)
    if found is None or len({one.semitones % 12 for one in found.returns} - {0}) < MIN_KEYS:
        return []
    bar_beats = bar_frames / FRAMES_PER_BEAT
    first = max(1, _nearest(found.end_beats, bar_beats))
    spans = [_Span((0, first), 0, whole=True)]
    for one in _joined(found.returns, bar_beats):
        start, stop = _nearest(one.start_beats, bar_beats), _nearest(one.end_beats, bar_beats)
        start, stop = max(start, spans[-1].bars[1]), min(stop, num_bars)
        if stop - start < MIN_BARS:
            continue
        if start - spans[-1].bars[1] < MIN_BARS:
            start = spans[-1].bars[1]
        whole = one.semitones == 0 and one.end_beats - one.start_beats >= WHOLE * found.end_beats
        spans.append(_Span((start, stop), one.semitones, whole))
    return _passages(spans, num_bars)


def _joined(returns: Sequence[Return], bar_beats: float) -> list[Return]:
    """Stretches on one level, octaves aside, with no more than a bar between them are one."""
    joined: list[Return] = []
    for one in returns:
        before = joined[-1] if joined else None
        near = before is not None and one.start_beats - before.end_beats <= bar_beats
        if before is not None and near and (one.semitones - before.semitones) % 12 == 0:
            joined[-1] = before._replace(end_beats=one.end_beats)
        else:
            joined.append(one)
    return joined


def _nearest(beats: float, bar_beats: float) -> int:
    """The nearest barline; from the middle of a bar the next one."""
    return int(beats / bar_beats + 0.5)


def _passages(spans: Sequence[_Span], num_bars: int) -> list[Passage]:
    """The returns with letters and sources, and the passages between them with letters of their own."""
    passages: list[Passage] = []
    letters = iter(CAPITALS[1:] + CAPITALS[-1] * MAX_SECTIONS)
    primes, place = 0, 0
    for span in spans[: MAX_SECTIONS // 2]:
        if span.bars[0] > place:
            passages.append(Passage(next(letters), (place, span.bars[0]), None, 0, same_tune=False))
        level = (span.semitones + 5) % 12 - 5
        if span.whole:
            label = "A"
        elif primes < MAX_PRIMES:
            primes += 1
            label = "A" + "'" * primes
        else:  # the same label would say that it is the same music
            label = next(letters)
        passages.append(Passage(label, span.bars, 0 if passages else None, level, same_tune=span.semitones != 0))
        place = span.bars[1]
    if num_bars - place >= MIN_BARS:
        passages.append(Passage(next(letters), (place, num_bars), None, 0, same_tune=False))
    else:
        passages[-1] = passages[-1]._replace(bars=(passages[-1].bars[0], num_bars))
    return passages
