"""Second occurrences: how much cheaper a passage becomes when it returns, and how much of that is memory.

``recurrence.py`` says what a return is. Every return is set beside its first statement, note for note; by kind
(exact, transposed) and by the distance in tokens from its beginning back to the beginning of the nearest earlier
statement, which is how far memory must reach.

* The *gain* is nats in the first statement minus nats in the return: per note, counting NOTE_ON tokens alone, and per
  token, counting everything from the first NOTE_ON to the last. Means are over the notes (tokens) of all returns,
  their intervals over pieces.
* **The confound**: a passage that returns may be easy by then for other reasons. It stands later in the piece, where
  key, tempo and figuration are known, and composers repeat what is simple; a model without memory gains too.
* So the *memory* in the gain is measured on its own: both the first statement and the return are read again by the
  model that has forgotten all but the ``control_tokens`` before them. What this makes the return dearer, minus what
  it makes the first statement dearer, per note, is what the passage itself, heard longer ago, was worth; what is easy
  about it cancels. Only returns whose nearest statement ended before those tokens count there.

**Source**: ours; that cross-entropy falls within a song where it repeats itself: S. Dai, H. Yu and R. Dannenberg
(arXiv 2209.00182).

Shapes: T tokens, N notes, R returns, P pieces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.recurrence import NoteEvents, returns
from ritornello.evaluation.statistics import Estimate, Tally, combined, rate
from ritornello.scores.score import IntArray

NatsArray: TypeAlias = NDArray[np.float32]

CONTROL_TOKENS = 1024
KINDS = ("exact", "transposed")
DISTANCES = (1024, 4096, 16384)
"""Where the classes of distance end, in tokens; the last has no end."""
DISTANCE_NAMES = ("below 1k", "1k-4k", "4k-16k", "16k and more")


class Passage(NamedTuple):
    """Tokens ``start`` to ``stop`` of a piece, and which of them begin its notes (N,)."""

    start: int
    stop: int
    notes: IntArray


class Occurrence(NamedTuple):
    """A passage that was heard before."""

    first: Passage
    again: Passage
    distance: int
    """Tokens from the beginning of the nearest earlier statement."""
    gap: int
    """Tokens from the end of that statement; less than 0 where chords interlock."""
    exact: bool


@dataclass(frozen=True, slots=True)
class Returns:
    """The returns of one kind and distance. Nats are per note or per token; nan where there are none."""

    kind: str
    """exact or transposed."""
    distance: str
    num_returns: int
    num_notes: int
    note_first: Estimate
    note_again: Estimate
    note_gain: Estimate
    token_first: Estimate
    token_again: Estimate
    token_gain: Estimate
    num_controlled: int
    """Returns behind ``memory``."""
    memory: Estimate
    """Nats per note of the gain that are lost with all but the last ``control_tokens``."""


def occurrences(notes: NoteEvents) -> list[Occurrence]:
    """All returns of a piece."""
    return [
        Occurrence(
            first=_passage(notes, found.first, found.length),
            again=(again := _passage(notes, found.start, found.length)),
            distance=again.start - (nearest := _passage(notes, found.nearest, found.length)).start,
            gap=again.start - nearest.stop,
            exact=found.exact,
        )
        for found in returns(notes.pitch)
    ]


def kind_and_distance(one: Occurrence) -> tuple[str, str]:
    """The class of a return."""
    distance = DISTANCE_NAMES[np.searchsorted(DISTANCES, one.distance, side="right")]
    return KINDS[0] if one.exact else KINDS[1], distance


def control_stretches(found: Sequence[Occurrence], control_tokens: int) -> dict[int, int]:
    """What must be read with the past forgotten, ``{start: stop}`` as ``token_nats`` takes it."""
    stretches: dict[int, int] = {}
    for occurrence in found:
        if occurrence.gap >= control_tokens:
            for passage in (occurrence.first, occurrence.again):
                start = passage.start - control_tokens
                if start > 0:
                    stretches[start] = max(stretches.get(start, 0), passage.stop)
    return stretches


def evaluate(
    found: Sequence[Sequence[Occurrence]],
    whole: Sequence[NatsArray],
    forgetting: Sequence[Mapping[int, NatsArray]],
    control_tokens: int = CONTROL_TOKENS,
) -> list[Returns]:
    """Second occurrences by kind and distance.

    Args:
        found: the returns of each piece.
        whole: nats of every token of each piece (T,).
        forgetting: of each piece the nats of the stretches that ``control_stretches`` names, by their start.
        control_tokens: as given to ``control_stretches``.
    """
    measured = [
        [_measured(one, nats, stretches, control_tokens) for one in mine]
        for mine, nats, stretches in zip(found, whole, forgetting, strict=True)
    ]
    return [
        _returns(kind, name, [[m for m in mine if m.kind == kind and m.distance == name] for mine in measured])
        for kind in KINDS
        for name in DISTANCE_NAMES
    ]


def _passage(notes: NoteEvents, start: int, length: int) -> Passage:
    tokens = np.sort(notes.token[start : start + length])
    return Passage(int(tokens[0]), int(tokens[-1]) + 1, tokens)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One return: its class, and sums over its first statement and itself."""

    kind: str
    distance: str
    notes: int
    first_note_nats: float
    again_note_nats: float
    note_gain: float
    first_tokens: int
    again_tokens: int
    first_nats: float
    again_nats: float
    memory: float
    """nan where there is no control."""


