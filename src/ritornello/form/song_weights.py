"""The weights of the analysis of songs, as ``benchmarks/fit_song_form.py`` has fitted them on songs 1-800.

``song_form.json`` holds tables of names and numbers: people's labels of ``pop909-structure`` (MIT) were the truth.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


@cache
def weights_of(table: str) -> dict[str, float]:
    """One table of weights, by the name of what each is for."""
    tables = json.loads((files("ritornello.form") / "song_form.json").read_text(encoding="utf-8"))
    return {name: float(value) for name, value in tables[table].items()}
