"""Seconds and memory to compose long pieces: linear in their length, memory flat beyond the notes.

    python -m benchmarks.long_form --style song [--minutes 1 5 10 20] [--write docs/results.md]

Every length is composed in a process of its own, all levels and notes, with nothing copied: sections of eight bars,
sixteen letters, then each of them varied. A bar is a bar of 4/4 at 96 quarter notes a minute, so a minute is 24 bars.
What takes time are the notes, and songs begin with few: so the plan asks for as many in each bar of every length
(``--notes-per-bar``; 0 lets each section have its own, as in a composed piece), and seconds are also given per token.
The shortest piece is composed again after each of the others, and its seconds are the mean: a machine that is shared is
now faster, now slower. How fast it was says the *yardstick*: microseconds of the product of a vector and a matrix
(768 x 256 in float32, one of twenty in turn, 16 MB as a model has), half before the piece and half behind it.
Memory is the peak of the process above what it holds with everything loaded and one bar composed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Literal

import torch

from benchmarks.page import write_between_markers
from ritornello.form.key import Key
from ritornello.form.plan import Plan, Section
from ritornello.generation.compose import compose
from ritornello.generation.engine import small_steps
from ritornello.generation.levels import load_levels
from ritornello.tokenizers.bars import EvenBarsTokenizer

Style = Literal["song", "bach"]
BARS_PER_SECTION = 8
BARS_PER_MINUTE = 24
TEMPO_BPM = 96
LETTERS = "ABCDEFGHJKLMNPQR"
NOTES_PER_BAR = {"song": 20.5, "bach": 15.6}
"""Those of the test pieces (``long_pieces.py``)."""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", default="song", choices=("song", "bach"))
    parser.add_argument("--weights", type=Path, help="folder of levels; default: the shipped ones")
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 5, 10, 20])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--notes-per-bar", type=float, help=f"asked for; default: {NOTES_PER_BAR}")
    parser.add_argument("--write", type=Path, help="page with the markers long_form STYLE")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.notes_per_bar is None:
        options.notes_per_bar = NOTES_PER_BAR[options.style]
    if options.one is not None:
        print(json.dumps(measure(options.style, options.weights, options.one, options.seed, options.notes_per_bar)))
        return
    found, again = list[dict[str, float]](), list[dict[str, float]]()
    for number, minutes in enumerate(options.minutes):
        found.append(_in_own_process(options, minutes))
        again.append(_in_own_process(options, options.minutes[0]) if number else found[0])
    text = table([_mean(again), *found[1:]])
    print(text)
    if options.write is not None:
        write_between_markers(options.write, f"long_form {options.style}", text)


def plan_of(style: Style, num_bars: int, notes_per_bar: float) -> Plan:
    """A plan of so many bars in which no section is the same as another; 0 notes per bar leave that open."""
    sizes = [BARS_PER_SECTION] * (num_bars // BARS_PER_SECTION)
    sizes += [num_bars % BARS_PER_SECTION] if num_bars % BARS_PER_SECTION else []
    sections = [
        Section(label=LETTERS[number % len(LETTERS)] + "'" * (number // len(LETTERS)), bars=bars)
        for number, bars in enumerate(sizes)
    ]
    return Plan(
        style=style,
        key=Key.parse("C major"),
        metre="4/4",
        pickup_beats=0,
        tempo_bpm=TEMPO_BPM,
        notes_per_bar=notes_per_bar or None,
        sections=tuple(sections),
    )


def measure(style: Style, weights: Path | None, minutes: int, seed: int, notes_per_bar: float) -> dict[str, float]:
    """Composes one piece in this process."""
    levels = load_levels(weights, style)
    compose(plan_of(style, 1, notes_per_bar), levels, seed=seed)
    yardstick = _yardstick_us()
    before, num_bars = _peak_mib(), minutes * BARS_PER_MINUTE
    started, processor = time.perf_counter(), time.process_time()
    made = compose(plan_of(style, num_bars, notes_per_bar), levels, seed=seed)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    tokens = len(EvenBarsTokenizer().encode(made.score).ids)
    return {
        "minutes": minutes,
        "bars": len(made.score.bars()),
        "wanted_bars": num_bars,
        "notes": made.score.num_notes,
        "tokens": tokens,
        "seconds": seconds,
        "processor_seconds": processor,
        "mib": _peak_mib() - before,
        "yardstick_us": (yardstick + _yardstick_us()) / 2,
    }


def table(found: list[dict[str, float]]) -> str:
    """The figures of all lengths, and the last against the first."""
    names = (
        "minutes",
        "bars",
        "notes",
        "tokens",
        "seconds",
        "ms per bar",
        "ms per token",
        "processor ms per token",
        "MiB",
        "yardstick",
    )
    rows = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for one in found:
        per_bar, per_token = one["seconds"] / one["bars"], one["seconds"] / one["tokens"]
        cells = [
            *(f"{one['minutes']:g}", f"{one['bars']:g} of {one['wanted_bars']:g}"),
            *(f"{one['notes']:,.0f}", f"{one['tokens']:,.0f}"),
            *(f"{one['seconds']:.1f}", f"{1000 * per_bar:.0f}", f"{1000 * per_token:.2f}"),
            *(f"{1000 * one['processor_seconds'] / one['tokens']:.2f}", f"{one['mib']:.0f}"),
            f"{one['yardstick_us']:.0f}",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    first, last = found[0], found[-1]
    ratios = [
        (last[what] / last[per]) / (first[what] / first[per])
        for what, per in (("seconds", "bars"), ("seconds", "tokens"), ("processor_seconds", "tokens"))
    ]
    named = zip(("seconds per bar", "seconds per token", "processor seconds per token"), ratios, strict=True)
    rows += ["", "Last against first: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in named) + "."]
    return "\n".join(rows)


def _mean(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of several runs of one piece."""
    return {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}


def _in_own_process(options: argparse.Namespace, minutes: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.long_form", "--style", options.style, "--one", str(minutes)]
    command += ["--seed", str(options.seed), "--notes-per-bar", str(options.notes_per_bar)]
    command += [*(["--weights", str(options.weights)] if options.weights else [])]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def _yardstick_us() -> float:
    with small_steps(), torch.inference_mode():
        vector, matrices = torch.ones(1, 256), [torch.ones(768, 256) for _ in range(20)]
        started = time.perf_counter()
        for _ in range(200):
            for matrix in matrices:
                torch.nn.functional.linear(vector, matrix)
        return (time.perf_counter() - started) / 4000 * 1e6


def _peak_mib() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
