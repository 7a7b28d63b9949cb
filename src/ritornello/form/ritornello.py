"""The ritornello of an aria or a concerto: what the piece begins with and comes back to.

A return is looked for at every distance and on every level at once: it may begin anywhere in a bar, lie in another
key, have other voices over it, and leave out whatever it likes. At one distance and one level, each note of the
beginning is found again or not; a stretch gains ``1 - LEAST_SHARE`` for a note that is there and loses
``LEAST_SHARE`` for one that is not, so that the stretch of the greatest sum is the longest in which clearly more than
that share returns (J. Bentley, Programming Pearls, Communications of the ACM 27, 1984: the maximum subarray).

The *ritornello* reaches as far from the beginning of the piece as its best return. Then its returns, whole or in part,
are taken in the order of their sums; no beat belongs to two.

Shapes: B beats of the longest ritornello there may be, D distances, L levels, F frames (16ths) of the piece.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.evidence import FloatArray
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.scores.score import IntArray, Score

Kind = Literal["exact", "transposed"]

LEAST_SHARE = 0.5
MIN_GAIN = 8.0
"""A return has this sum at least: 16 notes that are all there, or more with gaps."""
MIN_BEATS = 4
MIN_DISTANCE_BEATS = 16
OPENING_BEATS = 8
"""The ritornello begins in these first beats of the piece."""
MAX_SEMITONES = 11
MAX_BEATS, MAX_RITORNELLO_BEATS = 2048, 128
"""Of a longer piece only the beginning is searched, and no longer a ritornello is looked for."""


class Return(NamedTuple):
    """A stretch of the ritornello that is heard again."""

    start_beats: float
    end_beats: float
    source_beats: float
    """Where the stretch begins in the first statement."""
    semitones: int
    share: float
    """Of the notes of the first statement that are there, 0-1."""

    @property
    def kind(self) -> Kind:
        """Whether it is on its own level."""
        return "transposed" if self.semitones else "exact"


class Ritornello(NamedTuple):
    """The first statement, from the beginning to ``end_beats``, and its returns in order of time."""

    end_beats: float
    returns: tuple[Return, ...]


class _Search(NamedTuple):
    """Notes per beat, and how many are found again: at D distances on L levels."""

    notes: FloatArray
    """(B,)"""
    again: NDArray[np.float32]
    """(D, L, B)"""
    distances: IntArray
    """(D,) in frames"""


class _Stretch(NamedTuple):
    """Beats first to stop (exclusive) at one distance (index) and level (index)."""

    gain: float
    first: int
    stop: int
    distance: int
    level: int


def ritornello_of(score: Score) -> Ritornello | None:
    """The ritornello of a score, or None if its beginning never returns."""
    onsets = _onsets(score)
    if len(onsets) < (MIN_DISTANCE_BEATS + MIN_BEATS) * FRAMES_PER_BEAT:
        return None
    search = _search(onsets)
    longest = _best(search, len(search.notes), OPENING_BEATS)
    if longest is None:
        return None
    returns: list[Return] = []
    _forget(search, 0, longest.stop * FRAMES_PER_BEAT)  # what returns within the ritornello itself
    while (found := _best(search, longest.stop, longest.stop)) is not None:
        returns.append(_return(search, found))
        distance = int(search.distances[found.distance])
        _forget(search, found.first * FRAMES_PER_BEAT + distance, found.stop * FRAMES_PER_BEAT + distance)
    return Ritornello(float(longest.stop), tuple(sorted(returns)))


def _onsets(score: Score) -> NDArray[np.bool_]:
    """(F, 128) where a note begins; whole beats."""
    rows = [np.stack([part.notes.onset_ticks, part.notes.pitch]) for part in score.parts]
    ticks, pitch = np.concatenate(rows, axis=1) if rows else np.zeros((2, 0), dtype=np.int64)
    frame = (ticks * FRAMES_PER_BEAT + score.ticks_per_beat // 2) // score.ticks_per_beat
    early = frame < MAX_BEATS * FRAMES_PER_BEAT
    num_frames = -(-(int(frame[early].max(initial=-1)) + 1) // FRAMES_PER_BEAT) * FRAMES_PER_BEAT
    onsets = np.zeros((num_frames, 128), dtype=np.bool_)
    onsets[frame[early], pitch[early]] = True
    return onsets


def _search(onsets: NDArray[np.bool_]) -> _Search:
    """Counts at every distance of whole and half beats. A stretch ends before its return begins."""
    distances = np.arange(MIN_DISTANCE_BEATS * FRAMES_PER_BEAT, len(onsets), FRAMES_PER_BEAT // 2)
    num_beats = min(len(onsets) // FRAMES_PER_BEAT, MAX_RITORNELLO_BEATS)
    frame, pitch = np.nonzero(onsets[: num_beats * FRAMES_PER_BEAT])
    beat = frame // FRAMES_PER_BEAT
    later = np.zeros((2 * len(onsets), 128 + 2 * MAX_SEMITONES), dtype=np.bool_)
    later[: len(onsets), MAX_SEMITONES : MAX_SEMITONES + 128] = onsets
    again = np.zeros((len(distances), 2 * MAX_SEMITONES + 1, num_beats), dtype=np.float32)
    with_notes, firsts = np.unique(beat, return_index=True)
    levels = pitch[:, None] + np.arange(again.shape[1])
    for number, distance in enumerate(distances.tolist() if len(beat) else []):
        there = later[(frame + distance)[:, None], levels]
        again[number, :, with_notes] = np.add.reduceat(there, firsts, axis=0, dtype=np.float32)
        again[number, :, distance // FRAMES_PER_BEAT :] = -np.inf
    return _Search(np.bincount(beat, minlength=num_beats).astype(np.float64), again, distances)


def _best(search: _Search, before: int, begins_before: int) -> _Stretch | None:
    """The stretch of the greatest gain among the first beats ``before`` that begins early enough; None if too small."""
    gain = search.again[..., :before] - LEAST_SHARE * search.notes[:before]
    total = np.full(gain.shape[:2], -np.inf)
    first = np.zeros(gain.shape[:2], dtype=np.int64)
    best: _Stretch | None = None
    for beat in range(before):
        restart = (total <= 0) & (beat < begins_before)
        total, first = np.where(restart, 0.0, total) + gain[..., beat], np.where(restart, beat, first)
        long = np.where(beat + 1 - first >= MIN_BEATS, total, -np.inf)
        top = int(long.argmax())
        if long.flat[top] >= MIN_GAIN and (best is None or long.flat[top] > best.gain):
            distance, level = divmod(top, gain.shape[1])
            best = _Stretch(float(long.flat[top]), int(first.flat[top]), beat + 1, distance, level)
    return best


def _return(search: _Search, found: _Stretch) -> Return:
    span = slice(found.first, found.stop)
    distance = float(search.distances[found.distance]) / FRAMES_PER_BEAT
    share = float(search.again[found.distance, found.level, span].sum() / search.notes[span].sum())
    level = found.level - MAX_SEMITONES
    return Return(found.first + distance, found.stop + distance, float(found.first), level, share)


def _forget(search: _Search, start: int, stop: int) -> None:
    """Nothing returns any more in the frames from start to stop."""
    for number, distance in enumerate(search.distances.tolist()):
        first, last = (start - distance) // FRAMES_PER_BEAT, -((distance - stop) // FRAMES_PER_BEAT)
        search.again[number, :, max(0, first) : max(0, last)] = -np.inf
