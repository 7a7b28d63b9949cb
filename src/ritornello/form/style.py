"""The styles of pieces; apart from ``plan.py``, so that the command line can name them before anything is loaded."""

from __future__ import annotations

from typing import Literal, TypeAlias

Style: TypeAlias = Literal["chorale", "song", "bach"]
