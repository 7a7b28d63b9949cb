"""The one-line form of a piece: ``A8 A8 B12 A'8`` to and from sections.

A letter names material, primes say "varied", the number counts full bars. Spaces, commas, ``|`` and
``-`` between sections are free, and may be left out (``i4A4A4B8b4A4B8o4``). A form may be written in names instead
(``names.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ritornello.errors import UserError
from ritornello.form.letters import PRIMES_PATTERN
from ritornello.form.names import has_names, read_names
from ritornello.form.plan import MAX_BARS, MAX_SECTIONS, Section

_SECTION = re.compile(rf"([A-Za-z])({PRIMES_PATTERN})([0-9]+)")
_BETWEEN = re.compile(r"[\s,|-]*")
_MEND = 'write for example "A8 A8 B12 A\'8"'
_MAX_LENGTH = 1024


def parse_form(text: str) -> tuple[Section, ...]:
    """Sections with label and bars, everything else open. Raises UserError for anything malformed."""
    if len(text) > _MAX_LENGTH:
        raise UserError("form is too long", where="form", limit=f"{_MAX_LENGTH} characters", mend=_MEND)
    plain = text.replace("’", "'").replace("′", "'").replace("″", "''")  # noqa: RUF001, typographic primes are meant
    stated = [(one.label, one.bars) for one in read_names(plain)] if has_names(plain) else _read_letters(plain)
    if len(stated) > MAX_SECTIONS:
        raise UserError("too many sections", where="form", limit=f"{MAX_SECTIONS} sections")
    if not stated:
        raise UserError("form has no sections", where="form", mend=_MEND)
    return tuple(_section(label, digits) for label, digits in stated)


def format_form(sections: Iterable[Section]) -> str:
    """The shorthand of sections: ``A8 A8 B12 A'8``."""
    return " ".join(f"{section.label}{section.bars}" for section in sections)


def _read_letters(text: str) -> list[tuple[str, str]]:
    """Labels and bars, the bars as digits."""
    stated: list[tuple[str, str]] = []
    place = _skip(text, 0)
    while place < len(text):
        match = _SECTION.match(text, place)
        if match is None:
            raise UserError(f"cannot read {text[place : place + 20]!r}", where="form", mend=_MEND)
        stated.append((match[1] + match[2], match[3]))
        place = _skip(text, match.end())
    return stated


def _skip(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place


def _section(label: str, digits: str) -> Section:
    bars = int(digits[:9])
    if not 1 <= bars <= MAX_BARS:
        raise UserError(f"section {label} has {bars} bars", where="form", limit=f"1 to {MAX_BARS} bars", mend=_MEND)
    return Section(label=label, bars=bars)
