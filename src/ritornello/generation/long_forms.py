"""Composing rules for the structure of songs and of Bach beyond the chorale.

As in a chorale the last section ends at home. A piece that nobody gave a form is as long as its style asks for in
seconds, and says something again:

- *Bach* is closed: its first sections, up to the first end at home after ``FIRST_PART_SECONDS``, come back unchanged
  as the last ones (da capo; where the model varies the first part in between, a rounded form). What follows the first
  part is new.
- A *song* ends at home once it is long enough and something has returned; if nothing has by half of that time, what
  comes next is something heard before, though not the introduction. An end without melody is the end.

The model draws what this leaves open; the rules hold whatever it says. Sections of known labels are as they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.letters import INTRODUCTION, OUTRO
from ritornello.form.plan import MAX_PHRASE_BEATS, Plan
from ritornello.form.style import Style
from ritornello.form.usual import tempo_of
from ritornello.tokenizers.metres import bar_frames
from ritornello.tokenizers.structure import (
    BARS,
    BARS_PER_TOKEN,
    DEGREE,
    END,
    FIFTHS,
    LETTER,
    LOCAL,
    METRE,
    PICKUP,
    PRIMES,
    Head,
    StructureCursor,
    capitals,
)

METRES: dict[Style, tuple[str, ...]] = {
    "song": ("4/4", "3/4"),
    "bach": ("4/4", "3/4", "2/2", "2/4", "3/8", "6/8", "12/8", "3/2", "9/8"),
}
"""What a piece whose metre is open may be in: metres of more than a hundredth of the pieces (three of a hundred songs
are in another one than 4/4)."""
MAX_FIFTHS = 4
SONG_SECONDS, LONGEST_SONG_SECONDS = 150.0, 360.0
BACH_SECONDS = 180.0
MOST_BARS = 400
"""Where bars are so short that a piece of that many seconds could be too long for a plan, so many bars are enough."""
FIRST_PART_SECONDS = 25.0
"""The least that comes back at the end of a closed form."""
SECTION_SECONDS = (6.0, 45.0)
"""A section that is drawn lasts so long, in whole bars, at least two of them."""


def song_choices(plan: Plan, cursor: StructureCursor) -> list[int]:
    """The tokens, at least one, that may come next in the structure of a song; the plan is what was asked for."""
    return _choices("song", plan, cursor)


def bach_choices(plan: Plan, cursor: StructureCursor) -> list[int]:
    """The tokens, at least one, that may come next in the structure of longer Bach."""
    return _choices("bach", plan, cursor)


def _choices(style: Style, plan: Plan, cursor: StructureCursor) -> list[int]:
    allowed = cursor.allowed_ids()
    is_free, is_bach = plan.sections is None, style == "bach"
    match cursor.slot:
        case "metre":
            chosen = [METRE.id(metre) for metre in METRES[style]]
        case "fifths":
            chosen = [FIFTHS.id(fifths) for fifths in range(-MAX_FIFTHS, MAX_FIFTHS + 1)]
        case "pickup":
            chosen = [PICKUP.id(frames) for frames in range(0, bar_frames(cursor.metre or ""), 2)]
        case "letter" if is_free:
            chosen = _closed_letters(plan, cursor, allowed) if is_bach else _song_letters(plan, cursor, allowed)
        case "primes" if is_free and is_bach and (head := _brought_back(plan, cursor)) is not None:
            chosen = [PRIMES.id(head.primes)]
        case "bars":
            chosen = [BARS.id(bars) for bars in _lengths(plan, cursor)]
        case "degree" | "local" if _ends_at_home(style, plan, cursor):
            chosen = [DEGREE.id(0) if cursor.slot == "degree" else LOCAL.id(cursor.mode)]
        case _:
            chosen = allowed
    return sorted(set(chosen) & set(allowed)) or allowed


def _song_letters(plan: Plan, cursor: StructureCursor, allowed: list[int]) -> list[int]:
    """An introduction only at the beginning, an end without melody only where the song may end.

    Not the end before it may be, and after ``LONGEST_SONG_SECONDS`` nothing else, or such an end without melody.
    """
    heads, outro = cursor.heads, LETTER.id(OUTRO)
    if not heads:
        return [token for token in allowed if token != outro]
    if heads[-1].letter == OUTRO:
        return [END]
    seconds, used = sum(_seconds(plan, cursor, heads)), list(dict.fromkeys(head.letter for head in heads))
    has_returned, is_home = len(used) < len(heads), _is_home(cursor, heads[-1])
    if seconds >= _enough(LONGEST_SONG_SECONDS, plan, cursor):
        return [END] if is_home else [outro]
    known = [letter for letter in used if letter != INTRODUCTION]
    if not has_returned and seconds >= _enough(SONG_SECONDS, plan, cursor) / 2 and len(known) > 1:
        return [LETTER.id(letter) for letter in known]
    letters = [token for token in allowed if token not in (END, outro, LETTER.id(INTRODUCTION))]
    if seconds < _enough(SONG_SECONDS, plan, cursor) or not has_returned:
        return letters
    return [END, *letters, outro] if is_home else [*letters, outro]


def _closed_letters(plan: Plan, cursor: StructureCursor, allowed: list[int]) -> list[int]:
    """The first part, something new, whatever the model says, the first part again, the end."""
    heads, letters = cursor.heads, capitals(allowed)
    part = _first_part(plan, cursor, heads)
    if part is None:
        is_over = sum(_seconds(plan, cursor, heads)) >= FIRST_PART_SECONDS
        return letters[-1:] if is_over else letters  # a new section can end at home
    if len(heads) == part:
        return letters[-1:]
    place = _place_in_return(plan, cursor, heads)
    if place is None:
        return letters
    return [END] if place == part else [LETTER.id(heads[place].letter)]


def _first_part(plan: Plan, cursor: StructureCursor, heads: Sequence[Head]) -> int | None:
    """How many sections the part has that will come back; None while it is not finished."""
    sums = accumulate(_seconds(plan, cursor, heads))
    parts = (
        number
        for number, (seconds, head) in enumerate(zip(sums, heads, strict=True), start=1)
        if seconds >= FIRST_PART_SECONDS and _is_home(cursor, head)
    )
    return next(parts, None)


def _place_in_return(plan: Plan, cursor: StructureCursor, heads: Sequence[Head]) -> int | None:
    """How many sections of the first part have come back at the end; None as long as the middle goes on.

    The middle ends, after at least one section, where the first part makes the piece long enough.
    """
    part = _first_part(plan, cursor, heads)
    if part is None:
        return None
    sums = list(accumulate(_seconds(plan, cursor, heads)))
    enough = _enough(BACH_SECONDS, plan, cursor)
    ends = (number for number in range(part + 1, len(heads) + 1) if sums[number - 1] + sums[part - 1] >= enough)
    middle = next(ends, None)
    return None if middle is None else len(heads) - middle


def _brought_back(plan: Plan, cursor: StructureCursor) -> Head | None:
    """The section of the first part that the one whose letter was just said is again."""
    place = _place_in_return(plan, cursor, cursor.heads[:-1])
    return None if place is None else cursor.heads[place]


def _lengths(plan: Plan, cursor: StructureCursor) -> range:
    """Bars of a new section."""
    bar = _bar_seconds(plan, cursor)
    longest = min(BARS_PER_TOKEN, int(MAX_PHRASE_BEATS * 4 // bar_frames(cursor.metre or "")))
    least, most = (seconds / bar for seconds in SECTION_SECONDS)
    shortest = min(max(2, math.ceil(least)), longest)
    return range(shortest, max(shortest, min(longest, int(most))) + 1)


def _ends_at_home(style: Style, plan: Plan, cursor: StructureCursor) -> bool:
    """Whether the section that is being written must end at home."""
    if plan.sections is not None:
        return plan.sections[len(cursor.heads) - 1].label == plan.sections[-1].label
    if style == "bach":
        first_part_is_over = sum(_seconds(plan, cursor, cursor.heads)) >= FIRST_PART_SECONDS
        return first_part_is_over and _first_part(plan, cursor, cursor.heads[:-1]) is None
    return cursor.heads[-1].letter == OUTRO


def _is_home(cursor: StructureCursor, head: Head) -> bool:
    return (head.degree, head.local) == (0, cursor.mode)


def _seconds(plan: Plan, cursor: StructureCursor, heads: Sequence[Head]) -> list[float]:
    bar = _bar_seconds(plan, cursor)
    return [head.bars * bar for head in heads]


def _enough(seconds: float, plan: Plan, cursor: StructureCursor) -> float:
    return min(seconds, MOST_BARS * _bar_seconds(plan, cursor))


def _bar_seconds(plan: Plan, cursor: StructureCursor) -> float:
    return bar_frames(cursor.metre or "") / FRAMES_PER_BEAT * 60 / tempo_of(plan)
