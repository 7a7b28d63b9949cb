"""Composes a region of a piece in bars around what stands there and stays.

What stays is *fixed*: barlines, key signatures, tempos and chord symbols, all notes of parts that are locked, and
single notes of the others. The pen composes as ever, but nothing may be written that would pass the place of what is
fixed next; when its place has come, it is written, and the model hears it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.generation.bar_pen import Drawing, Pen, Writing
from ritornello.generation.density import Density
from ritornello.scores.score import IntArray
from ritornello.tokenizers.bars_words import (
    BAR,
    DURATION,
    DURATIONS,
    END,
    FAMILY_V,
    KEY,
    LENGTH,
    PART,
    PITCH,
    POSITION,
    TEMPO,
    VELOCITY,
)

_FAMILY: list[int] = FAMILY_V.tolist()
_DURATIONS = np.array(DURATIONS)


class Fixed(NamedTuple):
    """What stays at its place: a barline with its LENGTH and KEY, a tempo, or a note."""

    step: int
    tokens: tuple[int, ...]
    part: int
    """Of a note; -1 of all else."""

    @property
    def is_bar(self) -> bool:
        """Whether it is a barline."""
        return _FAMILY[self.tokens[0]] == BAR

    @property
    def is_note(self) -> bool:
        """Whether it is a note."""
        return self.part >= 0


@dataclass(frozen=True, slots=True)
class Region:
    """What is to be composed, in steps, and what is fixed in it, in the order of time and grammar."""

    start: int
    end: int
    fixed: tuple[Fixed, ...]
    open_parts: frozenset[int]
    """The parts that may get other notes than those that are fixed."""
    density: Density | None = None
    """How many notes it has, those that are fixed too; None = as many as it comes to."""


def fixed_in(ids: IntArray, places: IntArray) -> tuple[Fixed, ...]:
    """All that tokens (T,) of a region say, in their order; ``places`` (T, 3) as ``BarsTokenizer.places`` says."""
    found: list[Fixed] = []
    rows: list[tuple[int, int, int]] = [tuple(row) for row in np.column_stack([ids, places[:, 1:]]).tolist()]
    for token, step, part in rows:
        family = _FAMILY[token]
        if family in {BAR, TEMPO}:
            found.append(Fixed(step, (token,), -1))
        elif family == PITCH:
            found.append(Fixed(step, (token,), part))
        elif family in {LENGTH, KEY, DURATION}:
            found[-1] = found[-1]._replace(tokens=(*found[-1].tokens, token))
    return tuple(found)


def composing_region(pen: Pen, region: Region, random: np.random.Generator, drawing: Drawing) -> Writing[None]:
    """Draws everything between what is fixed; no note lasts beyond the region's end. To be driven (``Pen.drive``).

    Args:
        pen: has written all that comes before the region, and nothing else.
        region: at least one of its parts is open.
        random: one number of it is taken for each draw.
        drawing: how tokens are drawn.
    """
    waiting = list(reversed(region.fixed))
    while True:
        item = waiting[-1] if waiting else None
        if item is not None and _is_due(pen, item, region):
            pen.write(waiting.pop().tokens)
            continue
        token = yield from pen.choosing(_allowed(pen, item, region), random, drawing, region.density)
        if item is None and pen.goes_beyond(region.end)[token]:
            return
        if item is not None and token == item.tokens[0] and (item.is_bar or _is_here(pen, item)):
            pen.write(waiting.pop().tokens)
        else:
            pen.write([token])


def _is_due(pen: Pen, item: Fixed, region: Region) -> bool:
    """Whether nothing else can come before: a barline where the region begins, a change where its place is open."""
    if item.is_bar:
        return item.step == region.start
    cursor = pen.cursor
    return not item.is_note and cursor.position_steps >= 0 and cursor.now_steps == item.step


def _is_here(pen: Pen, item: Fixed) -> bool:
    """Whether the pen writes notes of the part and at the place of a fixed one."""
    cursor = pen.cursor
    return item.is_note and _is_open_at(pen, item.step) and cursor.part == item.part


def _is_open_at(pen: Pen, step: int) -> bool:
    return pen.cursor.position_steps >= 0 and pen.cursor.now_steps == step


def _allowed(pen: Pen, item: Fixed | None, region: Region) -> NDArray[np.bool_]:
    """What may come next (V,): by grammar, inside the region, in open parts, and before what is fixed next."""
    cursor = pen.cursor
    mask = cursor.mask()
    mask[[END, *range(LENGTH, POSITION), *range(TEMPO, PART)]] = False
    if _FAMILY[cursor.last] == PITCH:
        mask[DURATION:] &= max(1, _room(pen, region)) >= _DURATIONS
        return mask
    _limit_places(mask, pen, item, region)
    _limit_notes(mask, pen, item, region)
    return mask


def _room(pen: Pen, region: Region) -> int:
    """Steps that a note may last: to the end of the region, and to a fixed note of its part and pitch."""
    now, part, token = pen.cursor.now_steps, pen.cursor.part, pen.cursor.last
    same = [item.step for item in region.fixed if item.part == part and item.tokens[0] == token and item.step > now]
    return min([region.end, *same]) - now


def _limit_places(mask: NDArray[np.bool_], pen: Pen, item: Fixed | None, region: Region) -> None:
    """No barline but one that is fixed or lies beyond; no place before the region, nor behind what is fixed next."""
    start = pen.cursor.bar_start_steps
    if item is not None:
        mask[BAR:LENGTH] &= (np.arange(BAR, LENGTH) == item.tokens[0]) & item.is_bar
        mask[POSITION + max(0, item.step - start + 1) : TEMPO] = False
    mask[POSITION : POSITION + max(0, region.start - start)] = False


def _limit_notes(mask: NDArray[np.bool_], pen: Pen, item: Fixed | None, region: Region) -> None:
    """No note before the region, none of locked parts, and none behind the fixed one at this place."""
    cursor = pen.cursor
    if cursor.now_steps < region.start:
        mask[PART:DURATION] = False
        return
    here = item if item is not None and item.is_note and _is_open_at(pen, item.step) else None
    for part in range(cursor.num_parts):
        is_next = here is not None and part == here.part
        mask[PART + part] &= is_next or part in region.open_parts
    if here is not None:
        mask[PART + here.part + 1 : VELOCITY] = False
    if here is not None and cursor.part == here.part:
        mask[here.tokens[0] + 1 : DURATION] = False
        mask[PART:VELOCITY] = False
        if cursor.part not in region.open_parts:
            mask[PITCH : here.tokens[0]] = False
    elif cursor.part not in region.open_parts:
        mask[PITCH:DURATION] = False
