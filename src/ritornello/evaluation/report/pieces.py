"""What a report says of single pieces and files: who is usual and who is not, pictures, what was left out, how made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ritornello.evaluation.report import wording
from ritornello.evaluation.report.comparing import PLANS, Line
from ritornello.evaluation.report.findings import Findings
from ritornello.evaluation.report.gathering import MeasuredSet
from ritornello.evaluation.report.measuring import Measured
from ritornello.evaluation.report.page import Cell, Picture, Said, Section, Table
from ritornello.evaluation.report.pictures import Drawn
from ritornello.evaluation.report.typicality import Typicality
from ritornello.evaluation.report.written_numbers import DASH, minutes, number, signed, words

NUM_NAMED = 5
"""Pieces most and least like the reference that are named."""
NUM_REASONS = 4
"""Metrics named as what a piece differs in."""


def pieces(findings: Findings) -> Section:
    """Who is most and least like the reference, and why; the ends of every metric; every piece."""
    ours = {
        p.piece.name: _piece_row(p, t)
        for p, t in zip(findings.gathered.generated.pieces, findings.typicality, strict=True)
    }
    ranked = [ours[p.piece.name] for p in findings.by_typicality]
    columns = ("generated piece", "distance", "notes", "length", "differs most in")
    tables = [
        Table(columns, tuple(ranked[:NUM_NAMED]), "Most like the reference"),
        Table(columns, tuple(ranked[: -NUM_NAMED - 1 : -1]), "Least like the reference"),
    ]
    everyone = Table(columns, tuple(ours.values()), "Every generated piece", folded=True)
    text = wording.PIECES.format(usual=_usual_distance(findings.typicality_reference))
    return Section("Pieces", (text,), tables=(*(tables if ranked else ()), _ends(findings), everyone))


def picture_sections(drawn: Sequence[Drawn]) -> Iterator[Section]:
    """Similarity, tension and rolls, as far as they could be drawn."""
    for kind, title, text in wording.PICTURES:
        of_kind = [d for d in drawn if d.drawing.kind == kind and d.png]
        if of_kind:
            pictures = tuple(Picture(d.name, d.drawing.title, d.png, wide=kind != "similarity") for d in of_kind)
            yield Section(title, (text,), pictures=pictures)


def sets(findings: Findings) -> Section:
    """What was found, read, drawn and left out."""
    both = {"generated": findings.gathered.generated, "reference": findings.gathered.reference}
    columns = ("", "could be read", "measured", "notes", "length", "median length")
    tables = [Table(columns, tuple(_set_row(name, of_set) for name, of_set in both.items()))]
    left_out = tuple((name, *left) for name, of_set in both.items() for left in of_set.left_out)
    if left_out:
        tables.append(Table(("set", "file", "left out because"), left_out, "Left out"))
    faults = tuple(
        (p.piece.name, aspect, text)
        for of_set in both.values()
        for p in of_set.pieces
        for aspect, text in p.faults.items()
    )
    if faults:
        tables.append(Table(("piece", "aspect", "what went wrong"), faults, "Could not be measured"))
    tables += [
        Table(("file",), tuple((twin,) for twin in of_set.twins), f"Passed over in the {name} set", folded=True)
        for name, of_set in both.items()
        if of_set.twins
    ]
    tables += [
        Table(("piece",), tuple((left,) for left in of_set.not_drawn), f"Not drawn from the {name} set", folded=True)
        for name, of_set in both.items()
        if of_set.not_drawn
    ]
    return Section("The two sets", tables=tuple(tables))


def made(findings: Findings) -> Section:
    """The command, versions and seeds."""
    versions = ", ".join(f"{name} {version}" for name, version in findings.versions.items())
    items = (versions, wording.SEEDS.format(seed=findings.seed), wording.EVERYTHING)
    return Section("How this was made", items=items, code=findings.command)


def _usual_distance(typicality: Sequence[Typicality]) -> str:
    known = [t.distance for t in typicality if not math.isnan(t.distance)]
    if not known:
        return "the reference is too small to tell"
    low, middle, high = (number(float(x)) for x in np.percentile(known, [5, 50, 95]))
    return wording.USUAL_DISTANCE.format(low=low, middle=middle, high=high)


def _piece_row(measured: Measured, typicality: Typicality) -> tuple[Cell, ...]:
    reasons = ", ".join(f"{words(name)} ({signed(round(z, 1))})" for name, z in typicality.furthest(NUM_REASONS))
    return (
        measured.piece.name,
        number(typicality.distance),
        number(measured.num_notes),
        minutes(measured.seconds),
        reasons or DASH,
    )


def _ends(findings: Findings) -> Table:
    """The generated pieces at both ends of every single value."""
    rows: list[tuple[Cell, ...]] = []
    for line in findings.lines:
        values = [(_value(p, line), p.piece.name) for p in findings.gathered.generated.pieces]
        known = sorted(row for row in values if not math.isnan(row[0]))
        if len(known) > 1 and known[0][0] < known[-1][0]:
            ends = (f"{number(value)}: {name}" for value, name in (known[0], known[-1]))
            rows.append((words(line.metric.name), *ends))
    return Table(("", "least", "most"), tuple(rows), "The least and the most of everything", folded=True)


def _value(measured: Measured, line: Line) -> float:
    """What a piece has in a line; nan where nothing."""
    values = measured.adherence if line.aspect == PLANS else measured.values
    return float(values.get(line.metric.name, math.nan))


def _set_row(name: str, of_set: MeasuredSet) -> tuple[Cell, ...]:
    seconds, notes = (np.array([getattr(p, key) for p in of_set.pieces]) for key in ("seconds", "num_notes"))
    hours = float(np.nansum(seconds)) / 3600
    return (
        Said(name, of_set.source),
        f"{of_set.num_readable:,}",
        f"{len(of_set.pieces):,}",
        f"{np.nansum(notes):,.0f}",
        f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min",
        minutes(of_set.median_seconds),
    )
