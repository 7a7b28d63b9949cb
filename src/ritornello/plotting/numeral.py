"""Roman numerals as mathtext: figures stacked, signs as musicians write them.

``viio65/V`` becomes vii with a raised circle and 6 over 5, then /V; ``bII6`` begins with a flat sign.
"""

from __future__ import annotations

import re

_NUMERAL = re.compile(r"([b#]*)([IViv]+)(maj|[oø+]?)(\d*)")
_ACCIDENTALS = {"b": r"\flat ", "#": r"\sharp "}
_QUALITIES = {"o": r"^{\mathrm{o}}", "ø": r"^{\varnothing}", "+": "^{+}", "maj": r"^{\mathrm{maj}}", "": ""}


def typeset(name: str) -> str:
    """The mathtext of a chord's name; a name of unknown form stays plain text."""
    parts = [_NUMERAL.fullmatch(part) for part in name.split("/")]
    if not all(parts):
        return name
    return "$" + "/".join(_numeral(*part.groups()) for part in parts if part) + "$"


def _numeral(accidentals: str, degree: str, quality: str, figures: str) -> str:
    """One numeral without its dollar signs; of two figures the second stands below the first."""
    signs = "".join(_ACCIDENTALS[sign] for sign in accidentals)
    stacked = "".join(f"{script}{{{figure}}}" for script, figure in zip("^_", figures, strict=False))
    return rf"{signs}\mathrm{{{degree}}}{_QUALITIES[quality]}{{}}{stacked}"
