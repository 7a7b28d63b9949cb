"""Four kinds of position, one recipe, one budget, and the likelihood of the validation split.

    python benchmarks/positions.py                                   # recipes/positions-cpu.yaml, about an hour of CPU
    python benchmarks/positions.py --recipe recipes/music-transformer.yaml

Every scheme is trained from the same seed on the same windows for the same number of steps; a run that was killed
goes on. The split is scored whole, in disjoint windows that carry nothing over (Music Transformer's protocol).
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from ritornello.data.prepared import PreparedLevel
from ritornello.training.evaluate import EvaluateOptions, evaluate
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, read_recipe
from ritornello.training.weights import find_weights, load_weights

SCHEMES = ("absolute", "relative", "rotary", "alibi")


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", type=Path, default=Path("recipes/positions-cpu.yaml"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--schemes", nargs="+", default=SCHEMES)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--bf16", action="store_true", help="score with matrix products in bfloat16")
    arguments = parser.parse_args()
    rows: list[tuple[str, dict[str, Any]]] = []
    for scheme in arguments.schemes:
        recipe = read_recipe(arguments.recipe, [*arguments.changes, f"model.config.positions={scheme}"])
        folder = arguments.out / f"{arguments.recipe.stem}-{scheme}"
        rows.append((scheme, _measured(recipe, folder, arguments.window, bf16=arguments.bf16)))
        print(f"{scheme}: {rows[-1][1]['nats_per_token']:.4f}", flush=True)
    print(_table(rows))


def _measured(recipe: Recipe, folder: Path, window_tokens: int, *, bf16: bool) -> dict[str, Any]:
    """Trains (or goes on, or finds it finished) and scores."""
    if not (folder / "weights").is_dir():
        print(fit(recipe, folder, resume=True), flush=True)
    scores = folder / "disjoint.json"
    if not scores.is_file():
        options = EvaluateOptions("disjoint", window_tokens, None, ("validation",), bf16)
        evaluate(folder, recipe.data.folder, options, scores)
    model = load_weights(find_weights(folder), PreparedLevel(recipe.data.folder, recipe.data.level).vocabulary_hash)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {
        **json.loads(scores.read_text())[0],
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": max(line["tokens_per_second"] for line in lines),
        "steps": recipe.steps,
        "batch_tokens": recipe.data.batch_tokens * recipe.accumulate,
    }


def _table(rows: list[tuple[str, dict[str, Any]]]) -> str:
    facts = rows[0][1]
    absolute = dict(rows).get("absolute", {}).get("nats_per_token", math.nan)
    budget = f"{facts['steps']} steps of {facts['batch_tokens']:,} tokens"
    scored = f"validation, {facts['pieces']} pieces, {facts['tokens']:,} tokens; {facts['protocol']}"
    lines = [
        f"{budget}; {scored}",
        "",
        "| positions | parameters | nats per token | against absolute | bits per note | training tokens per second |",
        "|---|---|---|---|---|---|",
    ]
    for scheme, row in rows:
        lines.append(
            f"| {scheme} | {row['parameters'] / 1e6:.2f} M | {row['nats_per_token']:.4f} "
            f"| {row['nats_per_token'] - absolute:+.4f} | {row['bits_per_note']:.3f} | {row['tokens_per_second']:,} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
