"""Copying: how much of a piece stands in a training corpus, exactly or transposed.

* A *copy* is a run of consecutive notes, in the order of ``Timeline`` (chords from low to high), that stands in one
  training piece: *exactly* with the same pitches, *transposed* with the same intervals from note to note. When the
  notes come and how long they last is not compared. A copy has at least 16 notes, and its first 16 and its last 16 are
  no ostinato: trills, tremoli, scales and figures of few notes stand everywhere (``recurrence.is_passage`` says what
  that is, for returns within a piece and for copies alike). Ostinati inside a copy are part of it.
* The *share of notes* is of those that lie in some copy; copies may come from different training pieces.
* Written music has bars as well: the *share of bars* that stand in the corpus (``bars.py``), of all full ones in
  which a note begins. In a performance it is nan.

What is transposed includes what is exact. Real music that no training saw scores above 0, since some runs are
everybody's (scales in octaves are the longest): read the figures beside those of a reference set against the same
corpus. What they can mean (``benchmarks/copying.py``, MAESTRO): no unseen performance has more than 2 % of its notes in
exact copies from the 962 of training, and none a longer one than 39 notes; another pianist's performance of the *same
work* has, in half of all cases, more than 60 %, and one of 110 notes or more. Any wrong note, ornament or chord broken
otherwise ends a copy, so that all this is an undercount.

A piece of fewer than 16 notes, or an empty corpus, gives nan. For four-voice chorales on a grid of 16ths there are
older measures in ``chorales.py``, which compare all four voices with their rests and held notes.

**Source**: ours; the search is Manber and Myers's (``suffixes.py``).

Shapes: N notes, C copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ritornello.evaluation.copying.bars import bars_of
from ritornello.evaluation.copying.index import Index
from ritornello.evaluation.metric import BUT_TRANSPOSED, Metric
from ritornello.evaluation.recurrence import MIN_NOTES, is_passage
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import IntArray

METRICS = (
    Metric(
        "copied_notes_share", "share", "notes in copies from training, same pitches", high=1.0, keeps=BUT_TRANSPOSED
    ),
    Metric("copied_notes_share_transposed", "share", "notes in copies from training, on any level", high=1.0),
    Metric("longest_copy_notes", "notes", "longest copy from training, same pitches", keeps=BUT_TRANSPOSED),
    Metric("longest_copy_notes_transposed", "notes", "longest copy from training, on any level"),
    Metric("longest_copy_seconds", "seconds", "from first to last onset of that, same pitches", keeps=BUT_TRANSPOSED),
    Metric("longest_copy_seconds_transposed", "seconds", "from first to last onset of that, on any level"),
    Metric("copied_bars_share", "share", "bars that stand in training, same pitches", high=1.0, keeps=BUT_TRANSPOSED),
    Metric("copied_bars_share_transposed", "share", "bars that stand in training, on any level", high=1.0),
)
"""None is in ``ASPECTS``: they need an index beside the piece."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A run of notes that was heard in training."""

    num_notes: int
    start_seconds: float
    """Of its first note, from the first onset of the piece."""
    stop_seconds: float
    """Of its last onset."""
    training_piece: str
    training_start_seconds: float
    training_stop_seconds: float
    """Where it stands there, from the first onset."""
    semitones: int
    """By how much the piece is higher; 0 if it is exact."""


class _Copies(NamedTuple):
    """The longest copy from each note on where one begins; they may overlap."""

    start: IntArray
    stop: IntArray
    """Notes, (C,)."""
    place: IntArray
    """In the text of the index, (C,)."""


def evaluate(notes: Timeline, index: Index) -> dict[str, float]:
    """The values of ``METRICS``; nan where nothing can be said."""
    values = {metric.name: float("nan") for metric in METRICS}
    if not index.num_notes or len(notes) < MIN_NOTES:
        return values | _bars(notes, index)
    for transposed, ending in ((False, ""), (True, "_transposed")):
        copies = _copies(notes, index, transposed=transposed)
        longest = _longest(copies)
        start, stop = (int(copies.start[longest]), int(copies.stop[longest])) if longest >= 0 else (0, 1)
        values[f"copied_notes_share{ending}"] = float(_covered(copies, len(notes)).mean())
        values[f"longest_copy_notes{ending}"] = float(stop - start) if longest >= 0 else 0.0
        values[f"longest_copy_seconds{ending}"] = _seconds(notes, start, stop)
    return values | _bars(notes, index)


def longest_copy(notes: Timeline, index: Index, *, transposed: bool) -> Copy | None:
    """The longest copy in a piece, the first of several, and one place where it was heard; None without any."""
    copies = _copies(notes, index, transposed=transposed)
    longest = _longest(copies)
    if longest < 0:
        return None
    start, stop, at = (int(column[longest]) for column in copies)
    first, last = index.place(at), index.place(at + stop - start - 1)
    return Copy(
        num_notes=stop - start,
        start_seconds=float(notes.onset_seconds[start]),
        stop_seconds=float(notes.onset_seconds[stop - 1]),
        training_piece=first.piece,
        training_start_seconds=first.seconds,
        training_stop_seconds=last.seconds,
        semitones=int(notes.pitch[start]) - first.pitch,
    )


def _copies(notes: Timeline, index: Index, *, transposed: bool) -> _Copies:
    """All copies in a piece: as long as a run is found, less the ostinato at its end."""
    passage = is_passage(notes.pitch)
    runs = index.longest_from_each(notes.pitch, transposed=transposed)
    start = np.flatnonzero(passage & (runs.length[: len(passage)] >= MIN_NOTES))
    last_passage = np.maximum.accumulate(np.where(passage, np.arange(len(passage)), -1))
    stop = last_passage[start + runs.length[start] - MIN_NOTES] + MIN_NOTES
    return _Copies(start, stop, runs.place[start])


def _longest(copies: _Copies) -> int:
    return int(np.argmax(copies.stop - copies.start)) if len(copies.start) else -1


def _covered(copies: _Copies, num_notes: int) -> np.ndarray:
    """Which notes (N,) lie in some copy."""
    changes = np.bincount(copies.start, minlength=num_notes + 1) - np.bincount(copies.stop, minlength=num_notes + 1)
    return np.cumsum(changes)[:num_notes] > 0


def _seconds(notes: Timeline, start: int, stop: int) -> float:
    return float(notes.onset_seconds[stop - 1] - notes.onset_seconds[start])


def _bars(notes: Timeline, index: Index) -> dict[str, float]:
    """Shares of bars; nan in a performance, and against a corpus without bars."""
    bars = bars_of(notes)
    if not bars.exact or not len(index.bars):
        return dict.fromkeys(("copied_bars_share", "copied_bars_share_transposed"), float("nan"))
    return {
        "copied_bars_share": np.mean([index.knows_bar(bar, transposed=False) for bar in bars.exact]).item(),
        "copied_bars_share_transposed": np.mean(
            [index.knows_bar(bar, transposed=True) for bar in bars.transposed]
        ).item(),
    }
