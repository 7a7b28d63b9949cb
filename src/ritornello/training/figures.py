"""What a likelihood is reported as: sums of nats, and the figures that follow from them.

Nats per token over all tokens, or as a mean over pieces; bits per note and bits per second for
performances, whose entries say how many notes and seconds a piece has; by kind of token; and by
position in the piece, in bins that double.

Shapes: N pieces, G groups, K position bins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.data.form_levels import NOTES as NOTES_OF_FORM
from ritornello.data.prepared import PreparedLevel
from ritornello.scores.score import IntArray
from ritornello.tokenizers import TOKENIZERS

FIRST_BIN_TOKENS = 1024
"""Positions 0 to 1,023 are the first bin; each later bin begins where the one before ends and doubles that."""
_VOICES = ("soprano", "alto", "tenor", "bass")
_NOTE_GROUPS = ("marks", *_VOICES)  # the slots of a frame, in order
_PLANNED_LEVELS = ("structure", "phrases", "notes", NOTES_OF_FORM)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Sums of nats and numbers of tokens, (N, G) each, with their names and the protocol.

    ``position_nats`` and ``position_tokens`` (K,) are the same by position in the piece, ``notes``
    and ``seconds`` (N,) the size of the music; empty where the data does not say.
    """

    protocol: str
    groups: tuple[str, ...]
    pieces: tuple[str, ...]
    nats: NDArray[np.float64]
    tokens: NDArray[np.int64]
    position_nats: NDArray[np.float64]
    position_tokens: NDArray[np.int64]
    notes: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def of(self, *groups: str) -> float:
        """Nats per token over all pieces in these groups together; nan without tokens."""
        columns = [self.groups.index(group) for group in groups]
        return _ratio(self.nats[:, columns].sum(), self.tokens[:, columns].sum())

    @property
    def headline(self) -> float:
        """What training watches: nats per voice-step for chorales, nats per token for all else."""
        return self.of(*self._watched)

    @property
    def mean_over_pieces(self) -> float:
        """The same for each piece, then the mean: short pieces weigh as much as long ones."""
        columns = [self.groups.index(group) for group in self._watched]
        nats: NDArray[np.float64] = self.nats[:, columns].sum(axis=1)
        tokens: NDArray[np.int64] = self.tokens[:, columns].sum(axis=1)
        return float((nats / tokens).mean())

    @property
    def bits_per_note(self) -> float:
        """Bits of all scored tokens together for each note of the music; nan where notes were not counted."""
        return _ratio(self.nats.sum() / math.log(2), self.notes.sum())

    @property
    def bits_per_second(self) -> float:
        """The same for each second of music."""
        return _ratio(self.nats.sum() / math.log(2), self.seconds.sum())

    @property
    def _watched(self) -> tuple[str, ...]:
        return _VOICES if self.groups == _NOTE_GROUPS else self.groups

    def table(self) -> dict[str, float]:
        """Nats per token by group, of those that have tokens; ``voices`` are the four together."""
        table = {group: self.of(group) for group, tokens in zip(self.groups, self.tokens.sum(0), strict=True) if tokens}
        return {"voices": self.headline, **table} if self.groups == _NOTE_GROUPS else table

    def by_position(self) -> dict[str, float]:
        """Nats per token by position in the piece, ``first-last`` of each bin that has tokens."""
        return {
            f"{_bin_start(k):,}-{_bin_start(k + 1) - 1:,}": _ratio(nats, tokens)
            for k, (nats, tokens) in enumerate(zip(self.position_nats, self.position_tokens, strict=True))
            if tokens
        }

    def facts(self) -> dict[str, Any]:
        """All figures as plain values, for JSON."""
        sized = {"bits_per_note": self.bits_per_note, "bits_per_second": self.bits_per_second}
        return {
            "protocol": self.protocol,
            "pieces": len(self.pieces),
            "tokens": int(self.tokens.sum()),
            "nats_per_token": self.of(*self.groups),
            "headline": self.headline,
            "mean_over_pieces": self.mean_over_pieces,
            **{name: value for name, value in sized.items() if not math.isnan(value)},
            "by_kind": self.table(),
            "by_position": self.by_position(),
            "by_piece": {
                piece: _ratio(nats, tokens)
                for piece, nats, tokens in zip(self.pieces, self.nats.sum(1), self.tokens.sum(1), strict=True)
            },
        }


