"""Two sets, from folders to measured pieces: found, looked into, drawn down to one size, measured the same way.

**Conventions**

* Sets of unequal size are made equal by drawing from the larger one, since the overlap of distances depends on size; a
  set of one piece is set against the whole other one. No set keeps more than ``MOST_PIECES``.
* If any piece of either set is a performance, all are measured as performances, in seconds: figures in beats and
  figures in seconds cannot stand side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

from ritornello.errors import UserError
from ritornello.evaluation.distributions import MOST_PIECES
from ritornello.evaluation.report.measuring import Measured, Order, measure, over_workers
from ritornello.evaluation.report.sets import Found, LeftOut, Look, Piece, drawn, find_pieces, look_into, printable

Progress: TypeAlias = Callable[[int, int], None]
Stage: TypeAlias = Callable[[str], AbstractContextManager[Progress]]
"""Begins a stage of the work by its name; what it yields is told how many of how many are done."""
_DIED = "the process that read it died: too much memory, or a fault in its reader"


@dataclass(frozen=True, slots=True)
class MeasuredSet:
    """One of the two sets."""

    source: str
    """As the user named it."""
    pieces: tuple[Measured, ...]
    left_out: tuple[LeftOut, ...]
    """What could not be read."""
    twins: tuple[str, ...]
    """Files passed over, as their piece stands beside them in another format."""
    not_drawn: tuple[str, ...]
    """Names of pieces that could be read, but were not drawn."""
    performances: tuple[str, ...]
    """Names of those among all readable pieces that are no written music."""
    num_readable: int
    repeated: int
    """How many measured files are equal, byte for byte, to another of this set before them."""

    @property
    def median_seconds(self) -> float:
        """Of the pieces that could be measured; nan without any."""
        known = [piece.seconds for piece in self.pieces if not math.isnan(piece.seconds)]
        return median(known) if known else math.nan


@dataclass(frozen=True, slots=True)
class Gathered:
    """Both sets, measured the same way."""

    generated: MeasuredSet
    reference: MeasuredSet
    written: bool
    """Whether all pieces have bars, and were measured by them."""
    shared: int
    """How many generated files stand in the reference too, byte for byte."""

    @property
    def mixed(self) -> bool:
        """Whether performances and written music were measured together."""
        sets = (self.generated, self.reference)
        return 0 < sum(len(s.performances) for s in sets) < sum(s.num_readable for s in sets)


def gather(
    generated: Path, reference: Path, seed: int, workers: int, stage: Stage, *, index: Path | None = None
) -> Gathered:
    """Measures both; where there is the folder of an index, copies are looked for in it.

    Raises:
        UserError: one of them holds no piece that can be read.
    """
    sources = (generated, reference)
    found = [find_pieces(source) for source in sources]
    with stage("files read") as show:
        looks = _look(found, workers, show)
    readable = [[look for look in of_set if not look.reason] for of_set in looks]
    for source, of_set, sound in zip(sources, looks, readable, strict=True):
        if not sound:
            raise UserError(
                _none_readable(source, of_set),
                where=str(source),
                mend="name sound files",
            )
    taken = _drawn_alike(readable, seed)
    written = all(look.written for of_set in readable for look in of_set)
    with stage("pieces measured") as show:
        orders = [[Order(look.piece, written, index) for look in of_set] for of_set in taken]
        measured = _measure(orders, workers, show)
    sets = [_set(*parts) for parts in zip(sources, found, looks, taken, measured, strict=True)]
    ours, theirs = ({look.sha256 for look in of_set} for of_set in taken)
    return Gathered(sets[0], sets[1], written, len(ours & theirs))


def _look(found: list[Found], workers: int, show: Progress) -> list[list[Look]]:
    """Looks into every file of both sets, in the order of their pieces."""
    jobs = [piece for of_set in found for piece in of_set.pieces]
    looks = {look.piece: look for look in over_workers(look_into, jobs, workers, _unreadable, show)}
    return [[looks[piece] for piece in of_set.pieces] for of_set in found]


def _none_readable(source: Path, looks: list[Look]) -> str:
    if len(looks) > 1:
        return f"none of its {len(looks):,} files can be read; the first: {looks[0].reason}"
    return f"{'cannot' if source.is_file() else 'its only file of music cannot'} be read: {looks[0].reason}"


def _unreadable(piece: Piece) -> Look:
    return Look(piece, reason=_DIED)


def _drawn_alike(readable: list[list[Look]], seed: int) -> list[list[Look]]:
    """The looks of the pieces to be measured, of both sets."""
    smaller = min(map(len, readable))
    count = min(smaller, MOST_PIECES) if smaller > 1 else MOST_PIECES
    return [drawn(of_set, count, seed) for of_set in readable]


def _measure(orders: list[list[Order]], workers: int, show: Progress) -> list[list[Measured]]:
    """Measures the pieces of both sets, in their order; the longest files first, so that no worker ends late."""
    jobs = sorted((order for of_set in orders for order in of_set), key=lambda order: -order.piece.path.stat().st_size)
    results = {measured.piece: measured for measured in over_workers(measure, jobs, workers, _unmeasured, show)}
    return [[results[order.piece] for order in of_set] for of_set in orders]


def _unmeasured(order: Order) -> Measured:
    return Measured(order.piece, faults={"notes": "the process that measured it died"})


def _set(source: Path, found: Found, looks: list[Look], taken: list[Look], measured: list[Measured]) -> MeasuredSet:
    names = {look.piece for look in taken}
    readable = [look for look in looks if not look.reason]
    unreadable = [LeftOut(look.piece.name, look.reason) for look in looks if look.reason]
    return MeasuredSet(
        printable(str(source)),
        tuple(measured),
        tuple(unreadable),
        found.twins,
        tuple(look.piece.name for look in readable if look.piece not in names),
        tuple(look.piece.name for look in readable if not look.written),
        len(readable),
        len(taken) - len({look.sha256 for look in taken}),
    )
