"""How alike the bars of a piece are, note by note, and which passages of it return: what ``long_pieces`` counts.

A note is its sixteenth in the bar and its pitch. Two passages of as many bars share the notes that both have at the
same place; their likeness is twice those over the notes of both (Dice), at the best of the transpositions by -5 to 6
semitones: 1 for the same notes, 0 without a common one. Lengths, loudness and parts do not count.

Shapes: L = 12 transpositions, N full bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.novelty import full_barlines
from ritornello.scores.score import Part, Score

PASSAGE_BARS = 8
"""Length of the passages that are looked for without a plan: of four, songs have too many by chance."""
LEAST_NOTES = 16
"""In a passage that can return."""
RETURNED = 0.5
"""Likeness from which a passage counts as come back. Of 60 songs, 32 % of the bars then come back after more than 32
bars, and 5 % when the bars are shuffled; of 60 longer pieces by Bach 15 % and none."""
LEVELS = range(-5, 7)
FRAMES_PER_BEAT = 4
_LEAST_COMPARED = 0.25

Float32 = NDArray[np.float32]


class Likeness(NamedTuple):
    """What any two bars have in common."""

    common_LNN: Float32
    """Notes of a bar that another one has too when it is moved up by each of ``LEVELS``."""
    notes_N: NDArray[np.int64]

    @property
    def num_bars(self) -> int:
        """N."""
        return len(self.notes_N)

    def of(self, one: int, other: int, size: int) -> float:
        """Likeness of the passages of ``size`` bars that begin in two bars; bars beyond the end hold nothing."""
        inside = max(0, min(size, self.num_bars - max(one, other)))
        at = np.arange(inside)
        shared = self.common_LNN[:, one + at, other + at].sum(axis=1).max(initial=0.0)
        both = self.notes_N[one : one + size].sum() + self.notes_N[other : other + size].sum()
        return float(2 * shared / both) if both else np.nan

    def of_all(self, one: int, size: int) -> NDArray[np.float64]:
        """The same for all passages that begin no later than bar ``one`` and end in the piece."""
        return np.array([self.of(one, other, size) for other in range(max(0, min(one, self.num_bars - size) + 1))])

    def windows(self, size: int) -> NDArray[np.float64]:
        """Likeness of all passages of ``size`` bars (N - size + 1, same); 0 of those with few notes."""
        num = self.num_bars - size + 1
        if num < 1:
            return np.zeros((0, 0))
        shared = sum(self.common_LNN[:, k : k + num, k : k + num] for k in range(size))
        notes = np.convolve(self.notes_N, np.ones(size), mode="valid")
        both = notes[:, None] + notes
        enough = (notes >= LEAST_NOTES)[:, None] & (notes >= LEAST_NOTES)
        return np.divide(2 * np.max(shared, axis=0), both, out=np.zeros((num, num)), where=enough)


def likeness_of(score: Score, parts: Sequence[Part] | None = None) -> Likeness:
    """Compares all full bars of some parts of a score, or of all."""
    lines = full_barlines(score)
    num_bars = len(lines) - 1
    length = int(np.rint(np.diff(lines).max(initial=0.25) * FRAMES_PER_BEAT))
    table = np.zeros((num_bars, length, 128 + 2 * len(LEVELS)), dtype=np.float32)
    for part in score.parts if parts is None else parts:
        beats = part.notes.onset_ticks / score.ticks_per_beat
        bar = np.searchsorted(lines, beats + 1e-6, side="right") - 1
        inside = (bar >= 0) & (bar < num_bars)
        frame = np.rint((beats[inside] - lines[bar[inside]]) * FRAMES_PER_BEAT).astype(np.int64)
        table[bar[inside], np.minimum(frame, length - 1), part.notes.pitch[inside] + len(LEVELS)] = 1.0
    flat = table.reshape(num_bars, -1)
    common = [flat @ np.roll(table, level, axis=2).reshape(num_bars, -1).T for level in LEVELS]
    return Likeness(np.stack(common), flat.sum(axis=1).astype(np.int64))


def returned(likeness: Likeness) -> dict[str, float]:
    """What comes back after how many bars, without a plan.

    ``returned_after_32``: bars in a passage whose like begins more than 32 bars before; ``nearest_after_32``: of
    which the nearest like does, so that what goes on in circles has none; ``similarity_beyond_32``: how much more
    alike bars are at the most similar lag of more than 32 bars than any two bars; nan in shorter pieces.
    """
    found: dict[str, float] = {}
    windows = likeness.windows(PASSAGE_BARS)
    for bars in (16, 32, 64):
        found[f"returned_after_{bars}"] = _covered(windows, likeness.num_bars, bars, nearest=False)
        found[f"nearest_after_{bars}"] = _covered(windows, likeness.num_bars, bars, nearest=True)
        found[f"similarity_beyond_{bars}"] = _beyond(likeness, bars)
    return found


def _covered(windows: NDArray[np.float64], num_bars: int, lag: int, *, nearest: bool) -> float:
    """Share of the bars in passages that come back after more than ``lag`` bars; nan where there is no room."""
    if num_bars <= lag + PASSAGE_BARS:
        return np.nan
    covered = np.zeros(num_bars, dtype=np.bool_)
    for start in range(lag + 1, len(windows)):
        like = np.flatnonzero(windows[start, : max(0, start - PASSAGE_BARS + 1)] >= RETURNED)
        if len(like) and start - (like[-1] if nearest else like[0]) > lag:
            covered[start : start + PASSAGE_BARS] = True
    return float(covered.mean())


def _beyond(likeness: Likeness, lag: int) -> float:
    """Mean likeness of bars at the best lag above ``lag``, up to three quarters of the piece, less that of all."""
    num_bars = likeness.num_bars
    last = int((1 - _LEAST_COMPARED) * num_bars)
    if last <= lag:
        return np.nan
    windows = likeness.common_LNN[LEVELS.index(0)]
    both = np.maximum(likeness.notes_N[:, None] + likeness.notes_N, 1)
    alike = 2 * windows / both
    chance = float(alike[~np.eye(num_bars, dtype=np.bool_)].mean())
    return max(float(alike.diagonal(at).mean()) for at in range(lag + 1, last + 1)) - chance
