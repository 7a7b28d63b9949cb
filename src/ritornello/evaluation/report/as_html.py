"""A report as one HTML file that needs nothing else: no network, no script, pictures and style within.

Whatever a file's name or title holds is escaped, and a policy in the page's head forbids everything but its own style
and pictures. The same page gives the same bytes.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from itertools import groupby

from ritornello.evaluation.report.page import Cell, Figure, Headline, Page, Picture, Said, Section, Share, Spread, Table

WIDTH, HEIGHT = 104, 12
_SHORT = 16
"""A headline of so many letters is written large."""
_LONG = 40
"""A cell of so many letters is broken into lines."""


def html_of(page: Page) -> str:
    """The whole file."""
    style = files("ritornello.evaluation.report").joinpath("report.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
    )
    return head + "\n".join(_body(page)) + "\n</main>\n</body>\n</html>\n"


def _body(page: Page) -> Iterator[str]:
    yield '<header><div class="kicker">ritornello · evaluation</div>'
    yield f'<h1>{escape(page.title)}</h1><p class="subtitle">{escape(page.subtitle)}</p></header>'
    if page.headlines:
        boxes = map(_headline, page.headlines)
        yield f'<div class="headlines">{"".join(boxes)}</div>'
    if page.careful:
        yield f'<section class="careful"><h2>What to be careful about</h2>{_list(page.careful)}</section>'
    for section in page.sections:
        yield from _section(section)


def _headline(headline: Headline) -> str:
    size = ' class="name"' if len(headline.figure) > _SHORT else ""
    return f"<div><b{size}>{escape(headline.figure)}</b><span>{escape(headline.meaning)}</span></div>"


def _section(section: Section) -> Iterator[str]:
    yield f"<section><h2>{escape(section.title)}</h2>"
    yield from (f"<p>{escape(text)}</p>" for text in section.paragraphs)
    if section.code:
        yield f"<pre>{escape(section.code)}</pre>"
    if section.items:
        yield _list(section.items)
    yield from map(_table, section.tables)
    for wide, pictures in groupby(section.pictures, key=lambda picture: picture.wide):
        drawn = "\n".join(map(_picture, pictures))
        yield drawn if wide else f'<div class="pair">{drawn}</div>'
    yield "</section>"


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    kind = "drawn" if any(isinstance(cell, (Spread, Share)) for row in table.rows for cell in row) else "plain"
    inside = f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>"
    body = f'<div class="scroll"><table class="{kind}">{inside}</table></div>'
    if table.folded:
        return f"<details><summary>{escape(table.title)}</summary>{body}</details>"
    return (f"<h3>{escape(table.title)}</h3>" if table.title else "") + body


def _cell(cell: Cell) -> str:
    if isinstance(cell, Said):
        return f"<td>{escape(cell.text)}<small>{escape(cell.meaning)}</small></td>"
    if isinstance(cell, Figure):
        return f"<td>{_figure(cell)}</td>"
    if isinstance(cell, Spread):
        return f"<td>{_figure(cell.figure)}{_spread(cell)}</td>"
    if isinstance(cell, Share):
        return f"<td>{_figure(cell.figure)}{_share(cell)}</td>"
    return f'<td class="long">{escape(cell)}</td>' if len(cell) > _LONG else f"<td>{escape(cell)}</td>"


def _figure(figure: Figure) -> str:
    return escape(figure.text) + (f"<small>{escape(figure.doubt)}</small>" if figure.doubt else "")


def _spread(cell: Spread) -> str:
    """A line from -most to most, 0 in its middle; what lies beyond stands at the end."""
    if math.isnan(cell.value):
        return ""

    def x(value: float) -> float:
        return round(WIDTH / 2 * (1 + max(-1.0, min(1.0, value / cell.most))), 1)

    spread = "" if math.isnan(cell.low) else _line("range", x(cell.low), HEIGHT / 2, x(cell.high), HEIGHT / 2)
    axis = _line("axis", 0, HEIGHT / 2, WIDTH, HEIGHT / 2) + _line("zero", WIDTH / 2, 1, WIDTH / 2, HEIGHT - 1)
    return _svg(f'{axis}{spread}<circle class="dot" cx="{x(cell.value)}" cy="{HEIGHT / 2:g}" r="3.4"/>')


def _share(cell: Share) -> str:
    """A bar from 0 to 1, its interval on it, and the mark."""
    if math.isnan(cell.value):
        return ""

    def x(value: float) -> float:
        return round(WIDTH * max(0.0, min(1.0, value)), 1)

    ground = f'<rect class="ground" y="3" width="{WIDTH}" height="6"/>'
    bar = f'<rect class="bar" y="3" width="{x(cell.value)}" height="6"/>'
    spread = "" if math.isnan(cell.low) else _line("zero", x(cell.low), HEIGHT / 2, x(cell.high), HEIGHT / 2)
    mark = "" if math.isnan(cell.mark) else _line("best", x(cell.mark), 0, x(cell.mark), HEIGHT)
    return _svg(ground + bar + spread + mark)


def _svg(inside: str) -> str:
    return f'<svg aria-hidden="true" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">{inside}</svg>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    title = escape(picture.title)
    return f'<figure><img alt="{title}" src="data:image/png;base64,{data}"><figcaption>{title}</figcaption></figure>'
