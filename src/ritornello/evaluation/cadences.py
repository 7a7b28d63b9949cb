"""Cadences: how the phrases of written music end, as the analysis hears them.

``form.analyse`` finds phrases, keys and chords and names the cadence of every phrase. The figures are shares of its
phrases, of which each ends in one way: ``authentic`` (perfect or imperfect), ``half`` (Phrygian ones too), ``plagal``,
``deceptive``, or none of these.

**Conventions**

* The analysis was made for chorales: it hears four voices on a grid of 16ths. Music in other than four parts is read
  from the outside in (``form/voices.py``): highest, lowest, and what lies next to them. Fermatas close phrases;
  without them phrases are found by their notes, so that a figure of music without fermatas says less.
* The piece is heard from the bar of its first note on, without its key signature, and as if its last bass note were a
  C, so that neither silence nor the choice of key matters, not even where the analysis meets a tie.
* Music that the analysis does not cover (longer than 512 bars, a metre below 16ths, a phrase longer than 64 bars) gives
  nan.

**Source**: ``form/cadences.py``; checked there against people's analyses.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from ritornello.errors import UserError
from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import Timeline
from ritornello.form.analyse import analyse
from ritornello.form.plan import Cadence
from ritornello.scores.score import Notes, Part, Score

KINDS: dict[str, tuple[Cadence, ...]] = {
    "authentic_share": ("perfect authentic", "imperfect authentic"),
    "perfect_authentic_share": ("perfect authentic",),
    "half_share": ("half", "phrygian"),
    "plagal_share": ("plagal",),
    "deceptive_share": ("deceptive",),
}
"""What each figure counts."""
CADENCES: tuple[Cadence, ...] = (
    "perfect authentic", "imperfect authentic", "half", "phrygian", "plagal", "deceptive",
)  # fmt: skip

METRICS: tuple[Metric, ...] = (
    Metric("num_phrases_found", "count", "phrases that the analysis hears"),
    Metric("cadence_share", "share", "phrases that end with any cadence", high=1.0),
    Metric("authentic_share", "share", "phrases that end from the dominant to the tonic", high=1.0),
    Metric("perfect_authentic_share", "share", "of these, both chords in root position under the tonic", high=1.0),
    Metric("half_share", "share", "phrases that end on the dominant", high=1.0),
    Metric("plagal_share", "share", "phrases that end from the subdominant to the tonic", high=1.0),
    Metric("deceptive_share", "share", "phrases that end from the dominant to the submediant", high=1.0),
)


def evaluate(notes: Timeline) -> dict[str, Value]:
    """All figures of this file; nan for music without notes or bars, or that the analysis does not cover."""
    found = phrases_of(notes)
    if not found:
        return {metric.name: float("nan") for metric in METRICS}
    counts = Counter(found)
    return {
        "num_phrases_found": float(len(found)),
        "cadence_share": sum(counts[kind] for kind in CADENCES) / len(found),
        **{name: sum(counts[kind] for kind in kinds) / len(found) for name, kinds in KINDS.items()},
    }


def phrases_of(notes: Timeline) -> list[Cadence]:
    """The cadence of every phrase, ``none`` where there is none; empty if there is nothing to analyse."""
    if notes.bar_beats is None or not len(notes):
        return []
    try:
        plan = analyse(settled(notes))
    except UserError:
        return []
    return [phrase.cadence or "none" for phrase in plan.phrases]


def settled(notes: Timeline) -> Score:
    """The score from the bar of its first note on, in C by its last bass note, without a key signature."""
    score = notes.score
    assert notes.bar_beats is not None, "a performance has no bars"
    start = round(notes.bar_beats[0] * score.ticks_per_beat)
    bass = int(notes.pitch[notes.chord == notes.chord[-1]].min())
    down = (bass + 6) % 12 - 6  # -6 to 5
    lowest, highest = int(notes.pitch.min()), int(notes.pitch.max())
    down = next((by for by in (down, down - 12, down + 12) if lowest - by >= 0 and highest - by <= 127), 0)
    return replace(
        score,
        parts=tuple(_moved(part, start, down) for part in score.parts),
        metres=tuple(
            replace(metre, onset_ticks=max(0, metre.onset_ticks - start))
            for metre, later in zip(score.metres, [*score.metres[1:], None], strict=True)
            if later is None or later.onset_ticks > start
        ),
        keys=(),
        tempos=(),
        markers=(),
        pickup_ticks=score.pickup_ticks if start == 0 else 0,
        closing_ticks=max(0, score.closing_ticks - start),
    )


def _moved(part: Part, start: int, down: int) -> Part:
    notes = part.notes
    order = np.lexsort((notes.velocity, notes.duration_ticks, notes.pitch, notes.onset_ticks))
    columns = (notes.onset_ticks - start, notes.duration_ticks, notes.pitch - down, notes.velocity)
    fermatas = tuple(tick - start for tick in part.fermatas_ticks if tick >= start)
    return replace(part, notes=Notes.columns(*(column[order] for column in columns)), fermatas_ticks=fermatas)
