"""Which window of a piece is learned from: pure functions of (length, window, context, place).

A piece of ``length`` ids has ``length - 1`` targets: every id but the first, which is given. A
segment is a run of ids of which the last ``window`` are targets, and the ``context + 1`` before them
are only heard; near the border of a piece it has fewer of either. A scheme says how many segments a
piece has (its *places*) and which one stands at each place. A loader that draws evenly among all
places of all pieces is then fair in a way that can be stated exactly; M is ``context + window``.

* ``random_start``: the targets are a window laid anywhere over the piece, its ends hanging over the
  borders of the piece included and cut off there. **Every target of every piece is equally likely**,
  and equally often at each distance from the start of its window, as far as the piece's beginning
  allows.
* ``effective``: every target is equally likely to be the *last* of its segment, which reaches as far
  left as M or the piece allows (PerceiverS, arXiv 2411.08307: random end, full left
  context). Targets are equally likely too, but for the last ``window`` of a piece, of which the k-th
  from the end is drawn k / ``window`` as often.
* ``cropped``: whole segments of M + 1 ids only, each equally likely (PerceiverS's baseline:
  random start). **The first ``context`` targets of a piece are never learned from.** The k-th of the
  others, and the k-th from the end, stand in k segments at most, and no target in more than
  ``window``: beginnings and ends are rare. A piece with fewer than M targets is one segment, of
  which the last ``window`` are learned from.

Whole pieces from left to right are in ``streams.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Segment(NamedTuple):
    """Ids ``start`` to ``stop`` of a piece; those from ``scored_from`` on are targets, the others only heard."""

    start: int
    scored_from: int
    stop: int


class Segmentation(NamedTuple):
    """``places(length, window, context)``: how many segments there are; ``segment(..., place)``: one of them."""

    places: Callable[[int, int, int], int]
    segment: Callable[[int, int, int, int], Segment]


def random_start_places(length: int, window: int, context: int) -> int:  # noqa: ARG001  # one signature for all schemes
    """Every way to lay a window over at least one target."""
    return length - 1 + window - 1 if length > 1 else 0


def random_start(length: int, window: int, context: int, place: int) -> Segment:
    """The window whose last target would be number ``place`` + 1 (counted from 1), cut to the piece."""
    return _cut(length, window, context, last_target=place + 1)


def effective_places(length: int, window: int, context: int) -> int:  # noqa: ARG001  # one signature for all schemes
    """One for every target."""
    return max(0, length - 1)


def effective(length: int, window: int, context: int, place: int) -> Segment:
    """The segment that ends with target number ``place`` + 1 (counted from 1)."""
    return _cut(length, window, context, last_target=place + 1)


def cropped_places(length: int, window: int, context: int) -> int:
    """One for every id at which a whole segment can start, at least one."""
    return max(1, length - window - context) if length > 1 else 0


def cropped(length: int, window: int, context: int, place: int) -> Segment:
    """The whole segment that starts with id number ``place`` (counted from 0)."""
    return _cut(length, window, context, last_target=min(length - 1, place + window + context))


def _cut(length: int, window: int, context: int, last_target: int) -> Segment:
    """Targets up to ``last_target``, with what stands before them."""
    scored_from = max(1, last_target - window + 1)
    return Segment(max(0, last_target - window - context), scored_from, min(length, last_target + 1))


SEGMENTATIONS: dict[str, Segmentation] = {
    "random_start": Segmentation(random_start_places, random_start),
    "effective": Segmentation(effective_places, effective),
    "cropped": Segmentation(cropped_places, cropped),
}
"""What a training run can choose from."""
