"""What it costs to know how much of a piece was heard in training, and what real music scores.

    python -m benchmarks.copying runs/prepared/maestro
    python -m benchmarks.copying runs/prepared/maestro --pieces FOLDER     # the test performances as MIDI

The index (evaluation/copying/index.py) is made of the training split and kept beside the data, or in --index. Building
and asking have a process of their own each, so that their peaks of memory can be told apart; that of one that only
imports the same modules stands beside them.

Two sets say what the figures mean: the test split, which no model was trained on and which shares no composition with
the training split; and, where a composition was played more than once for the training split, one of its performances
against an index of the others.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ritornello.data.prepared import PreparedLevel
from ritornello.data.workers import in_own_process
from ritornello.evaluation.copying import notes as copying
from ritornello.evaluation.copying.corpus import open_or_build
from ritornello.evaluation.copying.files import open_index
from ritornello.evaluation.copying.index import Heard, Index
from ritornello.evaluation.copying.notes import METRICS, Copy
from ritornello.evaluation.timeline import Timeline
from ritornello.scores import read_score
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.base import Tokens

NUM_NAMED = 5
QUANTILES = (0, 25, 50, 75, 95, 100)


class Cost(NamedTuple):
    """Of one process."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


class Asked(NamedTuple):
    """What the pieces of a set have of the training corpus."""

    names: list[str]
    values: list[dict[str, float]]
    longest: list[Copy | None]
    opening: Cost
    asking: Cost
    num_notes: int


def main() -> None:
    """Prints costs, figures, and the longest copies by name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("training", type=Path, help="prepared data of a performance scheme")
    parser.add_argument("--pieces", type=Path, help="folder of MIDI instead of the test split")
    parser.add_argument("--index", type=Path, help="keep the index in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.index or Path(scratch) / "index"
        idle = in_own_process(peak, None)
        built = in_own_process(build, (options.training, folder))
        asked = in_own_process(ask, (folder, options.training, options.pieces))
        assert idle is not None and built is not None and asked is not None, "a process died"  # noqa: PT018
        show_costs(folder, idle, built, asked)
        others = list(other_performances(options.training))
        show_figures({f"{len(asked.names)} unseen performances": asked.values, f"{len(others)} of known works": others})
        show_named(asked)
        show_leaks(options.training)


def peak(_: None) -> float:
    """Megabytes of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def build(job: tuple[Path, Path]) -> Cost:
    """Makes the index, or finds it made."""
    began = time.perf_counter(), time.process_time()
    open_or_build(*job)
    return cost(began)


def ask(job: tuple[Path, Path, Path | None]) -> Asked:
    """Opens the index and asks for every piece, which are read before the clock starts."""
    folder, training, pieces = job
    began = time.perf_counter(), time.process_time()
    index = open_index(folder)
    opening = cost(began)
    read = list(midi(pieces) if pieces else unseen(training))
    began = time.perf_counter(), time.process_time()
    values = [copying.evaluate(notes, index) for _, notes in read]
    asking = cost(began)
    longest = [copying.longest_copy(notes, index, transposed=False) for _, notes in read]
    return Asked([name for name, _ in read], values, longest, opening, asking, sum(len(notes) for _, notes in read))


def cost(began: tuple[float, float]) -> Cost:
    """Since then."""
    return Cost(time.perf_counter() - began[0], time.process_time() - began[1], peak(None))


def midi(folder: Path) -> Iterator[tuple[str, Timeline]]:
    """The pieces in a folder."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".mid", ".midi"}):
        yield path.name, Timeline.of(read_score(path))


def unseen(training: Path) -> Iterator[tuple[str, Timeline]]:
    """The test split."""
    data = performances(training)
    for number in data.of_split("test"):
        yield data.entries[number].group, notes_of(data, number)


def other_performances(training: Path) -> Iterator[dict[str, float]]:
    """Of every composition that was played more than once, the first performance against the others."""
    data = performances(training)
    played: defaultdict[str, list[int]] = defaultdict(list)
    for number in data.of_split("train"):
        played[data.entries[number].group].append(number)
    for first, *others in played.values():
        if others:
            index = Index.of(Heard.of(str(number), notes_of(data, number)) for number in others)
            yield copying.evaluate(notes_of(data, first), index)


def performances(folder: Path) -> PreparedLevel:
    """The level of a performance scheme, whichever the folder has."""
    for level in ("performance", "note_duration"):
        if (folder / level).is_dir():
            return PreparedLevel(folder, level)
    raise SystemExit(f"{folder} holds no performances")


def notes_of(data: PreparedLevel, number: int) -> Timeline:
    """A piece, decoded."""
    score = TOKENIZERS[data.name]().decode(Tokens(data.ids(number), data.vocabulary_hash))
    return Timeline.of(score, written=False)


def show_costs(folder: Path, idle: float, built: Cost, asked: Asked) -> None:
    """The first table."""
    index = open_index(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"index of {index.num_pieces} pieces, {index.num_notes:,} notes: {size:,} bytes")
    print(f"{len(asked.names)} pieces asked, {asked.num_notes:,} notes, exactly and transposed\n")
    print("| | seconds | on one core | peak MB of the process |\n|---|---|---|---|")
    print(f"| nothing but imports | | | {idle:.0f} |")
    for name, one in (("building and saving", built), ("opening", asked.opening), ("asking", asked.asking)):
        print(f"| {name} | {one.seconds:.2f} | {one.cpu_seconds:.2f} | {one.peak_megabytes:.0f} |")


def show_figures(sets: dict[str, Sequence[dict[str, float]]]) -> None:
    """The second table: quantiles of every metric over the pieces."""
    print(f"\n| metric | set | {' | '.join(f'{q} %' for q in QUANTILES)} |\n|---|---|{'---|' * len(QUANTILES)}")
    for metric in METRICS:
        for name, values in sets.items():
            found = np.array([one[metric.name] for one in values])
            found = found[~np.isnan(found)]
            if len(found):
                cells = " | ".join(f"{q:.3g}" for q in np.percentile(found, QUANTILES))
                print(f"| {metric.name} | {name} | {cells} |")


def show_named(asked: Asked) -> None:
    """The pieces with the longest exact copies, and where these were heard."""
    print("\nlongest exact copies:")
    found = [(copy, name) for copy, name in zip(asked.longest, asked.names, strict=True) if copy]
    for copy, name in sorted(found, key=lambda pair: -pair[0].num_notes)[:NUM_NAMED]:
        here = f"{name} at {copy.start_seconds:.1f}-{copy.stop_seconds:.1f} s"
        there = f"{copy.training_piece} at {copy.training_start_seconds:.1f}-{copy.training_stop_seconds:.1f} s"
        print(f"  {copy.num_notes} notes: {here} | {there}")


def show_leaks(training: Path) -> None:
    """Works that stand on both sides, going by their titles, and whether they are the same music."""
    data = performances(training)
    train, test = ([(data.entries[i].group, i) for i in data.of_split(split)] for split in ("train", "test"))
    shared = sorted({title for title, _ in train} & {title for title, _ in test})
    print(f"\nworks with one title in both splits: {len(shared)}")
    for title in shared:
        index = Index.of(Heard.of(name, notes_of(data, number)) for name, number in train if name == title)
        shares = [
            copying.evaluate(notes_of(data, number), index)["copied_notes_share_transposed"]
            for name, number in test
            if name == title
        ]
        print(
            f"  {title}: {len(shares)} unseen, of their notes at most {100 * max(shares):.1f} % in copies from training"
        )


if __name__ == "__main__":
    main()
