"""The gist of a report, for a terminal: its headlines, warnings, and what differs most."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ritornello.evaluation.report.findings import Findings
from ritornello.evaluation.report.page import Page
from ritornello.evaluation.report.written_numbers import figure, words

NUM_SHOWN = 8
"""Metrics that differ most."""


def summary_of(findings: Findings, page: Page) -> str:
    """A few lines of plain text."""
    return "\n".join(_lines(findings, page))


def _lines(findings: Findings, page: Page) -> Iterator[str]:
    yield page.title
    yield page.subtitle
    yield ""
    yield from (f"{headline.figure}  {headline.meaning}" for headline in page.headlines)
    known = [line for line in findings.own_lines if not math.isnan(line.deviations.value)]
    furthest = sorted(known, key=lambda line: -abs(line.deviations.value))[:NUM_SHOWN]
    if furthest:
        rows: list[tuple[str, ...]] = [("differs most", "generated", "reference", "deviations")]
        for line in furthest:
            cells = (figure(line.generated), figure(line.reference), figure(line.deviations, signs=True))
            rows.append((words(line.metric.name), *map(" ".join, cells)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield ""
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if page.careful:
        yield ""
        yield "To be careful about:"
        yield from (f"* {item}" for item in page.careful)
