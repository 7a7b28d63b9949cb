"""Score pages as SVG, engraved from MusicXML by verovio (extra ``engraving``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ritornello.errors import UserError

_OPTIONS = {
    "pageWidth": 2100,
    "pageHeight": 2970,
    "scale": 40,
    "adjustPageHeight": True,
    "breaks": "auto",
    "condense": "none",  # a silent staff stays: chords may stand above it
    "header": "auto",
    "footer": "none",
    "svgViewBox": True,
}


def engrave(musicxml: Path, folder: Path) -> list[Path]:
    """Writes one SVG per A4 page, ``STEM-1.svg`` and so on, and returns the files.

    Raises:
        UserError: verovio is not installed, or it cannot read the file.
    """
    pages = _engraved(musicxml)
    files = [folder / f"{musicxml.stem}-{number}.svg" for number in range(1, len(pages) + 1)]
    for file, page in zip(files, pages, strict=True):
        file.write_text(page, encoding="utf-8")
    return files


def _engraved(musicxml: Path) -> list[str]:
    try:
        import verovio
    except ImportError as error:
        raise UserError(
            "engraving needs verovio", where="--score", mend="pip install 'ritornello[engraving]'"
        ) from error
    toolkit: Any = verovio.toolkit()
    toolkit.setOptions(_OPTIONS)
    if not toolkit.loadFile(str(musicxml)):
        raise UserError("verovio cannot read this MusicXML", where=str(musicxml))
    return [toolkit.renderToSVG(number) for number in range(1, toolkit.getPageCount() + 1)]
