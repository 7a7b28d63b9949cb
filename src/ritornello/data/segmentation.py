"""Which window of a piece is learned from: pure functions of (length, window, place).

A piece of ``length`` ids has ``length - 1`` targets: every id but the first, which is given. A
segment is a run of ids of which all but the first are targets, at most ``window`` of them. A scheme
says how many segments a piece has (its *places*) and which one stands at each place. A loader that
draws evenly among all places of all pieces is then fair in a way that can be stated exactly.

* ``random_start``: a window laid anywhere over the piece, its ends hanging over the borders of the
  piece included and cut off there. **Every target of every piece is equally likely**, and equally
  often at each distance from the start of its window, as far as the piece's beginning allows.
* ``effective``: every target is equally likely to be the *last* of its window, which reaches as far
  left as the window or the piece allows (PerceiverS, arXiv 2411.08307: random end, full left
  context). Targets are equally likely too, but for the last ``window`` of a piece, of which the k-th
  from the end is drawn k / ``window`` as often.
* ``streamed``: a whole piece from left to right, for evaluation and for models that carry a state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Segment(NamedTuple):
    """Ids ``start`` to ``stop`` of a piece; the first is context only, the others are targets.

    ``missing`` is by how many ids the segment falls short of a full window: what a model that wants
    its last target at a fixed position has to pad on the left.
    """

    start: int
    stop: int
    missing: int


class Segmentation(NamedTuple):
    """``places(length, window)``: how many segments there are; ``segment(length, window, place)``: one of them."""

    places: Callable[[int, int], int]
    segment: Callable[[int, int, int], Segment]


def random_start_places(length: int, window: int) -> int:
    """Every way to lay a window over at least one target."""
    return max(0, length - 1 + window - 1)


def random_start(length: int, window: int, place: int) -> Segment:
    """The window whose last target would be number ``place`` + 1 (counted from 1), cut to the piece."""
    return _cut(length, window, last_target=place + 1)


def effective_places(length: int, window: int) -> int:  # noqa: ARG001  # one signature for all schemes
    """One for every target."""
    return max(0, length - 1)


def effective(length: int, window: int, place: int) -> Segment:
    """The segment that ends with target number ``place`` + 1 (counted from 1)."""
    return _cut(length, window, last_target=place + 1)


def streamed(length: int, window: int) -> tuple[Segment, ...]:
    """The segments of a whole piece from left to right; every target is in exactly one of them."""
    return tuple(_cut(length, window, last) for last in range(window, length - 1 + window, window))


def _cut(length: int, window: int, last_target: int) -> Segment:
    start = max(0, last_target - window)
    stop = min(length, last_target + 1)
    return Segment(start, stop, window + 1 - (stop - start))


SEGMENTATIONS: dict[str, Segmentation] = {
    "random_start": Segmentation(random_start_places, random_start),
    "effective": Segmentation(effective_places, effective),
}
"""What a training run can choose from."""
