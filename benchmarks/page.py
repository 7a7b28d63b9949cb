"""A table's place in a page of docs: what stands between two markers is replaced, the rest stays."""

from __future__ import annotations

from pathlib import Path

from ritornello.errors import UserError


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Replaces what stands between ``<!-- name: begin -->`` and ``<!-- name: end -->``.

    Raises:
        UserError: the page has not exactly one of each.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1:
        raise UserError("has no place for the table", where=str(path), mend=f"write {begin} and {end} into it")
    before, _, rest = page.partition(begin)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")
