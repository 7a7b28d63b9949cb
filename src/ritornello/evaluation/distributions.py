"""How far the distribution of one feature over generated pieces overlaps that over real ones.

Three lists of distances say it (``densities.py``): within the reference, within the generated set, and between the
two. The main figure, as in the field, is the overlap of the distances between the sets with those within the
reference. High overlap is no proof: it compares distances, not pieces, and depends on the number of pieces, so two
more figures stand beside it. ``spread`` compares the distances within the generated pieces with those within the
reference, and is near 0 when the generated pieces are all alike, whichever they are. ``ceiling`` is what real pieces
reach against real ones.

**Conventions**

* A piece whose feature is not finite throughout is left out of that feature, and counted in a note.
* Below ``FEWEST_PIECES`` in either set nothing is said: all figures are nan.
* Intervals are for the expectation of the figure over pairs of sets *of these sizes*: what another run of the same
  systems and another choice of real pieces would give. It is not what infinitely many pieces would give: two halves of
  one corpus would then overlap by 1, and the ceiling shows how far they stay below (``jackknife.py``).

**Source.** Yang and Lerch as in ``densities.py``.

Shapes: P and Q pieces, D values of a feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ritornello.errors import UserError
from ritornello.evaluation.densities import (
    Overlap,
    all_equal,
    overlap,
    pairwise,
    usual_overlap,
    within,
)
from ritornello.evaluation.jackknife import estimates
from ritornello.evaluation.metric import Value
from ritornello.evaluation.statistics import Estimate
from ritornello.evaluation.timeline import FloatArray
from ritornello.scores.score import IntArray

FEWEST_PIECES = 3
MOST_PIECES = 2000
NUM_HALVINGS = 10
_NO_OVERLAP = Overlap(np.nan, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One feature of two sets of pieces."""

    num_generated: int
    """Pieces that have the feature."""
    num_reference: int
    usual: Overlap
    """Of the distances between the sets with those within the reference, as the field's tool computes it."""
    area: Estimate
    """The same overlapping area, corrected, with its interval; ``num_pieces`` is that of the smaller set."""
    divergence_nats: Estimate
    """KLD of the distances between the sets from those within the reference, corrected."""
    spread: Overlap
    """Of the distances within the generated set with those within the reference, corrected."""
    within_generated: FloatArray
    within_reference: FloatArray
    between: FloatArray
    notes: tuple[str, ...] = ()
    """What a reader must know, in plain sentences."""


