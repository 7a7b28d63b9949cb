"""Completeness: is it a finished chorale of the form that its plan asks for?

Each figure is 1 or 0, so that the mean over pieces is the share of pieces that pass.
"""

from __future__ import annotations

import numpy as np

from ritornello.form.grid import grid_of_plan, grid_of_score
from ritornello.form.key import Key
from ritornello.form.plan import Plan
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Score

MAJOR_THIRD, MINOR_THIRD, FIFTH = 4, 3, 7


def evaluate(score: Score, plan: Plan) -> dict[str, float]:
    """Four voices; every bar full; as many bars as planned; the last chord the tonic triad; all of it.

    * ``four_voices``: four parts, every one with notes;
    * ``bars_full``: the last bar is whole, something sounds in every 16th, and every voice in every bar;
    * ``form_obeyed``: barlines fall exactly where those of the plan do;
    * ``ends_home``: see ``is_tonic_triad``.

    The plan's key, metre, pickup and sections must be set.
    """
    pitch_FV = frames_of(score).pitch
    grid, planned = grid_of_score(score), grid_of_plan(plan)
    passed = {
        "four_voices": len(score.parts) == 4 and all(len(part.notes) for part in score.parts),
        "bars_full": _bars_full(pitch_FV, grid.bars[1:] if grid.pickup_frames else grid.bars, grid.bar_frames),
        "form_obeyed": grid.bars == planned.bars,
        "ends_home": len(pitch_FV) > 0 and plan.key is not None and is_tonic_triad(pitch_FV[-1], plan.key),
    }
    return {**{name: float(value) for name, value in passed.items()}, "complete": float(all(passed.values()))}


def is_tonic_triad(pitches_V: IntArray, key: Key) -> bool:
    """Whether a chord (soprano first) is the tonic triad, the tonic in the bass and its third present.

    The fifth may be missing; in minor the third may be major (Picardy).
    """
    sounding = [int(pitch) for pitch in pitches_V if pitch != REST]
    above = {(pitch - key.tonic_pitch_class) % 12 for pitch in sounding}
    thirds = {MAJOR_THIRD, MINOR_THIRD} if key.mode == "minor" else {MAJOR_THIRD}
    in_root_position = bool(sounding) and min(sounding) % 12 == key.tonic_pitch_class
    return in_root_position and len(above & thirds) == 1 and above <= {0, FIFTH, *thirds}


def _bars_full(pitch_FV: IntArray, bars: tuple[tuple[int, int], ...], bar_frames: int) -> bool:
    """Whether the last bar is whole, no 16th is silent, and no voice rests through a bar."""
    if not bars or bars[-1][1] - bars[-1][0] != bar_frames:
        return False
    sounding = pitch_FV != REST
    return bool(sounding.any(axis=1).all()) and all(bool(np.all(sounding[a:b].any(axis=0))) for a, b in bars)
