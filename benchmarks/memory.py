"""What memory costs: bytes of state, time for a token and for training, for every model and schedule, to position 64k.

    python -m benchmarks.memory                                  # all models, 1k to 64k
    python -m benchmarks.memory --longest 8192 --variants lstm "transformer window"
    python -m benchmarks.memory --data runs/prepared/maestro     # a real piece instead of made-up music

Width 128, 4 layers, 4 heads; windows, segments, blocks and latents of 512, memory for 2,048 positions over all layers
(``long_models.py``). Every model runs in a process of its own, on one thread. All times are those of the processor, the
least of several: what else runs on the machine makes none of them shorter. At position P:

* *state*: bytes of all tensors in the state after P tokens, and whether the formula ``state_bytes`` says the same;
* *step*: milliseconds for the P-th token alone, after P - 1 were read in segments (the token that begins a block of
  latents costs a Perceiver more; the tenths have their share of that);
* *training*: tokens a second, forward and backward, of the segment that follows after P tokens: the state detached
  where segments follow each other; the whole context absorbed anew, with gradients, for the 512 latents of a
  Perceiver, which is how its windows are learned from;
* *last / first tenth*: time for a token in the last tenth of the whole stream, read in segments, over that in the
  first tenth, and over that in the second, when memories are full. The goal of 1.1 is for models whose state has a
  bound, which means: no more bytes at the last position than at the one before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.long_models import SEGMENT, VARIANTS, build, tokens
from ritornello.models.perceiver_ar import PerceiverAr
from ritornello.models.states import detached, leaves
from ritornello.training.allocation import keep_memory

GOAL = 1.1


@dataclass
class Measured:
    """One model; the lists have one entry for each position."""

    parameters: int = 0
    state_bytes: list[int] = field(default_factory=list[int])
    formula_bytes: list[int] = field(default_factory=list[int])
    step_seconds: list[float] = field(default_factory=list[float])
    training_tokens_per_second: list[float] = field(default_factory=list[float])
    seconds_by_tenth: list[float] = field(default_factory=list[float])
    """For a token in each tenth of the stream."""

    @property
    def is_bounded(self) -> bool:
        """Whether the formula says so."""
        return self.formula_bytes[-1] <= self.formula_bytes[-2]

    @property
    def drift(self) -> float:
        """Cost of the last tenth over that of the first."""
        return self.seconds_by_tenth[-1] / self.seconds_by_tenth[0]


def main() -> None:
    """Prints the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--longest", type=int, default=2**16, help="a power of two, at least 8,192")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--passes", type=int, default=2, help="over the whole stream")
    parser.add_argument("--data", type=Path, help="a prepared folder of performances")
    parser.add_argument("--cell", help="one model, as JSON")
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(asdict(measure(options.cell, options))))
        return
    positions = positions_up_to(options.longest)
    print(_head(positions), flush=True)
    rows: list[Measured] = []
    for variant in options.variants:
        command = [sys.executable, "-m", "benchmarks.memory", *sys.argv[1:], "--cell", variant]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(Measured(**json.loads(said)))
        print(_lines(variant, rows[-1]), flush=True)
    bounded = [row for row in rows if row.is_bounded]
    met = sum(row.drift <= GOAL for row in bounded)
    print(f"\n{len(bounded)} of {len(rows)} models are bounded; {met} of these keep within {GOAL}.")


