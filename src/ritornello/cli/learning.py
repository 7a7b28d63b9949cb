"""The learning curves of runs as a picture, from their logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ritornello.errors import UserError

PICTURE = "learning.png"
COMPARED = "learning-compared.png"


def draw_runs(runs: Sequence[Path], picture: Path) -> Path:
    """Draws the logs in the folders of one or several runs, and returns the picture.

    Raises:
        UserError: a folder holds no log or a log without a line, there are too many, or the picture cannot be written.
    """
    from ritornello.plotting.curves import MOST_RUNS, LearningCurve, draw_learning
    from ritornello.training.history import History, read_history

    if len(runs) > MOST_RUNS:
        raise UserError(f"{len(runs)} runs", where="--beside", limit=f"{MOST_RUNS} runs in one picture")

    def curve(name: str, history: History) -> LearningCurve:
        return LearningCurve(
            name,
            history.train_steps,
            history.train_nats,
            history.steps.astype(float),
            history.validation_nats,
            history.learning_rate,
            "validation of the four voices alone" if history.is_of_voices else "",
        )

    histories = [read_history(run) for run in runs]
    for run, history in zip(runs, histories, strict=True):
        if not len(history.steps):
            raise UserError("its log says nothing yet", where=str(run), mend="wait for the first evaluation")
    draw_learning([curve(name, history) for name, history in zip(_names(runs), histories, strict=True)], picture)
    return picture


def _names(runs: Sequence[Path]) -> list[str]:
    """The names of the folders, after as many of their parents as it takes to tell them apart."""
    parts = [run.resolve().parts for run in runs]
    most = max(map(len, parts))
    tails = (["/".join(part[-length:]) for part in parts] for length in range(1, most + 1))
    return next((names for names in tails if len(set(names)) == len(names)), [str(run) for run in runs])
