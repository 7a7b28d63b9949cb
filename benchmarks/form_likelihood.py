"""Likelihood of held-out pieces note by note: what a plan, its source and its sections are worth, first and again.

    python -m benchmarks.form_likelihood --data runs/prepared/pop909_cl-form --baseline runs/song-plain \
        --model "plan, source and sections=runs/song-notes" --structure runs/song-structure --phrases runs/song-phrases

Every model scores the same pieces of the same prepared folder (or of another one named behind its run, as
``NAME=RUN@FOLDER``, where the plans are told otherwise: in one without a level of phrases, by their structure alone),
whole and teacher-forced. Tokens are told apart by the plan that analysis finds: those of sections whose letter was
stated before (returns, by how far back their source lies) and all others (first statements). The plan's own nats, those
of the levels that a model was told, are counted into a song's total. Every figure has a 95 % interval over pieces.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import write_between_markers
from ritornello.data.corpora.base import Split
from ritornello.data.prepared import PreparedLevel
from ritornello.evaluation.statistics import Tally, combined, rate
from ritornello.tokenizers.bars_conditions import CHANNELS
from ritornello.training.evaluate import open_checkpoint
from ritornello.training.likelihood import planned_nats

Array = NDArray[np.float64]
KINDS = ("first statements", "returns", "< 16 bars back", "16-31", "32-63", "64 and more", "whole piece")
_STATEMENT, _DISTANCE = (list(CHANNELS).index(name) for name in ("statement", "source_distance"))
_SIXTEEN_BARS = 5
"""Channel ``source_distance`` of 16 to 31 bars; it counts doublings."""


class Scored(NamedTuple):
    """Nats and tokens of every piece (N, 7), by ``KINDS``."""

    name: str
    levels: frozenset[str]
    """Which levels of the plan it was told."""
    nats: Array
    tokens: Array


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder that says what returns")
    parser.add_argument("--baseline", type=Path, required=True, help="run of the model without a plan")
    parser.add_argument("--model", action="append", default=[], help="NAME=RUN or NAME=RUN@FOLDER; repeatable")
    parser.add_argument("--no-plan", action="append", default=[], help="NAME=RUN of another one without; repeatable")
    parser.add_argument("--structure", type=Path, help="run of the structure level")
    parser.add_argument("--phrases", type=Path, help="run of the phrase level")
    parser.add_argument("--split", default="test", choices=("test", "validation"))
    parser.add_argument("--pieces", type=int, help="at most so many, spread over all; default: all")
    parser.add_argument("--write", type=Path, help="page to write the tables into")
    parser.add_argument("--marker", default="form_likelihood", help="name of the place in it")
    options = parser.parse_args()
    ids = _ids(options.data, options.split, options.pieces)
    kinds = {name: _kinds_of_tokens(options.data, name) for name in ids}
    scored = [_scored("no plan", options.baseline, options.data, kinds, with_plan=False)]
    for text in options.no_plan:
        name, _, run = text.partition("=")
        scored.append(_scored(name, Path(run), options.data, kinds, with_plan=False))
    for text in options.model:
        name, _, place = text.partition("=")
        run, _, folder = place.partition("@")
        scored.append(_scored(name, Path(run), Path(folder) if folder else options.data, kinds, with_plan=True))
    plans = {
        level: _plan_nats(run, options.data, ids)
        for level, run in (("structure", options.structure), ("phrases", options.phrases))
        if run is not None
    }
    text = "\n".join([*_rows(scored), "", *_totals(scored, plans)])
    print(text)
    if options.write is not None:
        write_between_markers(options.write, options.marker, text)


def _ids(folder: Path, split: Split, most: int | None) -> list[str]:
    data = PreparedLevel(folder, "bars_plan")
    pieces = data.of_split(split)
    if most is not None and most < len(pieces):
        chosen: list[int] = np.linspace(0, len(pieces) - 1, most).round().astype(int).tolist()
        pieces = [pieces[place] for place in chosen]
    return [data.entries[piece].id for piece in pieces]


def _kinds_of_tokens(folder: Path, name: str) -> NDArray[np.bool_]:
    """Which tokens of a piece belong to each of ``KINDS`` (7, T)."""
    data = PreparedLevel(folder, "bars_plan")
    row = data.row(_places(data, [name])[0])
    assert row.conditions is not None, "the level has conditions"
    again = row.conditions[:, _STATEMENT] > 1
    doublings = np.where(again, row.conditions[:, _DISTANCE], 0)
    by_distance = [
        (doublings > 0) & (doublings < _SIXTEEN_BARS),
        doublings == _SIXTEEN_BARS,
        doublings == _SIXTEEN_BARS + 1,
        doublings > _SIXTEEN_BARS + 1,
    ]
    scored = row.scored
    return np.stack([~again & scored, again & scored, *(kind & scored for kind in by_distance), scored])


def _places(data: PreparedLevel, ids: Sequence[str]) -> list[int]:
    numbers = {entry.id: number for number, entry in enumerate(data.entries)}
    return [numbers[name] for name in ids]


def _scored(name: str, run: Path, folder: Path, kinds: dict[str, NDArray[np.bool_]], *, with_plan: bool) -> Scored:
    opened = open_checkpoint(run, folder)
    places = _places(opened.data, list(kinds))
    nats = planned_nats(opened.model, opened.data, places, with_plan=with_plan)
    sums = np.array([kinds_KT @ nats[place] for place, kinds_KT in zip(places, kinds.values(), strict=True)])
    levels = frozenset(level for level in ("structure", "phrases") if with_plan and _is_told(folder, level))
    return Scored(name, levels, sums, np.array([kinds_KT.sum(axis=1) for kinds_KT in kinds.values()], dtype=np.float64))


def _is_told(folder: Path, level: str) -> bool:
    """Whether the plans of a prepared folder say what this level of them says."""
    return level == "structure" or (folder / level).is_dir()


def _plan_nats(run: Path, folder: Path, ids: Sequence[str]) -> Array:
    """Nats of the plan of every piece (N,)."""
    opened = open_checkpoint(run, folder)
    places = _places(opened.data, ids)
    nats = planned_nats(opened.model, opened.data, places)
    return np.array([nats[place].sum() for place in places])


def _rows(scored: Sequence[Scored]) -> list[str]:
    """Nats per token by kind, and by how much fewer than without a plan."""
    rows = ["| nats per token | " + " | ".join(KINDS) + " |", "|---" * (1 + len(KINDS)) + "|"]
    for number, model in enumerate(scored):
        cells: list[str] = []
        for kind in range(len(KINDS)):
            cell = f"{_rate(model.nats[:, kind], model.tokens[:, kind]):.3f}"
            if number:
                cell += "; " + _against(model.nats[:, kind], scored[0].nats[:, kind])
            cells.append(cell)
        rows.append(f"| {model.name} | " + " | ".join(cells) + " |")
    shares = scored[0].tokens.sum(axis=0) / scored[0].tokens[:, -1].sum()
    rows.append("| share of the tokens | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")
    return rows


def _totals(scored: Sequence[Scored], plans: dict[str, Array]) -> list[str]:
    """Nats of whole pieces, the plan's own among them."""
    rows = ["| nats per piece | notes | " + " | ".join(plans) + (" | " if plans else "") + "in all | against no plan |"]
    rows.append("|---" * (4 + len(plans)) + "|")
    for number, model in enumerate(scored):
        costs = [nats if level in model.levels else 0 * nats for level, nats in plans.items()]
        notes = model.nats[:, -1]
        total = notes + sum(costs, 0 * notes)
        against = _against(total, scored[0].nats[:, -1]) if number else ""
        cells = [f"{values.mean():,.0f}" for values in (notes, *costs, total)]
        rows.append(f"| {model.name} | " + " | ".join(cells) + f" | {against} |")
    return rows


def _rate(nats: Array, tokens: Array) -> float:
    return rate(Tally(nats.tolist(), tokens.tolist())).value


def _against(nats: Array, baseline: Array) -> str:
    """By how much fewer nats than the baseline spends on the same tokens of the same pieces, with its interval."""
    tallies = [Tally.of_values(values.tolist()) for values in (nats, baseline)]
    share = combined(tallies, lambda rates: rates[0] / rates[1])
    change, low, high = (100 * (value - 1) for value in share[:3])
    return f"{change:+.1f} % ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