class Spread(NamedTuple):
    """Mean and standard deviation over random halvings."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class Ceiling:
    """What halves of the sets give: their figures have the noise of half as many pieces."""

    num_pieces: int
    """In each half."""
    num_halvings: int
    usual_area: Spread
    usual_divergence_nats: Spread
    area: Spread
    divergence_nats: Spread
    between: FloatArray
    """Distances from one half to the other, of the first halving."""
    notes: tuple[str, ...] = ()


def compare(generated: Sequence[Value], reference: Sequence[Value]) -> Comparison:
    """Sets one feature of generated pieces beside that of real ones.

    Args:
        generated: the feature of each piece, a number or an array; all of one shape. nan where it has none.
        reference: the same of the real pieces.

    Raises:
        UserError: a set has more than ``MOST_PIECES`` pieces.
    """
    ours_PD, theirs_QD = _table(generated, "generated"), _table(reference, "reference")
    notes = [*_left_out(generated, ours_PD, "generated"), *_left_out(reference, theirs_QD, "real")]
    if min(len(ours_PD), len(theirs_QD)) < FEWEST_PIECES:
        return _nothing(len(ours_PD), len(theirs_QD), notes)
    generated_PP, reference_QQ = pairwise(ours_PD, ours_PD), pairwise(theirs_QD, theirs_QD)
    between_PQ = pairwise(ours_PD, theirs_QD)
    ours, theirs, across = within(generated_PP), within(reference_QQ), between_PQ.ravel()
    usual = usual_overlap(theirs, across)
    oa, kld, more = estimates(reference_QQ, between_PQ)
    return Comparison(
        num_generated=len(ours_PD),
        num_reference=len(theirs_QD),
        usual=usual,
        area=oa,
        divergence_nats=kld,
        spread=overlap(theirs, ours),
        within_generated=ours,
        within_reference=theirs,
        between=across,
        notes=(*notes, *_about_usual(usual, theirs, across), *more),
    )


def ceiling(
    reference: Sequence[Value], generated: Sequence[Value] | None = None, *, seed: int = 0, halvings: int = NUM_HALVINGS
) -> Ceiling:
    """Real against real: one random half of the reference against the other, several times.

    Args:
        reference: the feature of each real piece; nan where it has none.
        generated: if given, as many of these, drawn anew each time, take the place of the second half. Figures of the
            whole sets must not be set beside the ceiling, since half as many pieces overlap less; these may.
        seed: of the halvings, which are the same with and without ``generated``.
        halvings: how many.

    Raises:
        UserError: a set has more than ``MOST_PIECES`` pieces.
    """
    theirs_QD = _table(reference, "reference")
    others_PD = theirs_QD if generated is None else _table(generated, "generated")
    notes = _left_out(reference, theirs_QD, "real")
    if generated is not None:
        notes += _left_out(generated, others_PD, "generated")
    half = min(len(theirs_QD) // 2, len(others_PD))
    if half < FEWEST_PIECES:
        nothing = Spread(np.nan, np.nan)
        pieces = "1 piece" if half == 1 else f"{half} pieces"
        notes.append(f"Halves of {pieces} say nothing; at least {FEWEST_PIECES} are needed.")
        return Ceiling(half, 0, nothing, nothing, nothing, nothing, np.zeros(0), tuple(notes))
    reference_QQ, across_QP = pairwise(theirs_QD, theirs_QD), pairwise(theirs_QD, others_PD)
    usual: list[Overlap] = []
    corrected: list[Overlap] = []
    first_between = np.zeros(0)
    random = np.random.default_rng((seed, 1))
    for number, (one, second) in enumerate(_halves(len(theirs_QD), half, seed, halvings)):
        other = second if generated is None else random.permutation(len(others_PD))[:half]
        inside, across = within(reference_QQ[np.ix_(one, one)]), across_QP[np.ix_(one, other)].ravel()
        usual.append(usual_overlap(inside, across))
        corrected.append(overlap(inside, across))
        first_between = first_between if number else across
    return Ceiling(
        half, halvings, *_spreads(usual), *_spreads(corrected), first_between, tuple(notes + _failures(usual))
    )


def _table(values: Sequence[Value], name: str) -> FloatArray:
    """The flattened features of the pieces that have one (P, D)."""
    if len(values) > MOST_PIECES:
        limit = f"{MOST_PIECES:,} pieces"
        raise UserError("too many pieces to compare all pairs", where=name, limit=limit, mend="draw fewer at random")
    rows = [np.ravel(np.asarray(value, dtype=np.float64)) for value in values]
    kept = [row for row in rows if np.isfinite(row).all()]
    return np.stack(kept) if kept else np.zeros((0, 1))


def _left_out(values: Sequence[Value], table_PD: FloatArray, name: str) -> list[str]:
    count = len(values) - len(table_PD)
    return [f"{count} of {len(values)} {name} pieces have no value of this feature and are left out."] if count else []


def _nothing(num_generated: int, num_reference: int, notes: list[str]) -> Comparison:
    sizes = f"{num_generated} generated and {num_reference} real pieces"
    notes = [*notes, f"Nothing can be said of {sizes}: each set needs at least {FEWEST_PIECES}."]
    nothing, empty = Estimate(np.nan, np.nan, np.nan, min(num_generated, num_reference)), np.zeros(0)
    return Comparison(
        num_generated, num_reference, _NO_OVERLAP, nothing, nothing, _NO_OVERLAP, empty, empty, empty, tuple(notes)
    )


def _about_usual(usual: Overlap, inside: FloatArray, across: FloatArray) -> list[str]:
    lists = (("within the reference", inside), ("between the sets", across))
    equal = [name for name, distances in lists if all_equal(distances)]
    if equal:
        return [f"The usual tool fails here: all distances {' and '.join(equal)} are equal, its density is singular."]
    return _failures([usual])


def _failures(usual: Sequence[Overlap]) -> list[str]:
    failed = sum(not np.isfinite(figures.divergence_nats) for figures in usual)
    return [f"The usual KLD is not finite in {failed} of {len(usual)} comparisons."] if failed else []


def _halves(count: int, half: int, seed: int, halvings: int) -> list[tuple[IntArray, IntArray]]:
    """Two sets of ``half`` different pieces each, drawn anew each time."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(count) for _ in range(halvings)]
    return [(order[:half], order[half : 2 * half]) for order in orders]


def _spreads(figures: Sequence[Overlap]) -> tuple[Spread, Spread]:
    table = np.array(figures)
    table = np.where(np.isfinite(table), table, np.nan)
    area_, divergence_ = (Spread(float(column.mean()), float(column.std(ddof=1))) for column in table.T)
    return area_, divergence_
