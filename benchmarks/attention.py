"""Time and memory of relative attention, forward and backward, beside other ways to compute it and beside rotary.

    python -m benchmarks.attention [--threads 1] [--repeats 7] [--bfloat16]

One layer of causal attention, logits to weighted values, without projections: 8 heads of width 64, one piece of
L = 512 to 4,096 tokens that all hear one another; relative with a table of L distances, without u and v.

* *naive* gathers a vector for every pair (L x L x 64 numbers per head); *skew* holds L x L logits, the published
  way; *ours* is ``modules/relative.py``; *rotary* turns queries and keys and goes through torch's fused kernel.
* Every cell is a process of its own. Time: CPU time of all threads, the median of the repeats after one that is not
  counted; with one thread that is the time on a core that nothing else uses. Memory: by how
  much the high-water mark of the resident set grew over what the inputs and a short warm-up (64 tokens) needed.
* A cell that would need more than 8 GiB by arithmetic is not run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ritornello.modules.fused import fused_attention
from ritornello.modules.horizons import Window
from ritornello.modules.positions import turned, turns
from ritornello.modules.relative import RelativeAttention
from tests.modules.relative_references import global_skew, naive

LENGTHS = (512, 1024, 2048, 4096)
NUM_HEADS, HEAD_WIDTH = 8, 64
WAYS = ("naive", "skew", "ours", "rotary")
MAX_BYTES = 8 * 2**30
_NAIVE_COPIES = 3
"""The gathered vectors, masked, and their gradient."""


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--bfloat16", action="store_true", help="instead of float32")
    parser.add_argument("--cell", nargs=2, metavar=("WAY", "LENGTH"), help="one cell, as JSON")
    options = parser.parse_args()
    dtype = torch.bfloat16 if options.bfloat16 else torch.float32
    if options.cell:
        print(json.dumps(measure(options.cell[0], int(options.cell[1]), dtype, options.threads, options.repeats)))
        return
    print(f"{dtype}, {options.threads} thread(s), median of {options.repeats}, forward and backward")
    print("| L | " + " | ".join(f"{way} ms" for way in WAYS) + " | ours / rotary | ours / skew |", end="")
    print(" " + " | ".join(f"{way} MiB" for way in WAYS) + " |")
    print("|--:|" + "--:|" * (2 * len(WAYS) + 2))
    for length in LENGTHS:
        cells = {way: _in_a_process(way, length, dtype) for way in WAYS}
        times, sizes = ([cells[way][part] for way in WAYS] for part in (0, 1))
        ratios = [f"{times[2] / times[3]:.2f}", f"{times[2] / times[1]:.2f}"]
        row = [str(length), *(f"{1000 * t:.0f}" for t in times), *ratios, *(f"{size:.0f}" for size in sizes)]
        print("| " + " | ".join(row).replace("nan", "-") + " |", flush=True)


def _in_a_process(way: str, length: int, dtype: torch.dtype) -> tuple[float, float]:
    """Seconds and MiB; nan where the cell would not fit."""
    per_pair = {"naive": _NAIVE_COPIES * HEAD_WIDTH, "skew": 4}.get(way, 0)
    if per_pair * NUM_HEADS * length**2 * dtype.itemsize > MAX_BYTES:
        return float("nan"), float("nan")
    command = [sys.executable, "-m", "benchmarks.attention", *sys.argv[1:], "--cell", way, str(length)]
    seconds, mebibytes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, mebibytes


def measure(way: str, length: int, dtype: torch.dtype, threads: int, repeats: int) -> tuple[float, float]:
    """Median seconds, and MiB by which the high-water mark grew."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    once(way, 64, dtype)()
    step = once(way, length, dtype)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    times: list[float] = []
    for _ in range(repeats):
        begin = time.process_time()
        step()
        times.append(time.process_time() - begin)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return sorted(times)[repeats // 2], grown / 1024


def once(way: str, length: int, dtype: torch.dtype) -> Callable[[], None]:
    """Forward and backward, to be called."""
    # as a layer's projection hands them over: one tensor, heads inside positions
    qkv = torch.randn(1, length, 3, NUM_HEADS, HEAD_WIDTH).to(dtype).requires_grad_()
    gradient = torch.randn(1, NUM_HEADS, length, HEAD_WIDTH).to(dtype)
    module = RelativeAttention(NUM_HEADS, HEAD_WIDTH, length, with_uv=False)
    table = module.distances_HRK
    compute = {
        "naive": lambda q, k, v: naive(q, k, v, table.to(dtype), _no_uv(dtype), Window(length), 0),
        "skew": lambda q, k, v: global_skew(q, k, v, table.to(dtype), _no_uv(dtype)),
        "ours": lambda q, k, v: module(q, k, v, Window(length), 0),
        "rotary": rotary,
    }[way]
    return partial(_step, compute, qkv, table, gradient)


def _step(compute: Callable[..., Tensor], qkv: Tensor, table: Tensor, gradient: Tensor) -> None:
    qkv.grad = table.grad = None
    compute(*qkv.permute(2, 0, 3, 1, 4)).backward(gradient)


def rotary(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Angles, rotation and fused attention."""
    by = turns(0, q.shape[2], HEAD_WIDTH, q)
    return fused_attention(turned(q, by), turned(k, by), v, Window(q.shape[2]), 0)


def _no_uv(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    zeros = torch.zeros(NUM_HEADS, HEAD_WIDTH, dtype=dtype)
    return zeros, zeros


if __name__ == "__main__":
    main()
