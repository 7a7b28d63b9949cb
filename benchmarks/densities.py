"""How many notes a bar has: in real songs, as they go on, and in composed ones that are asked for so many.

    python -m benchmarks.densities [--style song] [--asked 12 20 30] [--pieces 20] [--write docs/results.md]

Real are the test pieces of the corpus (RITORNELLO_DATA). Composed ones follow plans that the shipped levels make for
seeds 1, 2, ...: the same plans, with the densities that were drawn for their sections, with none ("left open", as the
note level has it by itself), and with one number for the whole piece. A minute is taken as 24 bars, as
``long_form.py`` takes it; pieces of fewer than two are left out of its ratio. Means are over bars, their 95 % intervals
over pieces.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.long_form import BARS_PER_MINUTE
from benchmarks.page import write_between_markers
from ritornello.data.corpora import CORPORA
from ritornello.errors import UserError
from ritornello.evaluation.statistics import Estimate, Tally, rate
from ritornello.form.plan import Plan
from ritornello.generation.compose import complete
from ritornello.generation.engine import small_steps
from ritornello.generation.levels import load_levels
from ritornello.generation.passages import realise_many
from ritornello.generation.section_densities import as_dense_as, without_densities
from ritornello.scores.score import Score

CORPUS_OF = {"song": "pop909_cl", "bach": "bach_mutopia"}


class Row(NamedTuple):
    """The pieces of one line."""

    name: str
    bars: list[list[int]]
    """Of each piece the notes that begin in each bar."""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", default="song", choices=tuple(CORPUS_OF))
    parser.add_argument("--asked", type=float, nargs="+", default=[12.0, 20.0, 30.0])
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--write", type=Path, help="page with the markers densities STYLE")
    options = parser.parse_args()
    with small_steps():
        rows = [Row("real", [in_bars(score) for score in _real(options.style)])]
        rows += list(_composed(options.style, options.pieces, options.asked))
    text = table(rows)
    print(text)
    if options.write is not None:
        write_between_markers(options.write, f"densities {options.style}", text)


def in_bars(score: Score) -> list[int]:
    """Notes of all parts that begin in each bar."""
    starts = [start for start, _ in score.bars()]
    onsets = np.concatenate([part.notes.onset_ticks for part in score.parts])
    return np.bincount(np.searchsorted(starts, onsets, side="right") - 1, minlength=len(starts)).tolist()


def table(rows: Iterable[Row]) -> str:
    """A line for each row."""
    names = ("", "pieces", "notes per bar", "of single pieces, 5 % to 95 %", "first minute", "later", "later / first")
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for row in rows:
        means = [np.mean(bars) for bars in row.bars]
        longer = [bars for bars in row.bars if len(bars) >= 2 * BARS_PER_MINUTE]
        first = _mean([bars[:BARS_PER_MINUTE] for bars in longer])
        later = _mean([bars[BARS_PER_MINUTE:] for bars in longer])
        low, high = np.percentile(means, [5, 95])
        cells = (row.name, len(row.bars), _mean(row.bars), f"{low:.1f} to {high:.1f}", first, later)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + f" | {later.value / first.value:.2f} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value.value:.1f} [{value.low:.1f}, {value.high:.1f}]" if isinstance(value, Estimate) else str(value)


def _mean(pieces: Sequence[Sequence[int]]) -> Estimate:
    return rate(Tally([float(sum(bars)) for bars in pieces], [float(len(bars)) for bars in pieces]))


def _real(style: str) -> Iterator[Score]:
    for piece in CORPORA[CORPUS_OF[style]].pieces(None):
        if piece.split == "test":
            try:
                yield piece.load()
            except UserError:
                continue


def _composed(style: str, num_pieces: int, asked: Sequence[float]) -> Iterator[Row]:
    levels, seeds = load_levels(None, style), range(1, num_pieces + 1)  # type: ignore[arg-type]
    plans = [complete(Plan(style=style), levels, seed) for seed in seeds]  # type: ignore[arg-type]
    wanted = {"composed": plans, "left open": [without_densities(plan) for plan in plans]}
    wanted |= {f"asked for {notes:g}": [as_dense_as(plan, notes) for plan in wanted["left open"]] for notes in asked}
    for name, same_plans in wanted.items():
        scores = realise_many(same_plans, levels.notes, list(seeds))
        yield Row(name, [in_bars(score) for score in scores])


if __name__ == "__main__":
    main()
