"""Keys by a judge that the project did not write: music21's key analysis against the plan's keys.

The judge hears the notes of a phrase, of a section or of the whole piece as durations of pitch classes and
correlates them with key profiles; it knows nothing of plan, order or bass. A passage of two bars is short
for it, so it misses many of Bach's own phrases; read a figure beside Bach's.

**Source.** music21 ``Stream.analyze('key')``: Krumhansl and Schmuckler's algorithm (Krumhansl, Cognitive
Foundations of Musical Pitch, 1990) with the Aarden-Essen profiles (Aarden 2003), music21's default.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from ritornello.form.grid import Range, phrase_ranges, section_ranges
from ritornello.form.key import Key
from ritornello.form.plan import Plan
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Score

Judge: TypeAlias = Callable[[IntArray], tuple[int, str]]
"""Durations of the 12 pitch classes, not all 0, to tonic (0-11) and mode (major, minor)."""


def evaluate(score: Score, plan: Plan, judge: Judge | None = None) -> dict[str, float]:
    """Shares of phrases and sections, and 0 or 1 for the piece, whose key the judge finds too.

    Keys that the plan leaves open and silent passages are not counted; a figure without any is nan, and all
    are nan, with a warning, if music21 is not installed.

    Args:
        score: the music.
        plan: its metre, pickup and sections must be set.
        judge: another judge than music21.
    """
    try:
        judge = judge or music21_judge()
    except ImportError:
        warnings.warn("music21 is not installed: no second opinion on keys (pip install music21)", stacklevel=2)
        return dict.fromkeys(("judged_key_phrases", "judged_key_sections", "judged_key_piece"), float("nan"))
    pitch_FV = frames_of(score).pitch
    phrases = [phrase.key for phrase in plan.phrases]
    parts = [section.key for section in plan.sections or ()]
    return {
        "judged_key_phrases": _share(pitch_FV, phrases, phrase_ranges(plan), judge),
        "judged_key_sections": _share(pitch_FV, parts, section_ranges(plan), judge),
        "judged_key_piece": _share(pitch_FV, [plan.key], [(0, len(pitch_FV))], judge),
    }


def music21_judge() -> Judge:
    """music21's key analysis. Raises ImportError if it is not installed."""
    from music21.note import Note
    from music21.stream import Stream

    def judge(durations: IntArray) -> tuple[int, str]:
        notes = [Note(60 + number, quarterLength=int(long)) for number, long in enumerate(durations) if long]
        passage = cast("Any", Stream(notes))
        key = passage.analyze("key")
        return key.tonic.pitchClass, key.mode

    return judge


def _share(pitch_FV: IntArray, keys: Sequence[Key | None], ranges: Sequence[Range], judge: Judge) -> float:
    hits: list[bool] = []
    for key, (start, end) in zip(keys, ranges, strict=True):
        pitches = pitch_FV[start:end]
        durations = np.bincount(pitches[pitches != REST] % 12, minlength=12)
        if key is not None and durations.any():
            hits.append(judge(durations) == (key.tonic_pitch_class, key.mode))
    return sum(hits) / len(hits) if hits else float("nan")