def positions_up_to(longest: int) -> list[int]:
    """1,024 and its doubles."""
    return [1024 << power for power in range((longest // 1024).bit_length())]


def measure(variant: str, options: Any) -> Measured:
    """All numbers of one model."""
    torch.set_num_threads(1)
    keep_memory()
    model, positions = build(variant), positions_up_to(options.longest)
    ids_1T = tokens(positions[-1] + SEGMENT, options.data)
    found = Measured(parameters=sum(parameter.numel() for parameter in model.parameters()))
    seconds, state = list[float](), None
    for start in range(0, positions[-1], SEGMENT):
        stop = start + SEGMENT
        if stop in positions:
            almost = _heard(model, ids_1T[:, start : stop - 1], state)[1]
            found.step_seconds.append(_step_seconds(model, ids_1T[:, stop - 1 : stop], almost, options.repeats))
        spent, state = _heard(model, ids_1T[:, start:stop], state)
        seconds.append(spent)
        if stop in positions:
            tensors = [leaf for leaf in leaves(state) if isinstance(leaf, Tensor)]
            found.state_bytes.append(sum(tensor.numel() * tensor.element_size() for tensor in tensors))
            found.formula_bytes.append(_any(model).state_bytes(1, stop))
            spent = _training_seconds(model, ids_1T[:, : stop + SEGMENT], state, options.repeats)
            found.training_tokens_per_second.append(SEGMENT / spent)
    for _ in range(options.passes - 1 if found.is_bounded else 0):
        seconds = list(map(min, seconds, _stream(model, ids_1T[:, : positions[-1]])))
    found.seconds_by_tenth = _by_tenth(seconds)
    return found


def _any(model: nn.Module) -> Any:
    return model


def _stream(model: nn.Module, ids_1T: Tensor) -> list[float]:
    """Seconds for every segment of a stream, logits included."""
    seconds, state = list[float](), None
    for segment in ids_1T.split(SEGMENT, dim=1):
        spent, state = _heard(model, segment, state)
        seconds.append(spent)
    return seconds


@torch.no_grad()
def _heard(model: nn.Module, ids_1T: Tensor, state: Any) -> tuple[float, Any]:
    """Seconds, and the state after the last."""
    start = time.process_time()
    _, state = model(ids_1T, state)
    return time.process_time() - start, state


def _step_seconds(model: nn.Module, id_11: Tensor, state: Any, repeats: int) -> float:
    """State is a value: the same step can be taken again and again."""
    return min(_heard(model, id_11, state)[0] for _ in range(10 * repeats))


def _training_seconds(model: nn.Module, ids_1T: Tensor, state: Any, repeats: int) -> float:
    """Forward and backward of the last segment of ``ids_1T``."""
    model.train()
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        before = _learned_through(model, ids_1T[:, :-SEGMENT]) if isinstance(model, PerceiverAr) else detached(state)
        logits_1TV, _ = model(ids_1T[:, -SEGMENT:], before)
        nn.functional.cross_entropy(logits_1TV.flatten(0, 1), ids_1T[0, -SEGMENT:]).backward()
        seconds.append(time.process_time() - start)
        model.zero_grad()
    model.eval()
    return min(seconds)


def _learned_through(model: PerceiverAr, ids_1T: Tensor) -> Any:
    """What a window's context becomes: no more of it than the first of the latents hears."""
    return model.absorb(ids_1T[:, -_any(model.config).context :])


def _by_tenth(seconds: list[float]) -> list[float]:
    """Seconds for a token in each tenth of a stream of segments; one on a border counts where it ends."""
    tenths: list[list[float]] = [[] for _ in range(10)]
    for number, spent in enumerate(seconds, start=1):
        tenths[(10 * number - 1) // len(seconds)].append(spent)
    return [sum(tenth) / len(tenth) / SEGMENT for tenth in tenths]


def _head(positions: list[int]) -> str:
    names = [f"{position // 1024}k" for position in positions]
    names += ["bounded", "as the formula says", "last / first tenth", "last / second", f"goal {GOAL}"]
    return f"| model | | {' | '.join(names)} |\n|---|---|" + "--:|" * len(positions) + "---|---|--:|--:|---|"


def _lines(variant: str, row: Measured) -> str:
    """Three for each model."""
    goal = ("met" if row.drift <= GOAL else "missed") if row.is_bounded else "-"
    facts = [
        "yes" if row.is_bounded else "no",
        "yes" if row.state_bytes == row.formula_bytes else f"NO: {row.formula_bytes}",
        f"{row.drift:.2f}",
        f"{row.seconds_by_tenth[-1] / row.seconds_by_tenth[1]:.2f}",
        goal,
    ]
    sizes = [f"{size / 1024:,.0f}" for size in row.state_bytes]
    steps = [f"{1000 * seconds:.2f}" for seconds in row.step_seconds]
    speeds = [f"{speed:,.0f}" for speed in row.training_tokens_per_second]
    return "\n".join(
        [
            f"| {variant} ({row.parameters / 1e6:.2f} M) | state, KiB | {' | '.join([*sizes, *facts])} |",
            f"| | step, ms | {' | '.join(steps)} | | | | | |",
            f"| | training, tokens/s | {' | '.join(speeds)} | | | | | |",
        ]
    )


if __name__ == "__main__":
    main()
