"""A piece of 100,000 tokens through each model whose state has a bound: does the process keep its size?

    python -m benchmarks.streaming                          # read in segments of 512
    python -m benchmarks.streaming --chunk 1 --tokens 20000 --warm-up 4000      # token by token, as when performing

Every model runs in a process of its own, without gradients, on one thread (sizes: ``long_models.py``). Sampled after
every 512 tokens, from the end of the warm-up on: the process's own resident memory, without the pages of libraries,
which the system drops and reads again as it likes. The goal is that every sample lies within 1 % of the median; a
straight line through them says whether they rise.

By default every block of 64 KiB or more is the system's own and goes back to it when freed, so what is resident is what
is in use. ``--malloc kept`` keeps freed blocks, as training does (``training/allocation.py``), ``--malloc plain``
leaves it to the C library: then scratch and gaps between blocks are measured too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.long_models import SEGMENT, VARIANTS, build, tokens
from ritornello.training.allocation import keep_memory

GOAL = 0.01
_APART = {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
"""Read by glibc."""


def main() -> None:
    """Prints the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=10_000, help="tokens")
    parser.add_argument("--chunk", type=int, default=SEGMENT, help="tokens read at once")
    parser.add_argument("--malloc", choices=("apart", "kept", "plain"), default="apart")
    parser.add_argument("--data", type=Path, help="a prepared folder of performances")
    parser.add_argument("--cell", help="one model, as JSON")
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(measure(options.cell, options)))
        return
    print("| model | state KiB | least MiB | median MiB | most MiB | least | most | rise in all, KiB | goal ± 1 % |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|---|", flush=True)
    bounded = [variant for variant in options.variants if _is_bounded(variant, options.tokens)]
    met = 0
    for variant in bounded:
        command = [sys.executable, "-m", "benchmarks.streaming", *sys.argv[1:], "--cell", variant]
        environment = {**os.environ, **(_APART if options.malloc == "apart" else {})}
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        row: dict[str, float] = json.loads(said)
        sizes = [row[name] for name in ("least", "median", "most")]
        swings = [size / row["median"] - 1 for size in (row["least"], row["most"])]
        is_met = max(map(abs, swings)) <= GOAL
        met += is_met
        cells = [variant, f"{row['state'] / 1024:,.0f}", *(f"{size / 1024:.1f}" for size in sizes)]
        cells += [*(f"{swing:+.2%}" for swing in swings), f"{row['rise']:+,.0f}", "met" if is_met else "missed"]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{met} of {len(bounded)} models keep their size over {options.tokens:,} tokens.")


def _is_bounded(variant: str, num_tokens: int) -> bool:
    """Whether the formula gives the state no more bytes at the end than half-way."""
    model: Any = build(variant)
    powers = (num_tokens.bit_length() - 2, num_tokens.bit_length() - 1)
    half, whole = (model.state_bytes(1, 1 << power) for power in powers)
    return whole <= half


@torch.no_grad()
def measure(variant: str, options: Any) -> dict[str, float]:
    """Resident KiB over the stream, and the bytes of the state at its end."""
    torch.set_num_threads(1)
    if options.malloc == "kept":
        keep_memory()
    model: Any = build(variant)
    ids_1T = tokens(options.tokens, options.data)
    samples: list[tuple[int, float]] = []
    state, sampled = None, 0
    for start in range(0, options.tokens, options.chunk):
        _, state = model(ids_1T[:, start : start + options.chunk], state)
        stop = min(start + options.chunk, options.tokens)
        if stop >= options.warm_up and stop - sampled >= SEGMENT:
            samples.append((stop, resident_kib()))
            sampled = stop
    positions, sizes = np.array(samples).T
    slope = np.polyfit(positions, sizes, 1)[0]
    return {
        "least": float(sizes.min()),
        "median": float(np.median(sizes)),
        "most": float(sizes.max()),
        "state": model.state_bytes(1, options.tokens),
        "rise": float(slope * (positions[-1] - positions[0])),
    }


def resident_kib() -> float:
    """Of the process's own memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


if __name__ == "__main__":
    main()
