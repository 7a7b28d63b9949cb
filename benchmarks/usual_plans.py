"""What is usual in the plans of each style, as analysis finds them; composing warns of what is not.

    python benchmarks/usual_plans.py [--write] [--plans FOLDER]

Needs RITORNELLO_DATA with ``bach-370-chorales``, ``pop909-cl``, ``pop909`` and ``mutopia-scores``; about ten minutes.
Counted are the pieces that are not for test and are read as chorales (style chorale) or by their returns (the others).
``--write`` writes ``form/usual.json``, from which ``form/usual.py`` and the tempo of a piece without one come;
``--plans`` keeps the plans, or takes them from there.

*tempo* is over pieces whose source states one: 1 %, median, 99 %; none where all sources state the same. *longest* is
the longest section in bars; *keys* are those of sections against the home key (its mode: semitones up, mode), *steps*
those from one section to the next, each with its share of all sections or steps. Below half a percent a key counts as
unusual.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ritornello.data.corpora import CORPORA
from ritornello.errors import UserError
from ritornello.form.analyse import analyse
from ritornello.form.plan import Plan
from ritornello.form.style import Style
from ritornello.form.usual import RARE, key_step

CORPUS_OF: dict[Style, str] = {"chorale": "bach_370", "song": "pop909_cl", "bach": "bach_mutopia"}
TABLE = Path(__file__).parents[1] / "src" / "ritornello" / "form" / "usual.json"


class Found(NamedTuple):
    """The plan of a piece, and whether its source states its tempo."""

    plan: Plan
    has_tempo: bool


def main() -> None:
    """Prints the tables, and writes them where asked."""
    parser = argparse.ArgumentParser(description="Counts what is usual in plans.")
    parser.add_argument("--write", action="store_true", help="write form/usual.json")
    parser.add_argument("--plans", type=Path, help="folder that keeps the plans between runs")
    arguments = parser.parse_args()
    usual: dict[str, dict[str, object]] = {}
    for style, corpus in CORPUS_OF.items():
        found = [
            one for one in plans_of(corpus, arguments.plans) if (one.plan.style == "chorale") == (style == "chorale")
        ]
        usual[style] = facts_of(found)
        print_facts(style, corpus, usual[style])
    if arguments.write:
        TABLE.write_text(json.dumps(usual, indent=1) + "\n", encoding="utf-8")


def plans_of(corpus: str, kept: Path | None) -> list[Found]:
    """The plans of the pieces that are not for test."""
    file = None if kept is None else kept / f"{corpus}.json"
    if file is not None and file.is_file():
        rows = json.loads(file.read_text(encoding="utf-8"))
        return [Found(Plan.model_validate(row["plan"]), row["has_tempo"]) for row in rows]
    found = list(_analysed(corpus))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"plan": one.plan.model_dump(mode="json"), "has_tempo": one.has_tempo} for one in found]
        file.write_text(json.dumps(rows), encoding="utf-8")
    return found


def _analysed(corpus: str) -> Iterator[Found]:
    for piece in CORPORA[corpus].pieces(None):
        if piece.split in ("train", "validation"):
            try:
                score = piece.load()
                yield Found(analyse(score), bool(score.tempos))
            except UserError:
                continue


def facts_of(found: Iterable[Found]) -> dict[str, object]:
    """One style's part of ``usual.json``."""
    plans = [one.plan for one in found]
    tempos = [one.plan.tempo_bpm for one in found if one.has_tempo and one.plan.tempo_bpm is not None]
    keys: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    for plan in plans:
        own = [section.key for section in plan.sections or () if section.key is not None]
        keys.update(key_step(plan.key, key) for key in own if plan.key is not None)
        steps.update(key_step(one, other) for one, other in itertools.pairwise(own))
    tempo = [round(float(bpm), 1) for bpm in np.percentile(tempos, [1, 50, 99])]
    return {
        "pieces": len(plans),
        "sections": keys.total(),
        "tempo_bpm": tempo if len(set(tempos)) > 1 else None,
        "longest_bars": max(section.bars for plan in plans for section in plan.sections or ()),
        "keys": dict(keys.most_common()),
        "steps": dict(steps.most_common()),
    }


def print_facts(style: str, corpus: str, facts: dict[str, object]) -> None:
    """The tables of one style."""
    print(f"{style}: {facts['pieces']} pieces of {corpus}, {facts['sections']} sections")
    print(f"  tempo {facts['tempo_bpm']}, longest section {facts['longest_bars']} bars")
    for name in ("keys", "steps"):
        counts: Counter[str] = Counter(facts[name])  # type: ignore[arg-type]
        total = counts.total()
        row = ", ".join(f"{key} {count / total:.2%}" for key, count in counts.most_common() if count >= RARE * total)
        rare = sum(count for count in counts.values() if count < RARE * total)
        print(f"  {name}: {row}; all others {rare / total:.2%}")


if __name__ == "__main__":
    main()
