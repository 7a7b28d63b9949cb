"""Performances of a model beside MAESTRO's, as two folders for a report.

    python -m benchmarks.performances RUN --out runs/beside [--pieces 64] [--seconds 120] [--batch 8]
    ritornello evaluate runs/beside/generated --reference runs/beside/reference --out runs/beside/report

``generated`` holds pieces composed with the weights of RUN, seeds 1 to ``--pieces``; an interrupted call goes on.
``reference`` holds the openings of as many of MAESTRO's 177 test performances, spread over all, cut to the same length
(what still sounds there is ended), so that no difference is one of length. Needs RITORNELLO_DATA.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ritornello.data.corpora.archive import corpus_folder
from ritornello.generation.levels import load_performer
from ritornello.generation.perform import perform_many
from ritornello.scores import Score, read_score, write_midi
from ritornello.scores.clock import Clock
from ritornello.scores.score import NO_PEDAL, Notes
from ritornello.scores.sustain import sustained


def main() -> None:
    """Writes both folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run or weights folder of a model of performances")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--batch", type=int, default=8, help="pieces composed at once")
    options = parser.parse_args()
    write_openings(options.out / "reference", options.pieces, options.seconds)
    compose_missing(options.run, options.out / "generated", options.pieces, options.seconds, options.batch)


def write_openings(folder: Path, num_pieces: int, seconds: float) -> None:
    """The openings of test performances, by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(corpus_folder(None, "maestro-v3.0.0-test-midi").rglob("*.mid*"))
    for number in np.linspace(0, len(files) - 1, min(num_pieces, len(files))).round().astype(int).tolist():
        write_midi(opening(read_score(files[number]), seconds), folder / f"{files[number].stem}.mid")


def opening(score: Score, seconds: float) -> Score:
    """A performance up to so many seconds after its first onset, its pedal folded in."""
    clock, parts = Clock.of(score), [sustained(part) for part in score.parts]
    first = min(int(notes.onset_ticks[0]) for notes in parts if len(notes))
    stop = int(clock.ticks(clock.seconds(np.array([first])) + seconds)[0])
    cut = [_until(notes, stop) for notes in parts]
    kept = [replace(part, notes=notes, pedal=NO_PEDAL) for part, notes in zip(score.parts, cut, strict=True)]
    return replace(score, parts=tuple(kept), closing_ticks=0)


def _until(notes: Notes, stop_ticks: int) -> Notes:
    """The notes that begin before a tick, none sounding on."""
    kept = notes.onset_ticks < stop_ticks
    onset = notes.onset_ticks[kept]
    length = np.minimum(notes.duration_ticks[kept], stop_ticks - onset)
    return Notes.columns(onset, length, notes.pitch[kept], notes.velocity[kept])


def compose_missing(run: Path, folder: Path, num_pieces: int, seconds: float, batch: int) -> None:
    """A piece for every seed that has none."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in range(1, num_pieces + 1) if not (folder / f"{seed:04d}.mid").exists()]
    performer = load_performer(run)
    for start in range(0, len(missing), batch):
        seeds = missing[start : start + batch]
        for seed, score in zip(
            seeds, perform_many(performer.model, performer.scheme, seconds=seconds, seeds=seeds), strict=True
        ):
            write_midi(score, folder / f"{seed:04d}.mid")
        print(f"{min(start + batch, len(missing))} of {len(missing)}", flush=True)


if __name__ == "__main__":
    main()
