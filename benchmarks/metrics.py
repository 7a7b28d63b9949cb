"""Can the metrics be trusted? Real music against real music, and against the same music spoilt in known ways.

    python -m benchmarks.metrics --write docs/metrics.md         # needs RITORNELLO_DATA; --pieces 20 for a glance

Every metric that needs no bars is measured on MAESTRO's test performances and on the same performances shuffled,
transposed and looped (``evaluation/corruption.py``). One table for the thirteen features that are compared as
distributions, one for all single values:

* **real**: mean over all pieces; **half - half**: one random half of the pieces minus the other, with the 95 %
  interval of the difference, which should hold 0 for about 19 of 20 metrics (it is bold where it does not).
* **shuffled, transposed, looped**: mean change from a piece to its spoilt self (of arrays: mean distance between the
  two), with the 95 % interval over pieces; ✓ it goes where the definition says, ✗ it does not, nothing where the
  definition says nothing.
* **OA**: overlapping area, corrected form, of one half with the other half as it is (mean and least of ten halvings),
  and with the other half spoilt (mean of ten).
* **tells a loop**: whether two sets tell, since the reader of a report has no pairs. For single values: the interval
  of the difference between one half and the *other* half looped leaves out 0, on the side to which looping moves a
  piece; for the distributions: OA with the looped half lies below the least of ten halvings of real pieces. A metric
  without a yes cannot tell thirty seconds played again and again from music, and says nothing about holding together.

A third table sets the usual form of OA and KLD (``evaluation/densities.py``) beside the corrected one, both of real
halves; and one line says what OA real music reaches in sets of several sizes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import write_between_markers
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.workers import run_jobs
from ritornello.evaluation.aspects import ASPECTS, all_metrics
from ritornello.evaluation.corruption import CORRUPTIONS
from ritornello.evaluation.densities import Overlap, overlap, pairwise, usual_overlap, within
from ritornello.evaluation.metric import Corruption, Metric, Value
from ritornello.evaluation.statistics import Estimate, Tally, difference, rate
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores import Score, read_score

NUM_HALVINGS = 10
SET_SIZES = (10, 20, 40, 88)
UNCHANGED = 1e-9
Table = Mapping[str, FloatArray]
"""Metric -> values of all pieces (P, D)."""


def main() -> None:
    """Measures, prints, and writes the tables into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, help="only so many, spread over all")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--write", type=Path, help="page with a place for the tables (metrics)")
    options = parser.parse_args()
    files = sorted(corpus_folder(None, "maestro-v3.0.0-test-midi").rglob("*.mid*"))
    if options.pieces:
        files = files[:: max(1, len(files) // options.pieces)][: options.pieces]
    found = sorted(run_jobs(measured, files, options.workers, lost))
    tables = {kind: table([values[kind] for _, values in found]) for kind in ("real", *CORRUPTIONS)}
    text = page(tables, len(files))
    print(text)
    if options.write:
        write_between_markers(options.write, "metrics", text)


def measured(file: Path) -> tuple[str, dict[str, dict[str, Value]]]:
    """All values of a piece as it is, and as each corruption leaves it."""
    score = read_score(file)
    seed = [ord(letter) for letter in file.stem]  # of its own for each piece, and the same on every run
    values = {"real": evaluated(score)}
    for name, spoil in CORRUPTIONS.items():
        values[name] = evaluated(spoil(score, np.random.default_rng(seed)))
    return str(file), values


def evaluated(score: Score) -> dict[str, Value]:
    """Every aspect that needs no bars."""
    notes = Timeline.of(score, written=False)
    values: dict[str, Value] = {}
    for aspect in ASPECTS.values():
        if not aspect.needs_bars:
            values.update(aspect.evaluate(notes))
    return values


def lost(file: Path) -> tuple[str, dict[str, dict[str, Value]]]:
    """A piece whose worker died ends the command: a table without it would not say so."""
    raise RuntimeError(f"a worker died on {file}")


def table(pieces: Sequence[Mapping[str, Value]]) -> Table:
    """Values by metric, a row for each piece."""
    return {
        name: np.array([np.ravel(piece[name]) for piece in pieces], dtype=np.float64)
        for name in all_metrics()
        if name in pieces[0]
    }


def page(tables: Mapping[str, Table], num_pieces: int) -> str:
    """All tables and what they sum up to."""
    features = all_metrics("pitch", "rhythm")
    arrays = {name: m for name, m in all_metrics().items() if name in tables["real"] and m.shape}
    distributions = {**features, **arrays}
    singles = {name: m for name, m in all_metrics().items() if name in tables["real"] and not m.shape}
    others = {name: m for name, m in singles.items() if name not in features}
    said = [
        (metric, corruption, verdict(metric, corruption, moved(tables, name, corruption)))
        for name, metric in {**distributions, **others}.items()
        for corruption in metric.moves
    ]
    right = sum(mark == "✓" for *_, mark in said)
    wrong = [f"{metric.name} ({corruption})" for metric, corruption, mark in said if mark != "✓"]
    apart = [name for name in singles if leaves_out_zero(halves_apart(tables["real"], tables["real"], name))]
    sums = (
        f"{num_pieces} performances. **{right} of {len(said)} moves are as defined**"
        f"{': not ' + ', '.join(wrong) if wrong else ''}. Two halves of the real pieces differ in {len(apart)} of "
        f"{len(singles)} single values{' (' + ', '.join(apart) + ')' if apart else ''}; by chance it would be about "
        f"{len(singles) / 20:.0f}."
    )
    real = {name: tables["real"][name] for name in features}
    parts = [sums, features_table(tables, distributions), singles_table(tables, others), forms_table(real), sizes(real)]
    return "\n\n".join(parts)


def features_table(tables: Mapping[str, Table], metrics: Mapping[str, Metric]) -> str:
    """The thirteen features and all other arrays: moves, and overlapping areas."""
    lines = ["| feature | shuffled | transposed | looped | OA real | shuffled | transposed | looped | tells a loop |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, metric in metrics.items():
        areas = {kind: halved_areas(tables, name, kind) for kind in tables}
        real, tells = areas["real"], float(np.mean(areas["looped"])) < min(areas["real"])
        cells = [
            f"`{name}`",
            *(change(tables, metric, corruption) for corruption in CORRUPTIONS),
            f"{np.mean(real):.3f} (least {min(real):.3f})",
            *(f"{np.mean(areas[corruption]):.3f}" for corruption in CORRUPTIONS),
            "yes" if tells else "**no**",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def singles_table(tables: Mapping[str, Table], metrics: Mapping[str, Metric]) -> str:
    """All single values: what they are, and how they move."""
    lines = ["| metric | unit | real | half - half | shuffled | transposed | looped | tells a loop |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, metric in metrics.items():
        halves = halves_apart(tables["real"], tables["real"], name)
        cells = [
            f"`{name}`",
            metric.unit,
            number(float(np.nanmean(tables["real"][name]))),
            f"**{interval(halves)}**" if leaves_out_zero(halves) else interval(halves),
            *(change(tables, metric, corruption) for corruption in CORRUPTIONS),
            "yes" if tells_a_loop(tables, name) else "**no**",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def forms_table(real: Table) -> str:
    """OA and KLD of real halves, corrected and usual."""
    lines = ["| real half beside real half | OA | usual OA | KLD, nats | usual KLD, nats |", "|---|---|---|---|---|"]
    for name in real:
        pairs = [within_and_between(real, real, name, *halves(len(real[name]), seed)) for seed in range(NUM_HALVINGS)]
        cells = [mean_of([overlap(*pair) for pair in pairs]), mean_of([usual_overlap(*pair) for pair in pairs])]
        areas, nats = zip(*cells, strict=True)
        lines.append(f"| `{name}` | " + " | ".join(map(number, (*areas, *nats))) + " |")
    return "\n".join(lines)


def mean_of(overlaps: Sequence[Overlap]) -> Overlap:
    """Area and divergence, each the mean over halvings."""
    return Overlap(*np.mean(overlaps, axis=0).tolist())


def sizes(real: Table) -> str:
    """Mean OA of two random sets of real pieces, by how many pieces they have."""
    said: list[str] = []
    for count in SET_SIZES:
        areas: list[float] = []
        for name, values in real.items():
            for seed in range(NUM_HALVINGS):
                first, second = (half[:count] for half in halves(len(values), seed))
                areas.append(overlap(*within_and_between(real, real, name, first, second)).area)
        said.append(f"{count}: {np.mean(areas):.3f}")
    return "Mean OA over the thirteen features of two random sets of real pieces, by pieces in each: " + ", ".join(said)


def moved(tables: Mapping[str, Table], name: str, corruption: Corruption) -> Estimate:
    """Mean change of a single value, mean distance of an array, with its interval."""
    before, after = tables["real"][name], tables[corruption][name]
    if all_metrics()[name].shape:
        return rate(Tally.of_values(np.linalg.norm(after - before, axis=1).tolist()))
    return rate(Tally.of_values((after - before)[:, 0].tolist()))


def verdict(metric: Metric, corruption: Corruption, change: Estimate) -> str:
    """✓ or ✗; empty where the definition says nothing."""
    said = metric.moves.get(corruption)
    if said is None:
        return ""
    held = {
        "same": abs(change.value) <= UNCHANGED,
        "up": change.low > 0,
        "down": change.high < 0,
        "away": change.low > 0,
    }
    return "✓" if held[said] else "✗"


def tells_a_loop(tables: Mapping[str, Table], name: str) -> bool:
    """Whether one half differs from the other half looped, in the direction in which looping moves a piece."""
    paired = moved(tables, name, "looped")
    apart = halves_apart(tables["looped"], tables["real"], name)
    return leaves_out_zero(paired) and leaves_out_zero(apart) and (paired.value > 0) == (apart.value > 0)


def halves_apart(one: Table, other: Table, name: str) -> Estimate:
    """Mean of one random half of ``one`` minus the mean of the other half of ``other``."""
    first, second = halves(len(one[name]), 0)
    tallies = (Tally.of_values(one[name][first, 0].tolist()), Tally.of_values(other[name][second, 0].tolist()))
    return difference(*tallies)


def halved_areas(tables: Mapping[str, Table], name: str, kind: str) -> list[float]:
    """OA of a half of the real pieces with the other half, spoilt in a way: one for each of ten halvings."""
    pairs = [halves(len(tables["real"][name]), seed) for seed in range(NUM_HALVINGS)]
    return [overlap(*within_and_between(tables["real"], tables[kind], name, *pair)).area for pair in pairs]


def within_and_between(
    real: Table, other: Table, name: str, first: np.ndarray, second: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    """Distances within some real pieces, and from others to them."""
    ours, theirs = (t[np.isfinite(t).all(axis=1)] for t in (real[name][first], other[name][second]))
    return within(pairwise(ours, ours)), pairwise(theirs, ours).ravel()


def halves(num_pieces: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of the pieces."""
    order = np.random.default_rng(seed).permutation(num_pieces)
    return order[: num_pieces // 2], order[num_pieces // 2 : num_pieces // 2 * 2]


def change(tables: Mapping[str, Table], metric: Metric, corruption: Corruption) -> str:
    """A cell: by how much, and whether that is right."""
    found = moved(tables, metric.name, corruption)
    mark = verdict(metric, corruption, found)
    same = abs(found.value) <= UNCHANGED
    return f"{'same' if same else interval(found)} {mark}".rstrip()


def interval(estimate: Estimate) -> str:
    """``+0.21 [+0.13, +0.30]``."""
    if np.isnan(estimate.value):
        return "—"
    return f"{number(estimate.value, '+')} [{number(estimate.low, '+')}, {number(estimate.high, '+')}]"


def leaves_out_zero(estimate: Estimate) -> bool:
    """Whether all of the interval lies on one side."""
    return estimate.low > 0 or estimate.high < 0


def number(value: float, sign: str = "") -> str:
    """Three digits that count."""
    return f"{value:{sign}.3g}" if abs(value) < 1000 else f"{value:{sign},.0f}"


if __name__ == "__main__":
    main()
