"""Parts of a few notes go into a neighbour.

Scores have voices that are written out for a bar only (an alternative, a divided line), and models write such parts
too; nobody plays them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ritornello.scores.score import Notes, Part, Score

LEAST_SHARE = 1 / 20
"""Notes of a part, at least, of the mean of the piece's parts."""


def folded(score: Score) -> Score:
    """The score without parts of a few notes, those moved into the nearest part that has more.

    Of the parts next to it that is the one nearer in pitch (by medians; the upper one where both are as near). What a
    key of that part then has to do twice at once is struck as often as before and sounds as long as before: a note ends
    where the next of its pitch begins, which lasts as long as either would; of two that begin together one stays, the
    longer. Fermatas go along; the pedal of a part that is left out is left out too.

    The score itself where all parts have enough notes.
    """
    least = LEAST_SHARE * score.num_notes / max(1, len(score.parts))
    kept = [number for number, part in enumerate(score.parts) if len(part.notes) >= least]
    if len(kept) == len(score.parts):
        return score
    guests: dict[int, list[Part]] = {number: [] for number in kept}
    for number, part in enumerate(score.parts):
        if number not in guests:
            guests[_host(score.parts, number, kept)].append(part)
    return folded(replace(score, parts=tuple(_joined(score.parts[host], own) for host, own in guests.items())))


def _host(parts: Sequence[Part], number: int, kept: Sequence[int]) -> int:
    """Which of the parts that are kept takes the notes of another one."""
    above = [host for host in kept if host < number]
    below = [host for host in kept if host > number]
    neighbours = [*above[-1:], *below[:1]]
    pitch = _middle(parts[number])
    return min(neighbours, key=lambda host: abs(_middle(parts[host]) - pitch))


def _middle(part: Part) -> float:
    return float(np.median(part.notes.pitch)) if len(part.notes) else 0.0


def _joined(host: Part, guests: Sequence[Part]) -> Part:
    """The host with the notes of its guests; itself where they have none."""
    if not any(len(guest.notes) for guest in guests):
        return host
    fermatas = {tick for part in (host, *guests) for tick in part.fermatas_ticks}
    rows = [row for part in (host, *guests) for row in part.notes.rows()]
    return replace(host, notes=_struck_once(rows), fermatas_ticks=tuple(sorted(fermatas)))


def _struck_once(rows: Sequence[tuple[int, int, int, int]]) -> Notes:
    """Notes of which no two of one pitch sound at once, from (onset, duration, pitch, velocity)."""
    taken: list[tuple[int, int, int, int]] = []
    for row in sorted(rows, key=lambda row: (row[2], row[0], -row[1])):
        onset, duration, pitch, velocity = row
        if taken and taken[-1][2] == pitch:
            before, length, _, loudness = taken[-1]
            if before == onset:
                continue
            if before + length > onset:
                taken[-1] = (before, onset - before, pitch, loudness)
                duration = max(duration, before + length - onset)
        taken.append((onset, duration, pitch, velocity))
    return Notes.of(taken)
