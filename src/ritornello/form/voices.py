"""A Score as four voices on a grid of 16ths, the view on which all analysis works.

A score of four parts keeps its parts as voices. Any other score is read from the outside in: the
highest sounding note is the soprano, the lowest the bass, the next ones alto and tenor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.scores.score import IntArray, Notes, Part, Score

REST = -1
VOICES = ("soprano", "alto", "tenor", "bass")


class Frames(NamedTuple):
    """What sounds in each 16th: F frames, voices S, A, T, B."""

    pitch: IntArray
    """(F, 4) MIDI pitch, -1 for a rest."""
    struck: NDArray[np.bool_]
    """(F, 4) whether the note begins in this frame."""


def frames_of(score: Score) -> Frames:
    """The four voices of a score. Notes go to the nearest 16th and last one at least."""
    num_frames = -(-score.end_ticks * FRAMES_PER_BEAT // score.ticks_per_beat)
    if len(score.parts) == len(VOICES):
        columns = [
            _monophonic(part.notes, score.ticks_per_beat, num_frames, lowest=voice == "bass")
            for voice, part in zip(VOICES, _by_voice(score.parts), strict=True)
        ]
        return Frames(*(np.stack(arrays, axis=1) for arrays in zip(*columns, strict=True)))
    return _outside_in(score, num_frames)


def fermata_frames(score: Score) -> list[int]:
    """Onsets of the fermata chords: the soprano's fermatas, or anyone's if it has none; sorted."""
    parts = _by_voice(score.parts)
    ticks = (parts[0].fermatas_ticks if parts else ()) or tuple(t for part in parts for t in part.fermatas_ticks)
    return sorted({_frame(tick, score.ticks_per_beat) for tick in ticks})


def _frame(ticks: int, ticks_per_beat: int) -> int:
    """The nearest frame; a half goes down, so that of two 32nds the first is on the beat."""
    return -((ticks_per_beat - 2 * ticks * FRAMES_PER_BEAT) // (2 * ticks_per_beat))


def _spans(notes: Notes, ticks_per_beat: int, num_frames: int) -> Iterator[tuple[int, int, int, int]]:
    """(onset in ticks, first frame, frame after the last, pitch) in order of onset."""
    for onset, duration, pitch, _ in notes.rows():
        start = min(_frame(onset, ticks_per_beat), num_frames - 1)
        yield onset, start, min(max(start + 1, _frame(onset + duration, ticks_per_beat)), num_frames), pitch


def _by_voice(parts: Sequence[Part]) -> list[Part]:
    """Four parts from soprano to bass: by name if the names say so, else by mean pitch."""

    def place(part: Part) -> float:
        mean = float(part.notes.pitch.mean()) if len(part.notes) else 0.0
        named = [index for index, voice in enumerate(VOICES) if part.name.strip().lower().startswith(voice)]
        return named[0] if named and all_named else -mean

    all_named = sorted(v for p in parts for v in VOICES if p.name.strip().lower().startswith(v)) == sorted(VOICES)
    return sorted(parts, key=place)


def _monophonic(
    notes: Notes, ticks_per_beat: int, num_frames: int, *, lowest: bool
) -> tuple[IntArray, NDArray[np.bool_]]:
    """One voice (F,), (F,): of notes struck together one is kept, and a later note ends an earlier one."""
    pitch = np.full(num_frames, REST, dtype=np.int64)
    struck = np.zeros(num_frames, dtype=np.bool_)
    begun, begun_ticks = -1, -1
    for onset, start, end, number in _spans(notes, ticks_per_beat, num_frames):
        if start == begun and onset == begun_ticks and (number >= pitch[start]) == lowest:
            continue
        first = start + 1 if start == begun and onset > begun_ticks else start  # the second of two 32nds
        if first >= end:
            continue
        pitch[first:], struck[first:] = REST, False
        pitch[first:end], struck[first] = number, True
        begun, begun_ticks = first, onset
    return pitch, struck


def _outside_in(score: Score, num_frames: int) -> Frames:
    """Voices of a score of any texture."""
    sounding = np.zeros((num_frames, 128), dtype=np.bool_)
    attacked = np.zeros((num_frames, 128), dtype=np.bool_)
    for part in score.parts:
        for _, start, end, number in _spans(part.notes, score.ticks_per_beat, num_frames):
            sounding[start:end, number] = True
            attacked[start, number] = True
    count = sounding.sum(axis=1)
    low, second_low = _lowest(sounding)
    high, second_high = (np.where(p == REST, REST, 127 - p) for p in _lowest(sounding[:, ::-1]))
    rest = np.full(num_frames, REST)
    pitch = np.stack(
        [
            high,
            np.where(count >= 3, second_high, rest),
            np.where(count >= 4, second_low, rest),
            np.where(count >= 2, low, rest),
        ],
        axis=1,
    )
    before = np.vstack([np.full((1, 4), REST), pitch[:-1]]) if num_frames else pitch
    begins = np.take_along_axis(attacked, np.maximum(pitch, 0), axis=1)
    return Frames(pitch, (begins | (pitch != before)) & (pitch != REST))


def _lowest(sounding: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """The lowest and second lowest sounding pitch per frame, -1 where there is none."""
    first = np.where(sounding.any(axis=1), sounding.argmax(axis=1), REST)
    rest = sounding.copy()
    rest[np.arange(len(rest)), np.maximum(first, 0)] = False
    return first, np.where(rest.any(axis=1), rest.argmax(axis=1), REST)
