"""The pictures of single pieces in a report: what returns, where it is tense, and the notes themselves."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ritornello.evaluation.report.measuring import told
from ritornello.evaluation.report.sets import Piece
from ritornello.evaluation.similarity import similarity_of
from ritornello.evaluation.tension import tension_of
from ritornello.evaluation.timeline import Timeline
from ritornello.form.plan import Plan
from ritornello.form.plan_yaml import read_plan
from ritornello.plotting import pianoroll
from ritornello.plotting.landmarks import cadences_of, sections_of
from ritornello.plotting.page import png_bytes
from ritornello.plotting.performanceroll import figure_of_performance
from ritornello.plotting.similarity import figure_of_similarity
from ritornello.plotting.tension import Curve, figure_of_tension
from ritornello.scores.reading import read_score

Kind: TypeAlias = Literal["similarity", "tension", "roll"]
SQUARE_INCHES = 4.2
MOST_ENGRAVED = 10_000
"""Written notes in one roll; each costs milliseconds and kilobytes."""
PASSAGE_SECONDS = 4.0
"""Self-similarity is drawn of passages of this length: that of single moments is mostly chance."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture to be drawn."""

    kind: Kind
    role: str
    """Which piece of the set it is: ``most_like``, ..."""
    title: str
    piece: Piece
    written: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawing and its PNG, or why there is none."""

    drawing: Drawing
    png: bytes = b""
    fault: str = ""

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.drawing.kind}_{self.drawing.role}.png"


def draw(drawing: Drawing) -> Drawn:
    """Draws one picture. Never raises an Exception."""
    try:
        notes = Timeline.of(read_score(drawing.piece.path), written=drawing.written)
        if drawing.kind == "roll" and drawing.written and len(notes) > MOST_ENGRAVED:
            return Drawn(drawing, fault=f"{len(notes):,} notes are too many for one picture of them all")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters that the typeface has not
            return Drawn(drawing, png_bytes(_FIGURES[drawing.kind](notes, drawing.piece)))
    except Exception as error:  # noqa: BLE001  # told in the report, which goes on
        return Drawn(drawing, fault=told(error))


def not_drawn(drawing: Drawing) -> Drawn:
    """What stands for a drawing whose process died."""
    return Drawn(drawing, fault="the process that drew it died")


def _similarity(notes: Timeline, piece: Piece) -> Any:
    similarity, plan = similarity_of(notes), _plan_of(piece)
    return figure_of_similarity(
        similarity.matrix_FF,
        similarity.frame_seconds,
        sections=sections_of(plan, notes.score) if plan else (),
        along_seconds=PASSAGE_SECONDS,
        width_inches=SQUARE_INCHES,
    )


def _tension(notes: Timeline, piece: Piece) -> Any:
    tension, plan = tension_of(notes), _plan_of(piece)
    names = ("tensile strain: distance from the key", "cloud diameter: dissonance", "cloud momentum: harmony moving")
    rows = zip(names, (tension.strain, tension.diameter, tension.momentum), strict=True)
    return figure_of_tension(
        [Curve(name, tension.seconds, values) for name, values in rows],
        sections=sections_of(plan, notes.score) if plan else (),
        cadences=cadences_of(plan, notes.score) if plan else (),
    )


def _roll(notes: Timeline, piece: Piece) -> Any:
    if not notes.is_written:
        return figure_of_performance(notes.score)
    return pianoroll.figure_of(notes.score, _plan_of(piece))


def _plan_of(piece: Piece) -> Plan | None:
    return read_plan(piece.plan) if piece.plan else None


_FIGURES: dict[Kind, Callable[[Timeline, Piece], Any]] = {"similarity": _similarity, "tension": _tension, "roll": _roll}
