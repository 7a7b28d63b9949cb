"""What the log of a run says (``log.py``), read back as arrays.

A log may be read while it is written, after a kill, or after an editor: a line that is cut short or is no line of a log
is left out, and of two lines of one step the later one counts.

Shapes: L lines.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.training.log import LOG_NAME

MAX_LOG_BYTES = 64 * 2**20
"""A line has about 200 bytes."""
MAX_STEPS = 2**31
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One value per evaluation (L,), nan where the log does not say; steps rise."""

    steps: NDArray[np.int64]
    train_nats: FloatArray
    """Nats per scored token, the mean over all steps since the line before."""
    validation_nats: FloatArray
    learning_rate: FloatArray
    is_of_voices: bool
    """Whether validation counts the four voices of chorales alone; training counts their marks too."""

    @property
    def train_steps(self) -> FloatArray:
        """The middle of the steps that ``train_nats`` is the mean of."""
        before = np.concatenate([np.zeros(min(1, len(self.steps))), self.steps[:-1]])
        return (before + 1 + self.steps) / 2


def read_history(run: Path) -> History:
    """Reads the log in the folder of a run.

    Raises:
        UserError: there is no log, it cannot be read, or it is larger than ``MAX_LOG_BYTES``.
    """
    lines = _lines(run / LOG_NAME)
    steps = sorted(lines)

    def column(name: str) -> FloatArray:
        return np.array([lines[step].get(name, math.nan) for step in steps], dtype=np.float64)

    is_of_voices = any("voices" in line and "marks" in line for line in lines.values())
    values = (column("train"), column("validation"), column("learning_rate"))
    return History(np.array(steps, dtype=np.int64), *values, is_of_voices)


def _lines(path: Path) -> dict[int, dict[str, float]]:
    """The numbers of each line, by step."""
    try:
        size = path.stat().st_size
        if size > MAX_LOG_BYTES:
            limit = f"{MAX_LOG_BYTES:,} bytes"
            raise UserError(f"is too large for a log: {size:,} bytes", where=str(path), limit=limit)
        with path.open("rb") as file:
            content = file.read(size)  # what is written meanwhile is left for another time
    except OSError as error:
        mend = "name the folder of a run, as ritornello train makes it"
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), mend=mend) from error
    read = (_numbers(line) for line in content.splitlines())
    return {int(numbers["step"]): numbers for numbers in read if numbers}


def _numbers(line: bytes) -> dict[str, float]:
    """The numbers of one line; empty if it is none of a log."""
    try:
        content: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    table = cast("dict[str, Any]", content)
    step = table.get("step")
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= MAX_STEPS:
        return {}
    return {key: float(value) for key, value in table.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold; infinity and nan, as JSON of Python has them, are too."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)
