"""What a reader of a report must know before any figure: all that makes its figures say less than they seem to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ritornello.evaluation.distributions import MOST_PIECES
from ritornello.evaluation.report.comparing import Line
from ritornello.evaluation.report.features import Feature
from ritornello.evaluation.report.findings import Findings
from ritornello.evaluation.report.gathering import Gathered, MeasuredSet
from ritornello.evaluation.report.pictures import Drawn
from ritornello.evaluation.report.written_numbers import count, minutes, words
from ritornello.evaluation.statistics import ENOUGH_PIECES

OTHER_LENGTH = 1.5
"""Ratio of median lengths from which on it is said that many values go with length."""
NUM_NAMES = 8


def careful(findings: Findings, drawn: Sequence[Drawn]) -> Iterator[str]:
    """One sentence or two for each thing, the gravest first."""
    gathered = findings.gathered
    both = (("generated", gathered.generated), ("reference", gathered.reference))
    yield from _same_files(gathered)
    for name, of_set in both:
        yield from _size(name, of_set, findings.seed)
    yield from _unequal(gathered)
    yield from _mixed(gathered)
    for name, of_set in both:
        yield from _losses(name, of_set)
    undrawn = [f"{d.name} ({d.fault})" for d in drawn if d.fault]
    if undrawn:
        yield f"Pictures that could not be drawn: {_some(undrawn)}."
    yield from _lengths(gathered)
    yield from _degenerate(findings.features)
    yield from _chance(findings)
    yield from _blind(findings.own_lines)
    for name, of_set in both:
        yield from _loudness(name, of_set)
    yield from _rare(findings)


def _same_files(gathered: Gathered) -> Iterator[str]:
    if gathered.shared:
        same = count(gathered.shared, "generated file stands", "generated files stand")
        yield f"{same} in the reference too, byte for byte: the sets look more alike than they are."


def _size(name: str, of_set: MeasuredSet, seed: int) -> Iterator[str]:
    size = len(of_set.pieces)
    if size == 1:
        yield (
            f"The {name} set is a single piece: its values have no interval, and nothing is known of how much such "
            "pieces vary."
        )
    elif size < ENOUGH_PIECES:
        yield (
            f"The {name} set has only {size} pieces: intervals over so few are too narrow, and the densities of "
            "distances mostly show their own smoothing."
        )
    if of_set.twins:
        again = count(len(of_set.twins), "file is", "files are")
        yield f"{again} passed over in the {name} set: the same piece stands beside it in a format that says more."
    if of_set.not_drawn:
        limit = f"no set keeps more than {MOST_PIECES:,}" if size == MOST_PIECES else "for equal sizes"
        yield (
            f"{size:,} of the {of_set.num_readable:,} readable pieces of the {name} set were drawn at random with "
            f"seed {seed} ({limit}); the others are named below."
        )
    if of_set.repeated:
        again = count(of_set.repeated, "file is", "files are")
        yield (
            f"{again} in the {name} set the same, byte for byte, as another one of it: it is smaller than it looks, "
            "and its intervals are too narrow."
        )


def _unequal(gathered: Gathered) -> Iterator[str]:
    ours, theirs = len(gathered.generated.pieces), len(gathered.reference.pieces)
    if ours != theirs:
        yield (
            f"{count(ours, 'generated piece')} beside {theirs:,} of the reference: the overlap of distances depends on "
            "size, and is not to be set beside one of other sizes."
        )


def _mixed(gathered: Gathered) -> Iterator[str]:
    if gathered.mixed:
        performances = [*gathered.generated.performances, *gathered.reference.performances]
        yield (
            "Performances and written music stand together: all were measured as performances, in seconds, and what "
            f"needs bars was left out. Performances: {_some(performances)}."
        )


def _losses(name: str, of_set: MeasuredSet) -> Iterator[str]:
    if of_set.left_out:
        names = _some([left.name for left in of_set.left_out])
        yield (
            f"{count(len(of_set.left_out), 'file')} of the {name} set left out: {names}. The reasons stand below, "
            "under the two sets."
        )
    faults = [f"{piece.piece.name} ({', '.join(piece.faults)})" for piece in of_set.pieces if piece.faults]
    if faults:
        yield f"Pieces of the {name} set that could not be measured in everything, and miss there: {_some(faults)}."


def _lengths(gathered: Gathered) -> Iterator[str]:
    ours, theirs = gathered.generated.median_seconds, gathered.reference.median_seconds
    if min(ours, theirs) > 0 and max(ours, theirs) / min(ours, theirs) >= OTHER_LENGTH:
        yield (
            f"Generated pieces last {minutes(ours)}, those of the reference {minutes(theirs)} (medians). Many values "
            "go with length: how many pitches are used, what returns after a minute, how like itself a piece is."
        )


def _degenerate(features: Sequence[Feature]) -> Iterator[str]:
    names = [words(feature.metric.name) for feature in features if feature.degenerate]
    if names:
        yield (
            f"Features that hardly vary, so that their overlap says little: {_some(names)}. The mean without them "
            "stands beside the mean of all."
        )


def _chance(findings: Findings) -> Iterator[str]:
    known = sum(not math.isnan(line.difference.low) for line in findings.own_lines)
    by_chance = findings.num_by_chance
    if known and math.isnan(by_chance):
        yield (
            f"{known} single values are compared, each with its own interval. Between two sets of the same kind, of so "
            "few pieces, more than one in twenty would differ by chance alone: of two and two pieces, three in ten."
        )
    elif by_chance > 1:
        yield (
            f"{known} single values are compared, each with its own 95 % interval: about {by_chance:.0f} "
            "would differ by chance alone between two sets of the same kind."
        )


def _blind(lines: Sequence[Line]) -> Iterator[str]:
    blind = sum(line.is_blind for line in lines)
    if blind:
        yield (
            f"{blind} of {count(len(lines), 'single value')} bear a dagger: by their definition they need not tell a "
            "piece from its first 30 seconds looped, and are no evidence that music holds together."
        )


def _loudness(name: str, of_set: MeasuredSet) -> Iterator[str]:
    level = sum(piece.values.get("velocity_spread") == 0 for piece in of_set.pieces)
    if level:
        yield (
            f"In {level:,} of the {len(of_set.pieces):,} measured pieces of the {name} set all notes are equally loud: "
            "where nobody wrote or played how loud they are, the figures of velocity are those of a default."
        )


def _rare(findings: Findings) -> Iterator[str]:
    generated, reference = zip(*((line.generated, line.reference) for line in findings.own_lines), strict=True)
    for pieces, estimates in (("generated pieces", generated), ("pieces of the reference", reference)):
        most = max(estimate.num_pieces for estimate in estimates)
        rare = [
            f"{words(line.metric.name)} ({estimate.num_pieces})"
            for line, estimate in zip(findings.own_lines, estimates, strict=True)
            if estimate.num_pieces < most / 2
        ]
        if rare:
            yield f"Values that less than half of the {pieces} have, and how many have them: {_some(rare)}."


def _some(names: Sequence[str]) -> str:
    """The first few of many."""
    more = len(names) - NUM_NAMES
    return ", ".join(names[:NUM_NAMES]) + (f" and {more:,} more" if more > 0 else "")
