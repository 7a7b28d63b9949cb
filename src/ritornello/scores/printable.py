"""A Score in times that have note values, as pages of notes need it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from ritornello.scores.score import ChordSymbol, IntArray, KeySignature, Marker, Metre, Notes, Score, Tempo

Change = TypeVar("Change", Metre, KeySignature, Tempo, Marker, ChordSymbol)


def printable(score: Score) -> Score:
    """The score with every onset and duration on a grid of 32nds or triplet 16ths."""
    step = score.ticks_per_beat // 24 if score.ticks_per_beat % 24 == 0 else 1
    if all(_is_even(part.notes, step) for part in score.parts):
        return score
    factor = int(24 // np.gcd(24, score.ticks_per_beat))
    ticks_per_beat = score.ticks_per_beat * factor
    step = ticks_per_beat // 8

    def rounded(ticks: IntArray) -> IntArray:
        return (ticks * factor + step // 2) // step * step

    parts = tuple(
        replace(
            part,
            notes=Notes.columns(
                rounded(part.notes.onset_ticks),
                np.maximum(step, rounded(part.notes.offset_ticks) - rounded(part.notes.onset_ticks)),
                part.notes.pitch,
                part.notes.velocity,
            ),
            fermatas_ticks=tuple(rounded(np.array(part.fermatas_ticks, dtype=np.int64)).tolist()),
        )
        for part in score.parts
    )
    return replace(
        score,
        ticks_per_beat=ticks_per_beat,
        parts=parts,
        metres=_scaled(score.metres, factor),
        keys=_scaled(score.keys, factor),
        tempos=_scaled(score.tempos, factor),
        markers=_scaled(score.markers, factor),
        chords=_scaled(score.chords, factor),
        pickup_ticks=score.pickup_ticks * factor,
        closing_ticks=score.closing_ticks * factor,
    )


def _is_even(notes: Notes, step: int) -> bool:
    return not (np.any(notes.onset_ticks % step) or np.any(notes.duration_ticks % step))


def _scaled(changes: tuple[Change, ...], factor: int) -> tuple[Change, ...]:
    return tuple(replace(change, onset_ticks=change.onset_ticks * factor) for change in changes)
