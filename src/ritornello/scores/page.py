"""A page of printed music, and the Score that sounds when it is played.

Notation readers fill a Page in written time: bars once each, ties as separate notes. ``perform``
plays the bars in a given order, joins ties, and keeps the barlines where they were printed: where
the bars of the Score would drift from them, it states the metre again.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.score import ChordSymbol, KeySignature, Marker, Metre, Notes, Part, Score, Tempo

_TICKS_PER_BEAT = 480
_VELOCITY = 64

PrintedNote = tuple[int, int, int, bool]
"""(onset, duration, pitch, tied to the next) in ticks of the page."""
Change = TypeVar("Change", Metre, KeySignature, Tempo, Marker, ChordSymbol)


@dataclass(slots=True)
class PrintedBar:
    """What stands between two barlines. Times are ticks of the page."""

    start: int
    end: int
    repeat_start: bool = False
    repeats: int = 0
    """How often a repeat sign at its end makes the passage sound; 0 = there is none."""
    endings: frozenset[int] = frozenset()
    """The passes that play this bar; empty = all."""
    signs: set[str] = field(default_factory=set[str])
    """dacapo, dalsegno, segno, fine, tocoda, coda."""


@dataclass(slots=True)
class PrintedPart:
    """One voice of the page."""

    name: str
    program: int = 0
    notes: list[PrintedNote] = field(default_factory=list[PrintedNote])
    fermatas: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Page:
    """A piece as it is printed. ``bars`` follow each other without gaps from 0."""

    ticks_per_beat: int
    parts: list[PrintedPart] = field(default_factory=list[PrintedPart])
    bars: list[PrintedBar] = field(default_factory=list[PrintedBar])
    metres: list[Metre] = field(default_factory=list[Metre])
    keys: list[KeySignature] = field(default_factory=list[KeySignature])
    tempos: list[Tempo] = field(default_factory=list[Tempo])
    markers: list[Marker] = field(default_factory=list[Marker])
    chords: dict[int, ChordSymbol] = field(default_factory=dict[int, ChordSymbol])
    """By onset: one symbol stands at a place."""
    title: str = ""


def perform(page: Page, order: Sequence[int], where: str) -> Score:
    """The Score that sounds when the bars are played in this order.

    Raises:
        UserError: there are no notes, or more of anything than ``limits`` allow.
    """
    limits.check_count("bars", len(order), limits.MAX_BARS, where)
    limits.check_count("tracks", len(page.parts), limits.MAX_TRACKS, where)
    notes_of_bars = [_by_bar(part.notes, page.bars) for part in page.parts]
    num_notes = sum(len(by_bar[index]) for by_bar in notes_of_bars for index in order)
    limits.check_count("notes", num_notes, limits.MAX_NOTES, where)
    if num_notes == 0:
        raise UserError("the piece has no notes", where=where, mend="choose a file that holds music")
    bars = [page.bars[index] for index in order]
    starts = [0, *itertools.accumulate(bar.end - bar.start for bar in bars)]
    limits.check_count("beats", starts[-1] // page.ticks_per_beat, limits.MAX_BEATS, where)
    parts = [
        _perform_part(part, by_bar, page.bars, order, starts)
        for part, by_bar in zip(page.parts, notes_of_bars, strict=True)
        if part.notes
    ]
    metres = _state_lasting(page.metres or [Metre(0, 4, 4)], bars, starts)
    pickup_ticks, metres = _keep_barlines(metres, starts, page.ticks_per_beat)
    score = Score(
        ticks_per_beat=page.ticks_per_beat,
        parts=tuple(parts),
        metres=metres,
        keys=_state_lasting(page.keys, bars, starts),
        tempos=_state_lasting(page.tempos, bars, starts),
        markers=_state_once(page.markers, bars, starts, where),
        chords=_state_once([*page.chords.values()], bars, starts, where),
        pickup_ticks=pickup_ticks,
        title=page.title,
        closing_ticks=starts[-1],
    )
    limits.check_hours(_seconds(score), where)
    return _simplest_resolution(score, where)


def _by_bar(notes: list[PrintedNote], bars: list[PrintedBar]) -> list[list[PrintedNote]]:
    by_bar: list[list[PrintedNote]] = [[] for _ in bars]
    index = 0
    for note in sorted(notes):
        while index + 1 < len(bars) and note[0] >= bars[index].end:
            index += 1
        by_bar[index].append(note)
    return by_bar


def _perform_part(
    part: PrintedPart,
    notes_of_bars: list[list[PrintedNote]],
    bars: list[PrintedBar],
    order: Sequence[int],
    starts: list[int],
) -> Part:
    fermatas_of_bars = _by_bar([(onset, 0, 0, False) for onset in set(part.fermatas)], bars)
    played: list[PrintedNote] = []
    fermatas: list[int] = []
    for index, start in zip(order, starts, strict=False):
        shift = start - bars[index].start
        played += [(onset + shift, duration, pitch, tied) for onset, duration, pitch, tied in notes_of_bars[index]]
        fermatas += [onset + shift for onset, *_ in fermatas_of_bars[index]]
    return Part(part.name, Notes.of(join_ties(played)), part.program, tuple(fermatas))


def join_ties(notes: list[PrintedNote]) -> list[tuple[int, int, int, int]]:
    """Rows (onset, duration, pitch, velocity) in which tied notes are one; ``notes`` are in order.

    A tie counts where it begins: the note behind a second ending's barline does not know of it.
    """
    joined: list[tuple[int, int, int, int]] = []
    held: dict[int, int] = {}  # pitch -> index of the row that waits for its continuation
    for onset, duration, pitch, tied in notes:
        index = held.pop(pitch, None)
        if index is not None and sum(joined[index][:2]) == onset:
            joined[index] = (joined[index][0], joined[index][1] + duration, pitch, _VELOCITY)
        else:
            index = len(joined)
            joined.append((onset, duration, pitch, _VELOCITY))
        if tied:
            held[pitch] = index
    return joined


def _state_lasting(changes: list[Change], bars: list[PrintedBar], starts: list[int]) -> tuple[Change, ...]:
    """What holds until the next change, in played time; stated where it differs from before."""
    played: list[Change] = []
    pending = sorted(changes, key=_onset)
    for bar, start in zip(bars, starts, strict=False):
        first, last = bisect_right(pending, bar.start, key=_onset), bisect_left(pending, bar.end, key=_onset)
        for change in pending[max(0, first - 1) : last]:
            shifted = replace(change, onset_ticks=max(bar.start, change.onset_ticks) - bar.start + start)
            if not played or replace(shifted, onset_ticks=played[-1].onset_ticks) != played[-1]:
                played.append(shifted)
    return tuple(played)


def _state_once(changes: list[Change], bars: list[PrintedBar], starts: list[int], where: str) -> tuple[Change, ...]:
    """What stands at its place alone, in played time."""
    pending = sorted(changes, key=_onset)
    onsets = [change.onset_ticks for change in pending]
    spans = [(bisect_left(onsets, bar.start), bisect_left(onsets, bar.end)) for bar in bars]
    limits.check_count("marks", sum(last - first for first, last in spans), limits.MAX_NOTES, where)
    return tuple(
        replace(change, onset_ticks=change.onset_ticks - bar.start + start)
        for bar, start, (first, last) in zip(bars, starts, spans, strict=False)
        for change in pending[first:last]
    )


def _onset(change: Metre | KeySignature | Tempo | Marker | ChordSymbol) -> int:
    return change.onset_ticks


def _keep_barlines(metres: tuple[Metre, ...], starts: list[int], ticks_per_beat: int) -> tuple[int, tuple[Metre, ...]]:
    """The pickup, and the metres with restatements where a printed barline would be lost.

    A short bar and the next that together fill a bar are one bar (a repeat sign stands inside it).
    """
    changes = {metre.onset_ticks: metre for metre in metres}
    metre = changes.setdefault(0, replace(metres[0], onset_ticks=0))
    bar_ticks = metre.bar_ticks(ticks_per_beat)
    pickup_ticks = starts[1] if len(starts) > 2 and starts[1] < bar_ticks else 0
    barline = pickup_ticks
    for start, end in itertools.pairwise(starts[1:] if pickup_ticks else starts):
        if start in changes:
            metre, barline = changes[start], start
            bar_ticks = metre.bar_ticks(ticks_per_beat)
        barline += (start - barline) // bar_ticks * bar_ticks
        if start != barline and end > barline + bar_ticks:
            changes[start], barline = replace(metre, onset_ticks=start), start
    return pickup_ticks, tuple(changes[onset] for onset in sorted(changes))


def _seconds(score: Score) -> float:
    tempos = score.tempos if score.tempos and score.tempos[0].onset_ticks == 0 else (Tempo(0, 120.0), *score.tempos)
    stops = [tempo.onset_ticks for tempo in tempos[1:]] + [score.end_ticks]
    return sum(
        (stop - tempo.onset_ticks) / score.ticks_per_beat * 60 / tempo.beats_per_minute
        for tempo, stop in zip(tempos, stops, strict=True)
    )


def _simplest_resolution(score: Score, where: str) -> Score:
    """The same Score at 480 ticks per beat, or the least multiple of it that keeps every time exact."""
    times: list[int] = [score.ticks_per_beat, score.pickup_ticks, score.closing_ticks]
    for part in score.parts:
        times += [*part.notes.onset_ticks.tolist(), *part.notes.duration_ticks.tolist(), *part.fermatas_ticks]
    for changes in (score.metres, score.keys, score.tempos, score.markers, score.chords):
        times += [change.onset_ticks for change in changes]
    unit = math.gcd(*times)
    ticks_per_beat = math.lcm(score.ticks_per_beat // unit, _TICKS_PER_BEAT)
    if ticks_per_beat > limits.MAX_TICKS_PER_BEAT:
        limit = f"{limits.MAX_TICKS_PER_BEAT:,} ticks per quarter note"
        raise UserError("its rhythm needs too fine a clock", where=where, limit=limit)
    up, down = ticks_per_beat, score.ticks_per_beat
    return replace(
        score,
        ticks_per_beat=ticks_per_beat,
        parts=tuple(
            replace(
                part,
                notes=replace(
                    part.notes,
                    onset_ticks=part.notes.onset_ticks * up // down,
                    duration_ticks=part.notes.duration_ticks * up // down,
                ),
                fermatas_ticks=tuple(tick * up // down for tick in part.fermatas_ticks),
            )
            for part in score.parts
        ),
        metres=_scaled(score.metres, up, down),
        keys=_scaled(score.keys, up, down),
        tempos=_scaled(score.tempos, up, down),
        markers=_scaled(score.markers, up, down),
        chords=_scaled(score.chords, up, down),
        pickup_ticks=score.pickup_ticks * up // down,
        closing_ticks=score.closing_ticks * up // down,
    )


def _scaled(changes: tuple[Change, ...], up: int, down: int) -> tuple[Change, ...]:
    return tuple(replace(change, onset_ticks=change.onset_ticks * up // down) for change in changes)
