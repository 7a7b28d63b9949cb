"""Sections by their names: ``intro verse prechorus chorus verse chorus bridge chorus outro``.

A name becomes a label by the custom of the songs (``letters.py``): what is sung has a capital, what is played only a
small letter. A name that returns is the same music; ``verse'`` is a verse with another melody on the same material.

Each name may have a number of bars (``verse 16`` or ``verse16``). Without one it lasts as long as where it stood last,
and the first time as long as is usual. Usual are the median lengths, in whole phrases of four bars, of what people
label alike in songs 1-800 of ``pop909-structure``, neighbours of one label taken together: introductions 8 bars, what
is sung 8, what is played between 4, ends 3. A prechorus has no label of its own there; it lasts one phrase.
"""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

from ritornello.errors import UserError
from ritornello.form.letters import INTRODUCTION, OUTRO, PRIMES_PATTERN


class Custom(NamedTuple):
    """How a section of a name is labelled, and how many bars it usually has."""

    letter: str
    bars: int


NAMES = {
    "intro": Custom(INTRODUCTION, 8),
    "verse": Custom("A", 8),
    "prechorus": Custom("B", 4),
    "chorus": Custom("C", 8),
    "bridge": Custom("D", 8),
    "interlude": Custom("a", 4),
    "solo": Custom("b", 8),
    "outro": Custom(OUTRO, 4),
}
_SAME = {"introduction": "intro", "refrain": "chorus", "instrumental": "interlude", "coda": "outro"}
_HYPHEN = re.compile(r"\bpre[ -]chorus", re.IGNORECASE)
_ITEM = re.compile(rf"([A-Za-z]{{2,}})({PRIMES_PATTERN})\s*([0-9]*)(?![A-Za-z0-9'])")
_BETWEEN = re.compile(r"[\s,|-]*")


class Named(NamedTuple):
    """A section as it was asked for."""

    name: str
    label: str
    bars: str
    """As digits, stated or usual."""


def has_names(text: str) -> bool:
    """Whether a form is written in names, not in letters."""
    return re.match(r"[\s,|-]*[A-Za-z]{2}", text) is not None


def read_names(text: str) -> list[Named]:
    """The sections of a form in names. Raises UserError for what is none."""
    plain = _HYPHEN.sub("prechorus", text)
    found: list[Named] = []
    last: dict[str, str] = {}
    place = _skip(plain, 0)
    while place < len(plain):
        match = _ITEM.match(plain, place)
        if match is None:
            mend = "write for example 'intro 4 verse 8 chorus 8', all sections by name or all by letter"
            raise UserError(f"cannot read {plain[place : place + 20]!r}", where="form", mend=mend)
        name = _known(match[1])
        label = NAMES[name].letter + match[2]
        bars = match[3] or last.get(label) or last.get(label[0]) or str(NAMES[name].bars)
        last[label] = bars
        found.append(Named(name, label, bars))
        place = _skip(plain, match.end())
    return found


def legend(text: str) -> str:
    """What the names of a form are taken for, once each: ``intro = i8, verse = A8``."""
    return ", ".join(dict.fromkeys(f"{one.name} = {one.label}{one.bars}" for one in read_names(text)))


def _known(word: str) -> str:
    name = _SAME.get(word.lower(), word.lower())
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(NAMES)}"
        raise UserError(f"no section is called {word[:40]!r}", where="form", mend=mend)
    return name


def _skip(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place
