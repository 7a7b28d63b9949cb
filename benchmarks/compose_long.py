"""Long pieces to be measured: composed under plans of our own, and by a plain model to the same lengths.

    python -m benchmarks.compose_long --style song --out runs/long/songs [--weights FOLDER] [--pieces 100] [--batch 20]
        [--temperature 1]
    python -m benchmarks.compose_long --style song --out runs/long/plain-songs --plain RUN --plans runs/long/songs
    python -m benchmarks.long_pieces --songs runs/long/songs --plain-songs runs/long/plain-songs

The first writes a folder for each seed from 1 on, ``plan.yaml`` and ``piece.mid``; what is there is not composed again.
The plain model is told nothing of a plan but the metre, the key signature and the number of bars, since a piece
of another length could not be compared; nothing is copied into it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Literal

from ritornello.form.plan import Plan, Section
from ritornello.form.plan_yaml import read_plan, write_plan
from ritornello.generation.bar_pen import Drawing
from ritornello.generation.compose import complete, labelled
from ritornello.generation.engine import small_steps
from ritornello.generation.levels import load_levels, load_notes
from ritornello.generation.passages import realise_many
from ritornello.models.base import LanguageModel
from ritornello.scores import write_midi
from ritornello.scores.score import Score
from ritornello.tokenizers.bars_conditions import silent_guide

Style = Literal["song", "bach"]


def main() -> None:
    """Composes what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", required=True, choices=("song", "bach"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="folder of levels; default: the shipped ones")
    parser.add_argument("--plain", type=Path, help="run of a model that was trained without a plan")
    parser.add_argument("--plans", type=Path, help="with --plain: pieces whose lengths are taken")
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--batch", type=int, default=20, help="pieces composed at once")
    parser.add_argument("--temperature", type=float, default=Drawing().temperature, help="at which notes are drawn")
    options = parser.parse_args()
    drawing = Drawing(temperature=options.temperature)
    seeds = [seed for seed in range(1, options.pieces + 1) if not (_folder(options.out, seed) / "piece.mid").exists()]
    started = time.monotonic()
    with small_steps():
        for first in range(0, len(seeds), options.batch):
            mine = seeds[first : first + options.batch]
            if options.plain is None:
                composed = _under_plans(options.style, options.weights, mine, drawing)
            else:
                composed = _plain(load_notes(options.plain, options.style), options.plans, mine, drawing)
            for seed, (plan, score) in zip(mine, composed, strict=True):
                folder = _folder(options.out, seed)
                folder.mkdir(parents=True, exist_ok=True)
                write_plan(plan, folder / "plan.yaml")
                write_midi(score, folder / "piece.mid")
            print(f"{first + len(mine)} of {len(seeds)} in {time.monotonic() - started:.0f} s", flush=True)


def _folder(out: Path, seed: int) -> Path:
    return out / f"{seed:03d}"


def _under_plans(style: Style, weights: Path | None, seeds: list[int], drawing: Drawing) -> list[tuple[Plan, Score]]:
    levels = load_levels(weights, style)
    plans = [complete(Plan(style=style), levels, seed) for seed in seeds]
    scores = realise_many(plans, levels.notes, seeds, drawing)
    return [(plan, labelled(score, plan)) for plan, score in zip(plans, scores, strict=True)]


def _plain(model: LanguageModel, folder: Path, seeds: list[int], drawing: Drawing) -> list[tuple[Plan, Score]]:
    """One section as long as the whole piece, nothing else of the plan told."""
    plans = [_as_one(read_plan(_folder(folder, seed) / "plan.yaml")) for seed in seeds]
    scores = realise_many(plans, model, seeds, drawing, guide_of=silent_guide)
    return [(plan, labelled(score, plan)) for plan, score in zip(plans, scores, strict=True)]


def _as_one(plan: Plan) -> Plan:
    whole = Section(label="A", bars=sum(section.bars for section in plan.sections or ()))
    return plan.model_copy(update={"sections": (whole,)})


if __name__ == "__main__":
    main()
