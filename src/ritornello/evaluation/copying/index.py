"""A training corpus, kept so that any run of its notes is found at once.

All pieces stand in one text of bytes, a byte a note (``suffixes.py``), with two suffix arrays: one over the pitches,
one over the intervals from note to note, in which transposed runs are the same. The bars of written music are kept as
digests (``bars.py``). 13 bytes a note in all; ``files.py`` keeps them on disk, ``corpus.py``
reads the corpus.

Shapes: P pieces, N notes of a piece, n bytes of text (a note each, and one behind each piece), B different bars.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.evaluation.copying.bars import DIGEST_BYTES, Bars, bars_of
from ritornello.evaluation.copying.suffixes import (
    END,
    MAX_BYTES,
    PADDING,
    Bytes,
    Longest,
    Places,
    longest_runs,
    suffix_array,
)
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import IntArray

_UNISON = 127
"""The byte of the interval 0."""


class Heard(NamedTuple):
    """One piece of a training corpus, its notes in the order of ``Timeline``."""

    name: str
    pitch: IntArray
    """(N,)"""
    onset_seconds: FloatArray
    """(N,), from the first onset."""
    bars: Bars = Bars([], [])

    @classmethod
    def of(cls, name: str, notes: Timeline) -> Heard:
        """What is kept of a piece."""
        return cls(name, notes.pitch, notes.onset_seconds, bars_of(notes))


class Place(NamedTuple):
    """A note of the corpus."""

    piece: str
    seconds: float
    """From the first onset of the piece."""
    pitch: int


@dataclass(frozen=True, eq=False)
class Index:
    """What was heard in training."""

    names: tuple[str, ...]
    """Of the pieces, (P,)."""
    refused: tuple[str, ...]
    """What was wrong with the pieces of the corpus that could not be read."""
    made_of: str
    """Hash of the corpus; empty if it was made of nothing that has one."""
    starts: IntArray
    """Where each piece begins in the text, and where the last one ends, (P + 1,)."""
    pitches: Bytes
    """The text, (n + PADDING,)."""
    onsets: NDArray[np.float32]
    """In seconds from the first onset of the piece, (n,)."""
    by_pitch: Places
    by_interval: Places
    """The suffix arrays (n,) of the pitches and of the intervals."""
    bars: Bytes
    bars_transposed: Bytes
    """(B, 16) each, in their order."""

    @classmethod
    def of(cls, pieces: Iterable[Heard], *, refused: Iterable[str] = (), made_of: str = "") -> Index:
        """An index of these pieces, which are read one at a time; ``refused`` is looked at behind the last.

        Raises:
            UserError: they have more than 2^31 notes.
        """
        names, starts, text, onsets, bars = _joined(pieces)
        return cls(
            names=tuple(names),
            refused=tuple(refused),
            made_of=made_of,
            starts=starts,
            pitches=text,
            onsets=onsets,
            by_pitch=suffix_array(text),
            by_interval=suffix_array(_intervals_of(text)),
            bars=_different(bars.exact),
            bars_transposed=_different(bars.transposed),
        )

    @property
    def num_pieces(self) -> int:
        """P."""
        return len(self.names)

    @property
    def num_notes(self) -> int:
        """Of all pieces."""
        return len(self.onsets) - len(self.names)

    def longest_from_each(self, pitch: IntArray, *, transposed: bool) -> Longest:
        """For each note of a piece (N,) how many notes from there on stand somewhere in the corpus, and where."""
        if not transposed:
            return longest_runs(self.pitches, self.by_pitch, pitch.astype(np.uint8))
        runs = longest_runs(self._intervals, self.by_interval, (np.diff(pitch) + _UNISON).astype(np.uint8))
        last = np.ones(min(1, len(pitch)), dtype=np.int64)
        return Longest(np.append(runs.length + 1, last), np.append(runs.place, -last))  # n intervals join n + 1 notes

    def place(self, at: int) -> Place:
        """What stands at a place of the text."""
        piece = int(np.searchsorted(self.starts, at, side="right")) - 1
        return Place(self.names[piece], float(self.onsets[at]), int(self.pitches[at]))

    def knows_bar(self, digest: bytes, *, transposed: bool) -> bool:
        """Whether a bar stands in the corpus."""
        return digest in self._known_bars[transposed]

    @cached_property
    def _intervals(self) -> Bytes:
        return _intervals_of(self.pitches)

    @cached_property
    def _known_bars(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        exact, transposed = (frozenset(map(bytes, bars)) for bars in (self.bars, self.bars_transposed))
        return exact, transposed


def _joined(pieces: Iterable[Heard]) -> tuple[list[str], IntArray, Bytes, NDArray[np.float32], Bars]:
    """Names, starts, pitches, onsets and bars of all pieces."""
    names: list[str] = []
    starts, pitches, onsets = [0], [np.zeros(0, dtype=np.uint8)], [np.zeros(0, dtype=np.float32)]
    bars = Bars([], [])
    for piece in pieces:
        names.append(piece.name)
        pitches.append(np.append(piece.pitch, END).astype(np.uint8))
        onsets.append(np.append(piece.onset_seconds, 0.0).astype(np.float32))
        starts.append(starts[-1] + len(pitches[-1]))
        if starts[-1] > MAX_BYTES:
            raise UserError("has too many notes for an index", where=piece.name, limit=f"{MAX_BYTES:,} notes")
        for kept, new in zip(bars, piece.bars, strict=True):
            kept.extend(new)
    text = np.concatenate([*pitches, np.full(PADDING, END, dtype=np.uint8)])
    return names, np.array(starts), text, np.concatenate(onsets), bars


def _intervals_of(pitches: Bytes) -> Bytes:
    """The interval from each note to the next, where there is one; END behind the last note and between pieces."""
    steps = np.diff(pitches.astype(np.int16), append=np.int16(END)) + np.int16(_UNISON)
    joins = (pitches != END) & (np.append(pitches[1:], np.uint8(END)) != END)
    return np.where(joins, steps, END).astype(np.uint8)


def _different(bars: list[bytes]) -> Bytes:
    return np.frombuffer(b"".join(sorted(set(bars))), dtype=np.uint8).reshape(-1, DIGEST_BYTES)
