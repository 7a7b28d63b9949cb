"""What performing costs: tokens per second, real-time factor, memory.

    python benchmarks/perform.py RUN [--seconds 180] [--batch 1 4]

RUN is a run or a weights folder of a model of performances. Each row is one run of ``perform_many`` on one thread with
as many pieces at once as ``--batch`` says, timed by the processor: tokens of all pieces a second, how many times faster
than the music that is, the time that is not the model's (grammar, guards, draw), the largest state and the peak memory
of the process so far. The last column is the median time of a step in the last tenth of the piece over that in the
second tenth: 1 where the state has a bound.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ritornello.generation.levels import load_performer
from ritornello.generation.perform import perform_many


class Timed:
    """A model that counts the time spent in it."""

    def __init__(self, model: Any) -> None:
        self.model, self.config = model, model.config
        self.steps, self.state_bytes = list[float](), 0

    def new_state(self, batch_size: int) -> Any:
        """That of the model."""
        return self.model.new_state(batch_size)

    def forward(self, ids_BT: torch.Tensor, state: Any = None, conditions: Any = None) -> Any:
        """What the model says, and how long it took."""
        start = time.process_time()
        logits, state = self.model.forward(ids_BT, state, conditions)
        self.steps.append(time.process_time() - start)
        if len(self.steps) % 100 == 0:
            self.state_bytes = max(self.state_bytes, num_bytes(state))
        return logits, state


def num_bytes(value: Any) -> int:
    """Bytes of all tensors in a state."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(map(num_bytes, value.values()))
    if hasattr(value, "__dataclass_fields__"):
        return sum(num_bytes(getattr(value, name)) for name in value.__dataclass_fields__)
    return sum(map(num_bytes, value)) if isinstance(value, (tuple, list)) else 0


def measure(folder: Path, seconds: float, batch: int) -> list[str]:
    """One row of the table."""
    performer = load_performer(folder)
    model = Timed(performer.model)
    heard = [0] * batch

    def count(piece: int, _token: int, _now: float) -> None:
        heard[piece] += 1

    start = time.process_time()
    perform_many(model, performer.scheme, seconds=seconds, seeds=range(batch), on_event=count)
    spent = time.process_time() - start
    tenth = max(1, len(model.steps) // 10)
    drift = float(np.median(model.steps[-tenth:]) / np.median(model.steps[tenth : 2 * tenth]))
    return [
        f"{batch}",
        f"{sum(heard) / batch / seconds:.1f}",
        f"{sum(heard) / spent:,.0f}",
        f"{batch * seconds / spent:.1f}",
        f"{1e3 * float(np.median(model.steps)):.2f}",
        f"{1e6 * (spent - sum(model.steps)) / sum(heard):.0f}",
        f"{model.state_bytes:,}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f}",
        f"{drift:.2f}",
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    options = parser.parse_args()
    head = ["pieces", "tokens/s of music", "tokens/s", "x real time", "step ms", "other us/token", "state bytes",
            "peak MiB", "last/second tenth"]  # fmt: skip
    print(" | ".join(head))
    for batch in options.batch:
        print(" | ".join(measure(options.run, options.seconds, batch)))


if __name__ == "__main__":
    main()
