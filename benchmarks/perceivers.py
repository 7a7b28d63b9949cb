"""Effective segmentation against cropping, and one scale against the cascade, by position in the piece.

    python -m benchmarks.perceivers --bf16      # recipes/long/perceiver-cpu.yaml, minutes on a CPU
    python -m benchmarks.perceivers --table     # the table of what is there

Three models of one recipe, one seed, one number of steps and of learned targets. *Cropped* windows begin anywhere and
are whole, so the first positions of a long piece are heard but never learned to predict: the baseline of PerceiverS
(arXiv 2411.08307). *Effective* windows end anywhere. Every validation piece is streamed from its beginning.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.long_context import spread, train
from ritornello.data.prepared import PreparedLevel
from ritornello.training.likelihood import token_nats
from ritornello.training.recipe import read_recipe
from ritornello.training.seeding import exact_arithmetic
from ritornello.training.weights import find_weights, load_weights

RUNS = {
    "one scale, cropped": ["data.segmentation=cropped"],
    "one scale, effective": ["data.segmentation=effective"],
    "cascade, effective": ["data.segmentation=effective", "model.name=perceiver_s"],
}
PLACES = (0, 128, 512, 1024, 2048, 4096, 8192, 2**40)


def main() -> None:
    """Trains and scores what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recipe", type=Path, default=Path("recipes/long/perceiver-cpu.yaml"))
    parser.add_argument("--out", type=Path, default=Path("runs/long"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--only", nargs="+", default=[*RUNS], choices=[*RUNS])
    parser.add_argument("--pieces", type=int, default=24, help="validation pieces, spread over all lengths")
    parser.add_argument("--until", type=int, default=12_288, help="tokens of a piece that are scored")
    parser.add_argument("--bf16", action="store_true", help="score with matrix products in bfloat16")
    parser.add_argument("--table", action="store_true", help="train and score nothing")
    arguments = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    for name in arguments.only:
        run = arguments.out / f"perceiver {name}".replace(", ", "-").replace(" ", "-")
        if not arguments.table:
            changes = [*arguments.changes, *RUNS[name]]
            train(arguments.recipe, run, changes)
            _score(run, changes, arguments)
        if (run / "by_position.json").is_file():
            rows[name] = json.loads((run / "by_position.json").read_text())
    print(_table(rows))


def _score(run: Path, changes: list[str], arguments: argparse.Namespace) -> None:
    file, recipe = run / "by_position.json", read_recipe(arguments.recipe, changes)
    if file.is_file():
        return
    data = PreparedLevel(recipe.data.folder, recipe.data.level)
    model = load_weights(find_weights(run), data.vocabulary_hash)
    pieces = spread(data, arguments.pieces)
    with exact_arithmetic(1):
        whole = token_nats(model, data, pieces, bf16=arguments.bf16, batch_tokens=4096, until=arguments.until).whole
    nats = [whole[i][1:] for i in pieces]
    parts = [np.concatenate([mine[start:stop] for mine in nats]) for start, stop in pairwise(PLACES)]
    cost = json.loads((run / "cost.json").read_text())
    targets = recipe.steps * recipe.data.batch_tokens
    facts = {
        "by_place": [float(part.mean()) for part in parts],
        "tokens": [len(part) for part in parts],
        "nats": float(np.concatenate(nats).mean()),
        "pieces": len(pieces),
        "targets": targets,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "targets_per_second": targets / cost["seconds"],
    }
    file.write_text(json.dumps(facts, indent=1) + "\n")


def _table(rows: dict[str, dict[str, Any]]) -> str:
    if not rows:
        return "nothing is there yet"
    first = next(iter(rows.values()))
    names = [f"{a:,}-{b - 1:,}" if b < 2**40 else f"from {a:,}" for a, b in pairwise(PLACES)]
    lines = [
        f"{first['targets']:,} targets each; {first['pieces']} validation pieces, {sum(first['tokens']):,} tokens",
        "",
        "| nats per token at | " + " | ".join(names) + " | all | parameters | targets per CPU second |",
        "|---|" + "---|" * (len(names) + 3),
        "| tokens | " + " | ".join(f"{count:,}" for count in first["tokens"]) + " | | | |",
    ]
    for name, row in rows.items():
        figures = " | ".join(f"{figure:.4f}" for figure in [*row["by_place"], row["nats"]])
        lines.append(f"| {name} | {figures} | {row['parameters'] / 1e6:.2f} M | {row['targets_per_second']:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