def _measured(one: Occurrence, nats: NatsArray, stretches: Mapping[int, NatsArray], control_tokens: int) -> _Measured:
    first, again = one.first, one.again
    first_notes, again_notes = (float(nats[part.notes].sum(dtype=np.float64)) for part in (first, again))
    memory = float("nan")
    if one.gap >= control_tokens:
        dearer_first, dearer_again = (_dearer(part, nats, stretches, control_tokens) for part in (first, again))
        memory = dearer_again - dearer_first
    kind, distance = kind_and_distance(one)
    return _Measured(
        kind=kind,
        distance=distance,
        notes=len(first.notes),
        first_note_nats=first_notes,
        again_note_nats=again_notes,
        note_gain=first_notes - again_notes,
        first_tokens=first.stop - first.start,
        again_tokens=again.stop - again.start,
        first_nats=float(nats[first.start : first.stop].sum(dtype=np.float64)),
        again_nats=float(nats[again.start : again.stop].sum(dtype=np.float64)),
        memory=memory,
    )


def _dearer(passage: Passage, nats: NatsArray, stretches: Mapping[int, NatsArray], control_tokens: int) -> float:
    """What the notes of a passage cost more with all but the last tokens before it forgotten; 0 if that is nothing."""
    start = passage.start - control_tokens
    if start <= 0:
        return 0.0
    return float((stretches[start][passage.notes - start] - nats[passage.notes]).sum(dtype=np.float64))


def _returns(kind: str, distance: str, pieces: Sequence[Sequence[_Measured]]) -> Returns:
    controlled = [[m for m in mine if not math.isnan(m.memory)] for mine in pieces]
    first, again = _tally(pieces, "first_nats", "first_tokens"), _tally(pieces, "again_nats", "again_tokens")
    return Returns(
        kind=kind,
        distance=distance,
        num_returns=sum(map(len, pieces)),
        num_notes=sum(m.notes for mine in pieces for m in mine),
        note_first=rate(_tally(pieces, "first_note_nats", "notes")),
        note_again=rate(_tally(pieces, "again_note_nats", "notes")),
        note_gain=rate(_tally(pieces, "note_gain", "notes")),
        token_first=rate(first),
        token_again=rate(again),
        token_gain=combined([first, again], lambda rates: rates[0] - rates[1]),
        num_controlled=sum(map(len, controlled)),
        memory=rate(_tally(controlled, "memory", "notes")),
    )


def _tally(pieces: Sequence[Sequence[_Measured]], count: str, size: str) -> Tally:
    """Sums over the returns of each piece."""
    counts, sizes = ([math.fsum(getattr(m, name) for m in mine) for mine in pieces] for name in (count, size))
    return Tally(counts, sizes)
