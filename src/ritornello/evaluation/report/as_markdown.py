"""A report as Markdown, its pictures in files beside it.

What a file's name or title holds is escaped, so that it is shown and never read as a table, a link or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ritornello.evaluation.report.page import Cell, Figure, Page, Said, Section, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")
_FENCE = "```"


def markdown_of(page: Page) -> str:
    """The whole file."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield f"# {_plain(page.title)}"
    yield f"\n{_plain(page.subtitle)}"
    if page.headlines:
        yield ""
        yield from (f"* **{_plain(headline.figure)}**: {_plain(headline.meaning)}" for headline in page.headlines)
    if page.careful:
        yield "\n## What to be careful about\n"
        yield from (f"* {_plain(item)}" for item in page.careful)
    for section in page.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"\n## {_plain(section.title)}"
    yield from (f"\n{_plain(text)}" for text in section.paragraphs)
    if section.code:
        yield f"\n{_FENCE}\n{section.code.replace(_FENCE, '` ` `')}\n{_FENCE}"
    if section.items:
        yield ""
        yield from (f"* {_plain(item)}" for item in section.items)
    for table in section.tables:
        yield from _table(table)
    yield from (f"\n![{_plain(picture.title)}]({picture.name})" for picture in section.pictures)


def _table(table: Table) -> Iterator[str]:
    yield f"\n**{_plain(table.title)}**\n" if table.title else ""
    yield "| " + " | ".join(map(_plain, table.columns)) + " |"
    yield "|" + "---|" * len(table.columns)
    yield from ("| " + " | ".join(map(_cell, row)) + " |" for row in table.rows)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Said):
        return f"{_plain(cell.text)} ({_plain(cell.meaning)})"
    if isinstance(cell, str):
        return _plain(cell)
    return _plain(" ".join(cell if isinstance(cell, Figure) else cell.figure))


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
