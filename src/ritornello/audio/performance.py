"""How a score is performed: fermatas are held, a choir breathes after them, the last chord stays.

The result is again a Score, so that a synthesizer need not know about fermatas.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

import numpy as np

from ritornello.scores import Notes, Part, Score, Tempo

DEFAULT_BPM = 80.0
"""Quarter notes per minute where the score says nothing: a chorale's walking pace."""
_FERMATA_STRETCH = 1.5
"""How much longer a note under a fermata sounds."""
_FINAL_STRETCH = 2.0
_BREATH_BEATS = 0.125
"""Silence at the end of a note under a fermata, in quarter notes of the score."""
_MAX_HELD_BEATS = 4


def performed(score: Score) -> Score:
    """The score with tempo changes for its fermatas and last chord, and breaths after the fermatas."""
    holds = _holds(score)
    breath = max(1, round(_BREATH_BEATS * score.ticks_per_beat))
    stops = np.array([stop for _, stop, _ in holds[:-1]], dtype=np.int64)
    parts = tuple(replace(part, notes=_with_breaths(part.notes, stops, breath)) for part in score.parts)
    return replace(score, parts=parts, tempos=_tempos(score, holds))


def _holds(score: Score) -> list[tuple[int, int, float]]:
    """(start, end, stretch) of every held chord in order, without overlaps; the last chord comes last."""
    onsets = sorted({fermata for part in score.parts for fermata in part.fermatas_ticks})
    last = max(int(part.notes.onset_ticks[-1]) for part in score.parts if len(part.notes))
    longest = _MAX_HELD_BEATS * score.ticks_per_beat
    holds: list[tuple[int, int, float]] = []
    for onset in onsets:
        stop = min(_end_of_chord(score.parts, onset), onset + longest)
        if onset >= (holds[-1][1] if holds else 0) and onset < stop <= last:
            holds.append((onset, stop, _FERMATA_STRETCH))
    return [*holds, (last, score.end_ticks, _FINAL_STRETCH)]


def _end_of_chord(parts: tuple[Part, ...], onset: int) -> int:
    """Where the first voice that sounds at ``onset`` moves on; ``onset`` if none sounds."""
    ends = [
        int(part.notes.offset_ticks[index])
        for part in parts
        for index in np.flatnonzero((part.notes.onset_ticks <= onset) & (part.notes.offset_ticks > onset))
    ]
    return min(ends, default=onset)


def _with_breaths(notes: Notes, stops: np.ndarray, breath: int) -> Notes:
    ends_in_breath = np.isin(notes.offset_ticks, stops)
    shortened = np.maximum(notes.duration_ticks - breath, (notes.duration_ticks + 1) // 2)
    return replace(notes, duration_ticks=np.where(ends_in_breath, shortened, notes.duration_ticks))


def _tempos(score: Score, holds: list[tuple[int, int, float]]) -> tuple[Tempo, ...]:
    given = sorted(score.tempos, key=lambda tempo: tempo.onset_ticks)
    if not given or given[0].onset_ticks > 0:
        given = [Tempo(0, DEFAULT_BPM), *given]
    onsets = [tempo.onset_ticks for tempo in given]
    changes = {tempo.onset_ticks: tempo.beats_per_minute for tempo in given}
    for start, stop, stretch in holds:
        pace = given[bisect_right(onsets, start) - 1].beats_per_minute
        changes = {tick: bpm for tick, bpm in changes.items() if not start <= tick < stop}
        changes[start] = pace / stretch
        changes.setdefault(stop, given[bisect_right(onsets, stop) - 1].beats_per_minute)
    return tuple(Tempo(tick, changes[tick]) for tick in sorted(changes))
