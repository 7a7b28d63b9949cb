"""What the notes of a beat slot say about its chord, before any context.

Every note in a slot is put into a class by where it begins (on the slot's beat, before it, within it),
how long it lasts and how it is approached and left: so a suspension, a passing note and a struck chord
tone weigh differently. A chord is scored by the role (root, third, fifth, seventh, foreign) in which it
takes each note, by the members that are missing, and by the bass.

Chord states are numbered ``(root * 9 + quality) * 4 + inversion`` with absolute roots, C = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.chord import QUALITIES, Chord
from ritornello.form.grid import Range
from ritornello.form.voices import REST, Frames
from ritornello.scores.score import IntArray

FloatArray = NDArray[np.float64]

QUALITY_NAMES = tuple(QUALITIES)
NUM_QUALITIES = len(QUALITY_NAMES)
NUM_STATES = 12 * NUM_QUALITIES * 4
NUM_CLASSES = 18
"""Nine kinds of note in the upper voices, then the same nine in the bass."""
NUM_ROLES = 5
"""Root, third, fifth, seventh, foreign."""
FOREIGN = 4
NUM_BASS = 3
"""Bass at the slot's beginning, at its end, anywhere."""


class Evidence(NamedTuple):
    """Features of S slots, from which any weights give scores of chords."""

    weight: FloatArray
    """(S, 18, 12) time of each pitch class per class of note, in slots."""
    present: FloatArray
    """(S, 12) 1 where the pitch class sounds."""
    bass: FloatArray
    """(S, 3, 12) 1 where the pitch class is in the bass at the beginning, at the end, anywhere."""


class Weights(NamedTuple):
    """How much each feature counts, in nats."""

    role: FloatArray
    """(18, 5) per slot of time of a class of note in a role."""
    missing: FloatArray
    """(9, 4) per quality and missing member."""
    bass: FloatArray
    """(3,) for a bass note that the inversion names."""
    inversion: FloatArray
    """(9, 4) per quality and inversion; -inf where there is no such inversion."""


def role_table() -> IntArray:
    """(9, 12) role of the note that stands so many semitones above the root of a quality."""
    table = np.full((NUM_QUALITIES, 12), FOREIGN, dtype=np.int64)
    for number, intervals in enumerate(QUALITIES.values()):
        for role, interval in enumerate(intervals):
            table[number, interval] = role
    return table


def chord_of_state(state: int, tonic: int) -> Chord:
    """The chord of a state, relative to a tonic 0-11."""
    rest, inversion = divmod(state, 4)
    root, quality = divmod(rest, NUM_QUALITIES)
    return Chord((root - tonic) % 12, QUALITY_NAMES[quality], inversion)


def evidence_of(frames: Frames, slots: Sequence[Range]) -> Evidence:
    """Features of the slots, which must lie in the frames without overlap."""
    num_slots = len(slots)
    weight = np.zeros((num_slots, NUM_CLASSES, 12))
    present = np.zeros((num_slots, 12))
    bass = np.zeros((num_slots, NUM_BASS, 12))
    if num_slots:
        starts, ends = np.array(slots).T
        lengths = ends - starts
        frame = np.concatenate([np.arange(start, end) for start, end in slots])
        slot = np.repeat(np.arange(num_slots), lengths)
        kinds = _kinds(frames, frame, starts[slot], ends[slot])
        for voice in range(4):
            pitch = frames.pitch[frame, voice]
            sounds = pitch != REST
            at = slot[sounds], kinds[sounds, voice] + (9 if voice == 3 else 0), pitch[sounds] % 12
            np.add.at(weight, at, 1.0 / lengths[slot[sounds]])
            present[slot[sounds], pitch[sounds] % 12] = 1.0
        _fill_bass(bass, frames, frame, slot, np.stack([starts, ends - 1]))
    return Evidence(weight, present, bass)


def score_states(evidence: Evidence, weights: Weights) -> FloatArray:
    """(S, 432) score of every chord state, -inf where there is no such chord."""
    roles = role_table()
    by_interval = weights.role[:, roles]  # (18, 9, 12)
    above = (np.arange(12)[:, None] + np.arange(12)) % 12  # (root, interval) -> pitch class
    chords = np.einsum("scri,cqi->srq", evidence.weight[:, :, above], by_interval)
    member = np.zeros((NUM_QUALITIES, 12))
    for quality, intervals in enumerate(QUALITIES.values()):
        member[quality, list(intervals)] = weights.missing[quality, : len(intervals)]
    chords += np.einsum("sri,qi->srq", 1.0 - evidence.present[:, above], member)
    lowest = np.einsum("sbp,b->sp", evidence.bass, weights.bass)  # (S, 12)
    scores = np.broadcast_to(weights.inversion, (len(chords), 12, NUM_QUALITIES, 4)).copy()
    scores += chords[..., None]
    for quality, intervals in enumerate(QUALITIES.values()):
        for inversion, interval in enumerate(intervals):
            scores[:, :, quality, inversion] += lowest[:, (np.arange(12) + interval) % 12]
    return scores.reshape(len(chords), NUM_STATES)


def _fill_bass(bass: FloatArray, frames: Frames, frame: IntArray, slot: IntArray, edges: IntArray) -> None:
    """The bass is the lowest sounding voice, which need not be the fourth."""
    sounding = np.where(frames.pitch == REST, 999, frames.pitch).min(axis=1)
    for number, at in enumerate(edges):
        there = sounding[at] != 999
        bass[np.flatnonzero(there), number, sounding[at][there] % 12] = 1.0
    there = sounding[frame] != 999
    bass[slot[there], 2, sounding[frame][there] % 12] = 1.0


def _kinds(frames: Frames, frame: IntArray, start: IntArray, end: IntArray) -> IntArray:
    """(N, 4) kind of the note, 0-8, for N frames whose slots begin and end as given."""
    kinds = np.zeros((len(frame), 4), dtype=np.int64)
    for voice in range(4):
        begins, stops, before, after = _neighbours(frames.pitch[:, voice], frames.struck[:, voice])
        pitch = frames.pitch[frame, voice]
        in_step, out_step = pitch - before[frame], after[frame] - pitch
        in_step = np.where(before[frame] == REST, 99, np.abs(in_step))
        left_down = (after[frame] != REST) & ((out_step == -1) | (out_step == -2))
        out_size = np.where(after[frame] == REST, 99, np.abs(out_step))
        within = stops[frame] < end
        by_step = (out_size == 1) | (out_size == 2)
        on_beat = np.select([~within, by_step], [0, 2], 1)
        held = np.select([~within, left_down], [3, 4], 5)
        passing = ((in_step == 1) | (in_step == 2)) & by_step
        off_beat = np.select([(stops[frame] > end) | (out_size == 0), passing], [8, 6], 7)
        kinds[:, voice] = np.select([begins[frame] == start, begins[frame] < start], [on_beat, held], off_beat)
    return kinds


def _neighbours(pitch: IntArray, struck: NDArray[np.bool_]) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Per frame: where its note begins and stops, and the pitches of the notes before and after it."""
    change = struck | np.concatenate([[True], pitch[1:] != pitch[:-1]])
    first = np.flatnonzero(change)
    number = np.cumsum(change) - 1
    last = np.concatenate([first[1:], [len(pitch)]])
    pitches = pitch[first]
    before = np.concatenate([[REST], pitches[:-1]])
    after = np.concatenate([pitches[1:], [REST]])
    return first[number], last[number], before[number], after[number]