def summed(
    protocol: str, data: PreparedLevel, pieces: Sequence[int], nats: Mapping[int, NDArray[np.floating[Any]]]
) -> Likelihood:
    """The figures of ``pieces`` (indices into ``data.entries``) from the nats of each of their tokens.

    ``nats`` holds, by piece, one number for every token of the piece or more; only scored tokens count.
    """
    groups = groups_of(data.name)
    sums, counts = np.zeros((len(pieces), len(groups))), np.zeros((len(pieces), len(groups)), dtype=np.int64)
    position_sums, position_counts = np.zeros(0), np.zeros(0, dtype=np.int64)
    for place, piece in enumerate(pieces):
        row = data.row(piece)
        at = np.flatnonzero(row.scored)
        scored: NDArray[np.float64] = np.asarray(nats[piece], dtype=np.float64)[at]
        group = _groups_of_tokens(data.name, row.ids)[at]
        sums[place] = np.bincount(group, scored, len(groups))
        counts[place] = np.bincount(group, minlength=len(groups))
        bins = _bins(at)
        position_sums = _added(position_sums, np.bincount(bins, scored))
        position_counts = _added(position_counts, np.bincount(bins))
    entries = [data.entries[i] for i in pieces]
    return Likelihood(
        protocol=protocol,
        groups=groups,
        pieces=tuple(entry.id for entry in entries),
        nats=sums,
        tokens=counts,
        position_nats=position_sums,
        position_tokens=position_counts,
        notes=np.array([entry.num_notes for entry in entries], dtype=np.int64),
        seconds=np.array([entry.seconds for entry in entries]),
    )


def is_performance(level: str) -> bool:
    """Whether a level is BOS to END and nothing given, rather than one of a chorale's or a planned piece's."""
    return level not in _PLANNED_LEVELS


def groups_of(level: str) -> tuple[str, ...]:
    """The kinds of token that a level is reported by; one for all where kinds say little."""
    if level == "notes":
        return _NOTE_GROUPS
    return _kinds(level)[0] if _has_kinds(level) else ("tokens",)


def _groups_of_tokens(level: str, ids: IntArray) -> IntArray:
    """For each token the index of its group."""
    if level == "notes":
        return np.arange(len(ids)) % len(_NOTE_GROUPS)
    return _kinds(level)[1][ids] if _has_kinds(level) else np.zeros_like(ids)


def _has_kinds(level: str) -> bool:
    return is_performance(level) or level == NOTES_OF_FORM


@cache
def _kinds(level: str) -> tuple[tuple[str, ...], IntArray]:
    """Kinds of token by the stem of their names (NOTE_ON_60: NOTE_ON, BAR_3/4: BAR), and the kind of each id (V,)."""
    names = TOKENIZERS["bars_even" if level == NOTES_OF_FORM else level].vocabulary.names
    stems = ["".join(takewhile(lambda letter: letter.isupper() or letter == "_", name)).rstrip("_") for name in names]
    kinds = tuple(dict.fromkeys(stem for stem in stems if stem not in ("PAD", "BOS")))
    return kinds, np.array([kinds.index(stem) if stem in kinds else 0 for stem in stems])


def _bins(positions: IntArray) -> IntArray:
    """The bin of each position: 0 below 1,024, then one more for each doubling."""
    return np.where(positions < FIRST_BIN_TOKENS, 0, np.frexp(positions // FIRST_BIN_TOKENS)[1]).astype(np.int64)


def _bin_start(k: int) -> int:
    return 0 if k == 0 else FIRST_BIN_TOKENS * 2 ** (k - 1)


def _added(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """The sum of two vectors, the shorter one filled with zeros."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total


def _ratio(total: Any, count: Any) -> float:
    return float(total / count) if count else float("nan")
