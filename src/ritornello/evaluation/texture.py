"""Texture: how busy, how smooth and how dissonant the voices are. No goal but to be like the reference.

Rules of part writing can all be kept by music that is dull or restless; these figures show it. All are taken
on the 16th grid of ``form/voices.py``, beats counted from barlines.

* ``soprano_notes``, ``alto_notes`` …: notes struck per 100 beats;
* ``off_beat``: share of struck notes that do not begin on a beat; ``sixteenths``: on an odd 16th;
* ``repeated``, ``steps``: share of melodic moves (from a note to the next of its voice, no rest between)
  that repeat the pitch, or go one or two semitones;
* ``together``: share of moments with a new note at which all sounding voices strike;
* ``dissonant``: share of beats on which the sounding pitch classes fit no major or minor triad;
* ``ambitus``: semitones between the soprano's lowest and highest note.

A score without what a figure counts gives nan for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ritornello.form.grid import FRAMES_PER_BEAT, grid_of_score
from ritornello.form.voices import REST, VOICES, Frames, frames_of
from ritornello.scores.score import IntArray, Score

NAN = float("nan")
TRIADS = tuple(frozenset((root + step) % 12 for step in (0, third, 7)) for root in range(12) for third in (3, 4))
STEP_SEMITONES = 2


def evaluate(score: Score) -> dict[str, float]:
    """All figures of this file, and ``num_moves`` and ``num_notes``, over which shares are taken."""
    frames, grid = frames_of(score), grid_of_score(score)
    beats = len(frames.pitch) / FRAMES_PER_BEAT
    struck = frames.struck & (frames.pitch != REST)
    notes = {f"{voice}_notes": _per(100 * int(own.sum()), beats) for voice, own in zip(VOICES, struck.T, strict=True)}
    starts = grid.slot_starts
    places = np.repeat(grid.bar_positions[: len(struck)], struck.sum(axis=1)[: grid.num_frames])
    moves = np.abs(melodic_moves(frames))
    soprano = frames.pitch[frames.pitch[:, 0] != REST, 0]
    return {
        **notes,
        "num_notes": float(struck.sum()),
        "num_moves": float(len(moves)),
        "off_beat": _share(places % FRAMES_PER_BEAT != 0),
        "sixteenths": _share(places % 2 == 1),
        "repeated": _share(moves == 0),
        "steps": _share((moves > 0) & (moves <= STEP_SEMITONES)),
        "together": _share(_all_strike(frames)),
        "dissonant": _share([not _consonant(frames.pitch[start]) for start in starts[starts < len(struck)]]),
        "ambitus": float(np.ptp(soprano)) if len(soprano) else NAN,
    }


def melodic_moves(frames: Frames) -> IntArray:
    """Semitones from each note to the next of the same voice, all voices after each other; rests break the line."""
    moves: list[int] = []
    for pitch, struck in zip(frames.pitch.T, frames.struck.T, strict=True):
        onsets = np.flatnonzero(struck & (pitch != REST))
        moves += [
            int(pitch[later] - pitch[earlier])
            for earlier, later in pairwise(onsets.tolist())
            if (pitch[earlier:later] != REST).all()
        ]
    return np.array(moves, dtype=np.int64)


def _all_strike(frames: Frames) -> list[bool]:
    """For every frame with a new note: whether every voice that sounds strikes."""
    sounding = frames.pitch != REST
    moments = np.flatnonzero((frames.struck & sounding).any(axis=1))
    return [bool((frames.struck[moment] | ~sounding[moment]).all()) for moment in moments]


def _consonant(pitches_V: IntArray) -> bool:
    classes = frozenset((pitches_V[pitches_V != REST] % 12).tolist())
    return any(classes <= triad for triad in TRIADS)


def _share(hits: Sequence[bool] | np.ndarray) -> float:
    return float(np.mean(hits)) if len(hits) else NAN


def _per(count: float, size: float) -> float:
    return count / size if size else NAN
