"""What a report says of two sets as wholes: distributions, single values, copying, plans.

Every figure comes from ``Findings``; none is made here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from ritornello.evaluation.report import wording
from ritornello.evaluation.report.careful import careful
from ritornello.evaluation.report.comparing import COPYING, PLANS, Line
from ritornello.evaluation.report.features import Feature, mean_area, mean_at_half, mean_ceiling
from ritornello.evaluation.report.findings import Findings
from ritornello.evaluation.report.gathering import MeasuredSet
from ritornello.evaluation.report.page import Cell, Headline, Page, Picture, Said, Section, Table
from ritornello.evaluation.report.pictures import Drawn
from ritornello.evaluation.report.pieces import made, picture_sections, pieces, sets
from ritornello.evaluation.report.written_numbers import (
    bar,
    count,
    figure,
    meaning,
    minutes,
    number,
    over_halves,
    signed,
    spread,
    words,
)

TIMES, BLIND = "\N{MULTIPLICATION SIGN} ", " \N{DAGGER}"
"""Before a ratio; behind what need not tell a loop from music."""
NUM_COPIES = 5
"""The longest copies that are named."""


def page_of(findings: Findings, distributions: Picture | None, drawn: Sequence[Drawn]) -> Page:
    """The whole report."""
    ours, theirs = findings.gathered.generated, findings.gathered.reference
    kind = "written music, by its bars" if findings.gathered.written else "performances, in seconds"
    sizes = f"{count(len(ours.pieces), 'generated piece')} and {count(len(theirs.pieces), 'real one')}"
    sections = [
        _distributions(findings, distributions),
        _single_values(findings),
        *_copying(findings),
        *_plans(findings),
        pieces(findings),
        *picture_sections(drawn),
        sets(findings),
        made(findings),
    ]
    return Page(
        f"{_short(ours.source, theirs.source)} beside {_short(theirs.source, ours.source)}",
        f"{sizes}, all measured as {kind}",
        tuple(_headlines(findings)),
        tuple(careful(findings, drawn)),
        tuple(sections),
    )


def _short(source: str, other: str) -> str:
    """The last name of a path, or all of it where the other's last name is the same."""
    return source if Path(source).name in {Path(other).name, ""} else Path(source).name


def _headlines(findings: Findings) -> Iterator[Headline]:
    half, real = mean_at_half(findings.features), mean_ceiling(findings.features)
    if not math.isnan(half):
        meaning = "overlapping area with one half of the reference, mean over features; the other half of it reaches "
        yield Headline(number(half), meaning + number(real))
    known = [line for line in findings.own_lines if not math.isnan(line.difference.low)]
    if known:
        apart = sum(line.differs for line in known)
        by_chance = findings.num_by_chance
        chance = (
            "of so few pieces many do by chance alone"
            if math.isnan(by_chance)
            else f"about {by_chance:.0f} would by chance alone"
        )
        yield Headline(f"{apart} of {len(known)}", f"single values whose means differ beyond their interval; {chance}")
    ranked = findings.by_typicality
    if ranked:
        yield Headline(ranked[0].piece.name, "most like the reference, over all single values")
        yield Headline(ranked[-1].piece.name, "least like the reference")


def _distributions(findings: Findings, picture: Picture | None) -> Section:
    """The thirteen features."""
    every, some = (number(mean_area(findings.features, degenerate=with_them)) for with_them in (True, False))
    half, real = number(mean_at_half(findings.features)), number(mean_ceiling(findings.features))
    means = wording.MEANS.format(every=every, some=some, half=half, real=real)
    columns = (
        "",
        "overlapping area",
        "with one half",
        "real with real",
        "divergence",
        "within generated",
        "usual form",
    )
    notes = tuple(
        (words(feature.metric.name), " ".join(feature.notes)) for feature in findings.features if feature.notes
    )
    tables = [Table(columns, tuple(_feature_row(feature) for feature in findings.features))]
    if notes:
        tables.append(Table(("", "to be known of it"), notes, "Notes on features"))
    return Section(
        "Thirteen features as distributions",
        (wording.DISTRIBUTIONS, wording.HALVES, wording.OTHER_COLUMNS, means),
        tables=tuple(tables),
        pictures=(picture,) if picture else (),
    )


def _feature_row(feature: Feature) -> tuple[Cell, ...]:
    compared = feature.compared
    return (
        Said(words(feature.metric.name), meaning(feature.metric)),
        figure(compared.area),
        bar(feature.half.area, feature.real.area.mean),
        over_halves(feature.real.area),
        figure(compared.divergence_nats),
        number(compared.spread.area),
        f"{number(compared.usual.area)} / {number(compared.usual.divergence_nats)}",
    )


def _single_values(findings: Findings) -> Section:
    """A table for each aspect."""
    by_aspect = groupby(findings.own_lines, key=lambda line: line.aspect)
    tables = tuple(_lines_table(list(group), aspect.capitalize()) for aspect, group in by_aspect)
    return Section("Single values", (wording.SINGLE_VALUES,), tables=tables)


def _lines_table(lines: Sequence[Line], title: str = "") -> Table:
    columns = ("", "generated", "reference", "ratio or difference", "difference in deviations")
    return Table(columns, tuple(_line_row(line) for line in lines), title)


def _line_row(line: Line) -> tuple[Cell, ...]:
    has_ratio = not math.isnan(line.ratio.value)
    return (
        Said(words(line.metric.name) + (BLIND if line.is_blind else ""), meaning(line.metric)),
        figure(line.generated),
        figure(line.reference),
        figure(line.ratio, before=TIMES) if has_ratio else figure(line.difference, signs=True),
        spread(line.deviations),
    )


def _copying(findings: Findings) -> Iterator[Section]:
    """What both sets share with the training corpus, and the longest copies."""
    lines = [line for line in findings.lines if line.aspect == COPYING]
    if lines:
        text = wording.COPYING.format(training=findings.training)
        tables = (_lines_table(lines), *_copies(findings.gathered.generated))
        yield Section("Copying", (text,), tables=tables)


def _copies(generated: MeasuredSet) -> Iterator[Table]:
    """The longest copies found in generated pieces."""
    found = [(p.copy.num_notes, p.piece.name, p.copy) for p in generated.pieces if p.copy]
    rows = tuple(
        (
            name,
            f"{notes:,}",
            f"{minutes(copy.start_seconds)} to {minutes(copy.stop_seconds)}",
            copy.training_piece,
            f"{minutes(copy.training_start_seconds)} to {minutes(copy.training_stop_seconds)}",
            signed(copy.semitones),
        )
        for notes, name, copy in sorted(found, key=lambda row: (-row[0], row[1]))[:NUM_COPIES]
    )
    if rows:
        columns = ("generated piece", "notes", "at", "stands in", "there at", "semitones")
        yield Table(columns, rows, "The longest copies, in any key")


def _plans(findings: Findings) -> Iterator[Section]:
    """Adherence of pieces that have a plan beside them."""
    lines = [line for line in findings.lines if line.aspect == PLANS]
    if lines:
        both = (findings.gathered.generated, findings.gathered.reference)
        ours, theirs = (sum(bool(p.adherence) for p in of_set.pieces) for of_set in both)
        text = wording.PLANS.format(ours=count(ours, "generated piece"), theirs=count(theirs, "piece"))
        alone = tuple((Said(words(one.metric.name), meaning(one.metric)), figure(one.generated)) for one in lines)
        table = _lines_table(lines) if theirs else Table(("", "generated"), alone)
        yield Section("Plans", (text,), tables=(table,))
