"""What a report says, before it is a page: sections of paragraphs, lists, tables and pictures.

``as_html.py`` and ``as_markdown.py`` write the same ``Page``, so that the two cannot say different things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Figure(NamedTuple):
    """A number, and how sure it is: the ends of its interval, or its deviation."""

    text: str
    doubt: str


class Spread(NamedTuple):
    """A figure drawn as a dot on a line from ``-most`` to ``most`` around 0, its interval around it."""

    figure: Figure
    value: float
    low: float
    high: float
    most: float


class Share(NamedTuple):
    """A share drawn as a bar from 0 to 1 with its interval, and a mark where it would stand at best."""

    figure: Figure
    value: float
    low: float
    high: float
    mark: float


class Said(NamedTuple):
    """A name and, smaller, what it means."""

    text: str
    meaning: str


Cell: TypeAlias = str | Figure | Spread | Share | Said


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; ``folded`` ones are for looking things up and open on demand."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG; ``name`` is that of its file beside the Markdown."""

    name: str
    title: str
    png: bytes
    wide: bool = True
    """Whether it takes the whole width of the page, or shares a row with the next one."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, in this order."""

    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    code: str = ""
    """Lines to be copied: a command."""


class Headline(NamedTuple):
    """One of the few figures that stand at the top."""

    figure: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    subtitle: str
    headlines: tuple[Headline, ...]
    careful: tuple[str, ...]
    """What a reader must know before any figure."""
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them, in order."""
        return tuple(picture for section in self.sections for picture in section.pictures)
