"""How many subject entries of annotated fugues are found from the notes alone.

    python benchmarks/fugues.py [--misses]

Needs RITORNELLO_DATA with ``bach-fugues-annotated``. An entry counts if it begins within a quarter note of a coloured
one, and each counts once. The numbers in ``form/subjects.py`` were chosen on the Well-Tempered Clavier (the
rows ``wtc1``). The Art of Fugue (``aof``) is the test: it chose no number, though its figures were seen while the
method was written, and one mistake (a late first note that was worth as much as a shifted level) was found there.
Precision, recall and F are against the entries of the subject with which a fugue begins, the only one that is looked
for; the last column is against those of later subjects too. Intervals of 95 % draw whole fugues.

The colours are a typesetter's and not complete: ``--misses`` prints what was found without a colour and how like the
subject it is, and what was not found. The figures take the colours as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from ritornello.data.corpora.bach_fugues import AnnotatedFugue, annotated_fugues
from ritornello.evaluation.events import Hits, hits
from ritornello.evaluation.statistics import Estimate, Tally, rate
from ritornello.form.subjects import Entry, fugue_of

WITHIN_BEATS = 1.0
SURE = 0.8
"""Likeness from which an entry without a colour is counted as a likely omission."""


class Result(NamedTuple):
    """One fugue measured."""

    fugue: AnnotatedFugue
    entries: tuple[Entry, ...]
    first: Hits
    """Against the entries of the first subject."""
    every: Hits
    """Against all entries."""


def measured(fugue: AnnotatedFugue) -> Result:
    """Finds the entries of a fugue and compares them."""
    found = fugue_of(fugue.score)
    entries = found.entries if found else ()
    starts = [entry.start_beats for entry in entries]
    first = [span.start_beats for span in fugue.entries if span.is_first_subject]
    every = [span.start_beats for span in fugue.entries]
    return Result(fugue, entries, hits(starts, first, WITHIN_BEATS), hits(starts, every, WITHIN_BEATS))


def table(results: Sequence[Result]) -> list[str]:
    """One line a fugue, one for each collection."""
    lines = [
        "| fugue | coloured | found | precision | recall | F | F of all subjects |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        one = result.first
        cells = (one.true, one.found, *(f"{x:.2f}" for x in (one.precision, one.recall, one.f_measure)))
        lines.append(f"| {result.fugue.id} | " + " | ".join(map(str, cells)) + f" | {result.every.f_measure:.2f} |")
    for name, prefix in (("wtc1, fitted on", "wtc1"), ("aof, test", "aof")):
        own = [result for result in results if result.fugue.id.startswith(prefix)]
        lines.append(f"| **{name}** | " + " | ".join(_total(own)) + " |")
    return lines


def misses(result: Result) -> list[str]:
    """What was found without a colour, and what was not found, of the first subject."""
    coloured = [span for span in result.fugue.entries if span.is_first_subject]
    lines = [
        f"  no colour: {entry.start_beats:g}-{entry.end_beats:g} {entry.level}"
        f"{' inverted' if entry.inverted else ''} x{entry.time_scale:g}, likeness {entry.likeness:.2f}"
        for entry in _alone(result)
    ]
    starts = [entry.start_beats for entry in result.entries]
    lines += [
        f"  not found: {span.start_beats:g}-{span.end_beats:g} {span.voice} {span.kind}"
        for span in coloured
        if not hits(starts, [span.start_beats], WITHIN_BEATS).hits
    ]
    return [result.fugue.id, *lines] if lines else []


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--misses", action="store_true", help="print every disagreement")
    arguments = parser.parse_args()
    results = [measured(fugue) for fugue in annotated_fugues()]
    print("\n".join(table(results)))
    alone = [(result.fugue.id, entry) for result in results for entry in _alone(result)]
    sure = sum(entry.likeness >= SURE for _, entry in alone)
    crumbs = sum(result.fugue.num_crumbs for result in results)
    print(f"\nfound without a colour: {len(alone)}, of them {sure} with a likeness of {SURE:g} or more")
    print(f"coloured spans left out as crumbs: {crumbs}")
    if arguments.misses:
        print("\n".join(line for result in results for line in misses(result)))


def _alone(result: Result) -> list[Entry]:
    coloured = [span.start_beats for span in result.fugue.entries]
    return [e for e in result.entries if not hits([e.start_beats], coloured, WITHIN_BEATS).hits]


def _total(results: Sequence[Result]) -> list[str]:
    firsts = [result.first for result in results]
    every = [result.every for result in results]
    return [
        str(sum(one.true for one in firsts)),
        str(sum(one.found for one in firsts)),
        _interval(rate(Tally([one.hits for one in firsts], [one.found for one in firsts]))),
        _interval(rate(Tally([one.hits for one in firsts], [one.true for one in firsts]))),
        _interval(rate(Tally([2 * one.hits for one in firsts], [one.found + one.true for one in firsts]))),
        _interval(rate(Tally([2 * one.hits for one in every], [one.found + one.true for one in every]))),
    ]


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f}-{estimate.high:.2f})"


if __name__ == "__main__":
    main()
