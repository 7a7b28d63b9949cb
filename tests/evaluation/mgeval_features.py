"""The features of mgeval (Yang and Lerch 2018) as its ``core.py`` computes them, for files of one track of notes.

mgeval needs Python 2 and cannot be installed any more; its definitions are written out here in our own words, its
faults included, so that tests can say where we agree. Notes are a ``PrettyMIDI`` of one instrument, or rows (onset
ticks, length ticks, pitch) in the order of the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from ritornello.evaluation.timeline import Timeline

Row = tuple[int, int, int]
LENGTHS = (96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8)
"""Full, half, quarter, 8th, 16th, four dotted ones, three triplets, in 96ths of a bar."""


def midi_of(notes: Timeline) -> pretty_midi.PrettyMIDI:
    """The notes of a timeline, as long as they sound."""
    piano = pretty_midi.Instrument(0)
    columns = (notes.velocity, notes.pitch, notes.onset_seconds, notes.offset_seconds)
    for loud, pitch, onset, offset in zip(*(column.tolist() for column in columns), strict=True):
        piano.notes.append(pretty_midi.Note(loud, pitch, onset, offset))
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(piano)
    return midi


def _sounding(midi: pretty_midi.PrettyMIDI) -> NDArray[np.float64]:
    """Velocity of each pitch (128,), summed over frames of 10 ms."""
    return midi.instruments[0].get_piano_roll(fs=100).sum(axis=1)


def total_used_pitch(midi: pretty_midi.PrettyMIDI) -> int:
    return int((_sounding(midi) > 0).sum())


def total_used_note(rows: Sequence[Row]) -> int:
    return len(rows)


def pitch_range(midi: pretty_midi.PrettyMIDI) -> int:
    return int(np.ptp(np.flatnonzero(_sounding(midi) > 0)))


def total_pitch_class_histogram(midi: pretty_midi.PrettyMIDI) -> NDArray[np.float64]:
    histogram = np.array([_sounding(midi)[pitch_class::12].sum() for pitch_class in range(12)])
    return histogram / histogram.sum()


def pitch_class_transition_matrix(midi: pretty_midi.PrettyMIDI) -> NDArray[np.float64]:
    """With its ``normalize=2``; without, it counts."""
    counts = midi.get_pitch_class_transition_matrix()
    return counts / counts.sum()


def avg_pitch_shift(rows: Sequence[Row]) -> float:
    return float(np.abs(np.diff([pitch for _, _, pitch in rows])).mean())


def avg_ioi(midi: pretty_midi.PrettyMIDI) -> float:
    return float(np.diff(midi.get_onsets()).mean())


def bar_ticks(resolution: int, signature: Sequence[int], track_num: int) -> int:
    """A bar, of a signature (numerator, log2 of the denominator); the usual ``track_num`` 1 takes the wrong number."""
    return signature[track_num] * resolution * 4 // 2 ** signature[1]


def bar_used_pitch(rows: Sequence[Row], bar: int, num_bars: int) -> list[int]:
    return [len({pitch for onset, _, pitch in rows if onset // bar == index}) for index in range(num_bars)]


def note_lengths(rows: Sequence[Row], bar: int) -> list[int]:
    """The class of each note: the nearest, of two as near the first."""
    classes = np.array(LENGTHS) * (bar / 96.0)
    return [int(np.abs(classes - length).argmin()) for _, length, _ in rows]


def note_length_hist(rows: Sequence[Row], bar: int) -> NDArray[np.float64]:
    return np.bincount(note_lengths(rows, bar), minlength=12) / len(rows)


def note_length_transition_matrix(rows: Sequence[Row], bar: int) -> NDArray[np.float64]:
    """With its ``normalize=2``."""
    matrix, lengths = np.zeros((12, 12)), note_lengths(rows, bar)
    for i in range(1, len(lengths)):
        matrix[lengths[i - 1], lengths[i]] += 1
    return matrix / matrix.sum()
