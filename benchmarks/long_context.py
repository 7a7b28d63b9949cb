"""Ten schedules of memory, one budget, several seeds: what each is worth, and what it makes of its memory.

    python benchmarks/long_context.py --seeds 1 2 3 --bf16       # hours on a CPU
    python benchmarks/long_context.py --seeds 2 --variants full fhcr --bf16      # a part of it; the rest later
    python benchmarks/long_context.py --seeds 1 2 3 --table      # the table of what is there

For every seed a short beginning (recipes/long/short.yaml; one with all key/value heads, one with a single one) is
trained first. Each variant goes on from it through whole pieces (recipes/long/whole-pieces.yaml): the same pieces in
the same order, the same number of steps. Every training is the command ``ritornello train`` in a process of its own,
whose processor time and largest resident memory are taken from the system; what was killed goes on. Validation pieces
are streamed, and once more with the memory forgotten at token 8,192 (KRCU).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.data.prepared import PreparedLevel
from ritornello.evaluation.context.forgetting import RESET_AT, UNTIL, extra_behind_reset, krcu, reset_stretches
from ritornello.training.likelihood import token_nats
from ritornello.training.recipe import Recipe, read_recipe
from ritornello.training.seeding import exact_arithmetic
from ritornello.training.weights import find_weights, load_weights

PLACES = (0, 1024, 4096, 8192, 16384, 2**40)
"""Likelihood is shown between these positions of a piece."""


@dataclass(frozen=True)
class Variant:
    """A schedule, and what arXiv 2602.19816 published of it (authors' comparison figure)."""

    schedule: str
    queries_per_kv: int
    """Heads of queries to one of keys and values."""
    published_ppl: float
    published_krcu: float
    published_gb: float


VARIANTS = {
    "full": Variant("full", 1, 5.98, 0.0248, 15.5),
    "temporal_pruning": Variant("temporal_pruning", 1, 6.54, 0.0007, 6.3),
    "sliding": Variant("sliding", 1, 6.51, 0.0014, 7.8),
    "strided": Variant("strided", 1, 6.52, 0.0017, 7.8),
    "random": Variant("random", 1, 6.53, 0.0014, 8.0),
    "ascending": Variant("ascending", 1, 6.15, 0.0024, 7.0),
    "descending": Variant("descending", 1, 6.33, 0.0014, 7.1),
    "reverse_two_scale": Variant("reverse_two_scale", 1, 6.01, 0.0088, 6.3),
    "two_scale": Variant("two_scale", 1, 5.96, 0.0097, 6.3),
    "fhcr": Variant("full", 4, 6.01, 0.0312, 5.5),
}
OTHERS = {"nothing": ["model.config.budget=0"], "recall": ["model.config.budget=0", "model.config.recall=true"]}
"""Beside the ten, trained on for as many steps: no finished segment at all, and instead of it what notes recall."""


def main() -> None:
    """Trains and scores what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--variants", nargs="+", default=[*VARIANTS, *OTHERS], choices=[*VARIANTS, *OTHERS])
    parser.add_argument("--recipes", type=Path, default=Path("recipes/long"))
    parser.add_argument("--out", type=Path, default=Path("runs/long"))
    parser.add_argument("--set", dest="changes", action="append", default=[], help="of whole-pieces.yaml")
    parser.add_argument("--pieces", type=int, default=8, help="validation pieces, spread over all lengths")
    parser.add_argument("--bf16", action="store_true", help="score with matrix products in bfloat16")
    parser.add_argument("--table", action="store_true", help="train and score nothing")
    arguments = parser.parse_args()
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for seed in arguments.seeds:
        for name in arguments.variants:
            run = arguments.out / f"{name}-{seed}"
            if not arguments.table:
                _train_and_score(name, seed, run, arguments)
            if (run / "context.json").is_file():
                rows.setdefault(name, {})[seed] = json.loads((run / "context.json").read_text())
    print(_table(rows))


def _train_and_score(name: str, seed: int, run: Path, arguments: argparse.Namespace) -> None:
    variant = VARIANTS.get(name, Variant("uniform", 1, np.nan, np.nan, np.nan))
    short = arguments.recipes / "short.yaml"
    num_kv_heads = read_recipe(short).model.config["num_heads"] // variant.queries_per_kv
    beginning, heads = arguments.out / f"short-kv{num_kv_heads}-{seed}", f"model.config.num_kv_heads={num_kv_heads}"
    train(short, beginning, [f"seed={seed}", heads])
    changes = [*arguments.changes, f"start={beginning}", f"seed={seed}", heads]
    changes.append(f"model.config.schedule={variant.schedule}")
    changes += OTHERS.get(name, [])
    recipe = arguments.recipes / "whole-pieces.yaml"
    train(recipe, run, changes)
    if not (run / "context.json").is_file():
        measured = _scored(run, read_recipe(recipe, changes), arguments)
        (run / "context.json").write_text(json.dumps(measured, indent=1) + "\n")
        print(f"{run}: {measured['nats']:.4f} nats per token, KRCU {measured['krcu']:+.5f}", flush=True)


def train(recipe: Path, out: Path, changes: list[str]) -> None:
    """``ritornello train``, and what it cost, added up over all sittings; nothing where the run has its weights."""
    if (out / "weights").is_dir():
        return
    command = [sys.executable, "-m", "ritornello.cli", "train", str(recipe), "--out", str(out), "--resume"]
    process = subprocess.Popen([*command, *(part for change in changes for part in ("--set", change))])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    file = out / "cost.json"
    before = json.loads(file.read_text()) if file.is_file() else {"seconds": 0.0, "mib": 0.0}
    cost = {
        "seconds": before["seconds"] + usage.ru_utime + usage.ru_stime,
        "mib": max(before["mib"], usage.ru_maxrss / 1024),
    }
    file.write_text(json.dumps(cost) + "\n")


def _scored(run: Path, recipe: Recipe, arguments: argparse.Namespace) -> dict[str, Any]:
    data = PreparedLevel(recipe.data.folder, recipe.data.level)
    model: Any = load_weights(find_weights(run), data.vocabulary_hash)
    pieces = spread(data, arguments.pieces)
    stretches = {i: reset_stretches(min(data.entries[i].length, UNTIL + 1), RESET_AT) for i in pieces}
    with exact_arithmetic(1):
        nats = token_nats(model, data, pieces, stretches, bf16=arguments.bf16, batch_tokens=2048)
    whole = [nats.whole[i][1:] for i in pieces]
    behind = [extra_behind_reset(nats.whole[i][: UNTIL + 1], nats.forgetting[i], RESET_AT) for i in pieces]
    curve = krcu(behind)
    by_place = [np.concatenate([mine[start:stop] for mine in whole]) for start, stop in pairwise(PLACES)]
    cost, steps = json.loads((run / "cost.json").read_text()), recipe.steps * recipe.data.batch_tokens
    return {
        "nats": float(np.concatenate(whole).mean()),
        "pieces": len(pieces),
        "tokens": sum(map(len, whole)),
        "pieces_beyond_reset": sum(len(mine) > 0 for mine in behind),
        "krcu": curve.auc.value,
        "krcu_bins": {bin_.start: bin_.extra.value for bin_ in curve.bins},
        "by_place": [float(part.mean()) for part in by_place],
        "state_mib": model.state_bytes(1, 20_000) / 2**20,
        "peak_mib": cost["mib"],
        "tokens_per_second": steps / cost["seconds"],
        "trained_tokens": steps,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def spread(data: PreparedLevel, num_pieces: int) -> list[int]:
    """Validation pieces of all lengths, evenly spaced among those sorted by length."""
    pieces = sorted(data.of_split("validation"), key=lambda i: (data.entries[i].length, i))
    return [pieces[(2 * k + 1) * len(pieces) // (2 * num_pieces)] for k in range(num_pieces)]


def _table(rows: dict[str, dict[int, dict[str, Any]]]) -> str:
    if not rows:
        return "nothing is there yet"
    first = next(iter(next(iter(rows.values())).values()))
    lines = [
        (
            f"{first['parameters'] / 1e6:.2f} M parameters, {first['trained_tokens']:,} tokens after the beginning; "
            f"{first['pieces']} validation pieces ({first['pieces_beyond_reset']} beyond token {RESET_AT:,}), "
            f"{first['tokens']:,} tokens; mean (lowest to highest) of {max(map(len, rows.values()))} seeds"
        ),
        "",
        (
            "| memory | nats per token | perplexity | nats against nothing, x 1,000 | KRCU x 1,000 | state MiB at 20k "
            "| peak MiB | tokens per CPU second | published: perplexity | KRCU x 1,000 | GB |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in rows.items():
        variant = VARIANTS.get(name)
        published = "- | - | -"
        if variant:
            published = f"{variant.published_ppl} | {1000 * variant.published_krcu:.1f} | {variant.published_gb}"
        nats, useful = [run["nats"] for run in runs.values()], [1000 * run["krcu"] for run in runs.values()]
        gained = [1000 * value for value in _differences(rows, name, "nothing", "nats")]
        lines.append(
            f"| {name} | {_spreading(nats, 4)} | {np.exp(np.mean(nats)):.3f} | {_spreading(gained, 1)} "
            f"| {_spreading(useful, 2)} | {runs[min(runs)]['state_mib']:.1f} "
            f"| {max(run['peak_mib'] for run in runs.values()):,.0f} "
            f"| {statistics.median(run['tokens_per_second'] for run in runs.values()):,.0f} | {published} |"
        )
    return "\n".join([*lines, "", *_orders(rows), "", *_places(rows)])


def _differences(rows: dict[str, dict[int, dict[str, Any]]], a: str, b: str, figure: str) -> list[float]:
    """Seed by seed: runs of one seed share their beginning and the order of their pieces."""
    both = sorted(set(rows[a]) & set(rows.get(b, {})))
    return [rows[a][seed][figure] - rows[b][seed][figure] for seed in both]


def _spreading(values: list[float], digits: int) -> str:
    if not values:
        return "-"
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _orders(rows: dict[str, dict[int, dict[str, Any]]]) -> list[str]:
    """Pairs of variants whose difference exceeds its spread over seeds; how many of them are ordered as published."""
    lines: list[str] = []
    pairs = list(combinations([name for name in rows if name in VARIANTS], 2))
    for figure, attribute, what in (("nats", "published_ppl", "perplexity"), ("krcu", "published_krcu", "KRCU")):
        told, agreed = 0, 0
        for a, b in pairs:
            ours = _differences(rows, a, b, figure)
            theirs = getattr(VARIANTS[a], attribute) - getattr(VARIANTS[b], attribute)
            if theirs and len(ours) > 1 and abs(np.mean(ours)) > max(ours) - min(ours):
                told += 1
                agreed += (np.mean(ours) > 0) == (theirs > 0)
        lines.append(
            f"{what}: {told} of {len(pairs)} pairs differ by more than the spread of their difference over seeds; "
            f"{agreed} of these are ordered as published"
        )
    return lines


def _places(rows: dict[str, dict[int, dict[str, Any]]]) -> list[str]:
    names = [f"{a:,}-{b - 1:,}" if b < 2**40 else f"from {a:,}" for a, b in pairwise(PLACES)]
    lines = ["| nats per token at | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for name, runs in rows.items():
        figures = np.mean([run["by_place"] for run in runs.values()], axis=0)
        lines.append(f"| {name} | " + " | ".join(f"{figure:.4f}" for figure in figures) + " |")
    return lines


if __name__ == "__main__":
    main()
