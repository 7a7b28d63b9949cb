"""Moves a piece up or down by looking its tokens and conditions up in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ritornello.data.rows import Row, pitch_ranges
from ritornello.scores.score import IntArray
from ritornello.tokenizers import bars_conditions, bars_words, chorale_conditions
from ritornello.tokenizers.bars_changes import transposed
from ritornello.tokenizers.chorale import FRAME_TOKENS, ChoraleTokenizer
from ritornello.tokenizers.chorale_conditions import transposed_channels

_MARGIN_SEMITONES = 1
"""How far a transposed voice may leave the range that the voice has in the training pieces."""


class Transposer:
    """Tables for every transposition from ``lowest`` to ``highest`` semitones."""

    def __init__(self, lowest: int, highest: int, *, states_keys: bool) -> None:
        """``states_keys`` false leaves the header as it is: see ``Corpus``."""
        tokenizer = ChoraleTokenizer()
        steps = range(lowest, highest + 1)
        self.tables = {semitones: tokenizer.transposed(semitones) for semitones in steps}
        self.channel_tables = {step: transposed_channels(chorale_conditions.CHANNELS, step) for step in steps}
        self.states_keys = states_keys

    def choices(self, pieces: Sequence[IntArray]) -> list[IntArray]:
        """For each piece, the transpositions that keep each voice in its range over all pieces; 0 always does."""
        ranges = pitch_ranges(pieces)
        low, high = ranges[..., 0], ranges[..., 1]
        silent = high == 0
        lowest = np.where(silent, np.iinfo(np.int64).max, low).min(axis=0) - _MARGIN_SEMITONES
        highest = high.max(axis=0) + _MARGIN_SEMITONES
        choices: list[IntArray] = []
        for piece in range(len(pieces)):
            sounding = ~silent[piece]
            fitting = [
                semitones
                for semitones, table in self.tables.items()
                if np.all(low[piece, sounding] + semitones >= lowest[sounding])
                and np.all(high[piece, sounding] + semitones <= highest[sounding])
                and table[low[piece, sounding]].min(initial=0) >= 0
                and table[high[piece, sounding]].min(initial=0) >= 0
            ]
            choices.append(np.array(fitting or [0]))
        return choices

    def move(self, row: Row, semitones: int) -> Row:
        """The row transposed; its pitches must stay within the vocabulary."""
        if semitones == 0:
            return row
        ids = self.tables[semitones][row.ids]
        assert ids.min() >= 0, "the transposition leaves the vocabulary"
        if not self.states_keys:
            ids[:FRAME_TOKENS] = row.ids[:FRAME_TOKENS]
        return _moved(row, ids, self.channel_tables[semitones])


class BarsTransposer:
    """The same for pieces in bars under a plan."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.steps = range(lowest, highest + 1)
        self.channel_tables = {step: transposed_channels(bars_conditions.CHANNELS, step) for step in self.steps}

    def choices(self, pieces: Sequence[IntArray]) -> list[IntArray]:
        """For each piece, the transpositions that keep its pitches on the piano, or in 0-127 if they were not."""
        return [np.array([step for step in self.steps if transposed(ids, step) is not None] or [0]) for ids in pieces]

    def move(self, row: Row, semitones: int) -> Row:
        """The row transposed by one of its choices."""
        if semitones == 0:
            return row
        return _moved(row, bars_words.transposition(semitones)[row.ids], self.channel_tables[semitones])


def _moved(row: Row, ids: IntArray, tables: Sequence[IntArray]) -> Row:
    if row.conditions is None:
        return replace(row, ids=ids)
    conditions = np.stack([table[row.conditions[:, c]] for c, table in enumerate(tables)], axis=1)
    return replace(row, ids=ids, conditions=conditions)
