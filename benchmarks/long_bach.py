"""Local keys and cadences of longer Bach, against people.

    python benchmarks/long_bach.py [--fitted-on] [--movements]

Needs RITORNELLO_DATA with ``dcml-bach-suites`` and ``dcml-bach-solo``. The weights of ``form/long.json`` were fitted on
the movements whose BWV number is not divisible by 5; the others, 22 movements, are the test. ``--fitted-on`` measures
the former.

*key* is the share of beats whose local key is the person's; *weighted* gives part of the credit to keys near by, as
``mir_eval.key`` does (a fifth above 0.5, relative 0.3, parallel 0.2); *always home* says the home key everywhere; *as a
chorale* is what the analysis of chorales finds. A cadence counts if it is found within one beat of a marked one, each
once; *kind* is the share of those found that are authentic, half, deceptive or plagal as the person says. One movement
of the test, the fugue BWV 1005, has no cadence marked in 354 bars: people stopped short of it, so it is left out of
the cadences. Intervals of 95 % draw whole movements.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import mir_eval.key  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from ritornello.data.corpora.dcml_bach import Movement, movements
from ritornello.evaluation.events import Hits, hits
from ritornello.evaluation.statistics import Estimate, Tally, rate
from ritornello.form.analyse import Analysis, analyse_harmony
from ritornello.form.chords import Slots, best_path, candidates_of
from ritornello.form.evidence import evidence_of
from ritornello.form.grid import FRAMES_PER_BEAT, Range
from ritornello.form.phrases import phrase_spans
from ritornello.scores.score import IntArray

WITHIN_BEATS = 1.0
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_KINDS = {
    "PAC": {"perfect authentic", "imperfect authentic"},
    "IAC": {"perfect authentic", "imperfect authentic"},
    "EC": {"perfect authentic", "imperfect authentic", "deceptive"},
    "HC": {"half", "phrygian"},
    "DC": {"deceptive"},
    "PC": {"plagal"},
}


class Result(NamedTuple):
    """One movement measured."""

    id: str
    beats: int
    right: int
    weighted: float
    home: int
    """Beats in the home key."""
    as_chorale: int
    """Beats whose key the analysis of chorales finds."""
    cadences: Hits
    kinds: int
    """Cadences found whose kind is the person's."""
    chorale_cadences: Hits
    """Phrase ends that the analysis of chorales finds."""


def persons_keys(movement: Movement, slots: Sequence[Range]) -> IntArray:
    """(S,) the person's key in each slot."""
    starts = np.array([key.start_beats * FRAMES_PER_BEAT for key in movement.keys])
    at = np.searchsorted(starts, [start for start, _ in slots], side="right") - 1
    return np.array([key.number for key in movement.keys])[np.maximum(at, 0)]


def measured(movement: Movement) -> Result:
    """Analyses a movement and compares."""
    analysis = analyse_harmony(movement.score)
    slots = [slot for phrase in analysis.harmony for slot in phrase.slots]
    ours = np.concatenate([phrase.slot_keys for phrase in analysis.harmony])
    theirs = persons_keys(movement, slots)
    keys, ends = as_chorale(analysis, slots)
    found = [close.frame / FRAMES_PER_BEAT for close in analysis.closes]
    marked = [cadence.onset_beats for cadence in movement.cadences]
    return Result(
        movement.id,
        len(slots),
        int((ours == theirs).sum()),
        sum(credit(a, b) for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)),
        int((theirs == analysis.home).sum()),
        int((keys == theirs).sum()),
        hits(found, marked, WITHIN_BEATS),
        kinds_right(movement, analysis),
        hits(ends, marked, WITHIN_BEATS),
    )


def as_chorale(analysis: Analysis, slots: Sequence[Range]) -> tuple[IntArray, list[float]]:
    """Keys per slot and phrase ends in beats as the analysis of chorales without fermatas finds them."""
    frames, grid = analysis.frames, analysis.grid
    spans = phrase_spans(frames, grid, [])
    starts = np.array([start for start, _ in slots])
    first, last = (np.array([getattr(span, name) for span in spans]) for name in ("start", "fermata"))
    on_barline = np.isin(starts, [start for start, _ in grid.bars])
    at_cadence = np.isin(starts, starts[np.maximum(np.searchsorted(starts, last, side="right") - 1, 0)])
    flags = Slots(on_barline, np.isin(starts, first), at_cadence)
    keys = best_path(candidates_of(evidence_of(analysis.frames, slots)), flags, analysis.home)[0]
    return keys, [span.fermata / FRAMES_PER_BEAT for span in spans]


def kinds_right(movement: Movement, analysis: Analysis) -> int:
    """How many marked cadences are found near by with their kind."""
    return sum(
        any(
            abs(close.frame / FRAMES_PER_BEAT - cadence.onset_beats) <= WITHIN_BEATS
            and close.kind in _KINDS.get(cadence.kind, set())
            for close in analysis.closes
        )
        for cadence in movement.cadences
    )


def credit(ours: int, theirs: int) -> float:
    """mir_eval's score of one key, 0-1."""
    return float(mir_eval.key.weighted_score(name(theirs), name(ours)))  # pyright: ignore[reportUnknownMemberType]


def name(key: int) -> str:
    """A key (0-23) as mir_eval writes it."""
    return f"{_NAMES[key % 12]} {'minor' if key >= 12 else 'major'}"


def key_row(label: str, results: Sequence[Result]) -> str:
    """Shares of beats."""
    beats = [result.beats for result in results]
    columns = ("right", "weighted", "home", "as_chorale")
    cells = [percent(rate(Tally([float(getattr(r, column)) for r in results], beats))) for column in columns]
    return f"| {label} | {sum(beats)} | " + " | ".join(cells) + " |"


def cadence_rows(label: str, results: Sequence[Result]) -> list[str]:
    """Precision, recall, F and kinds, of ours and as a chorale."""
    marked = [result for result in results if result.cadences.true]
    rows: list[str] = []
    for title, own in (("", [r.cadences for r in marked]), (", as a chorale", [r.chorale_cadences for r in marked])):
        found, true, right = ([getattr(one, part) for one in own] for part in ("found", "true", "hits"))
        shares = [Tally(right, found), Tally(right, true)]
        shares.append(Tally([2 * n for n in right], [a + b for a, b in zip(found, true, strict=True)]))
        kinds = "-" if title else percent(rate(Tally([r.kinds for r in marked], right)))
        cells = [percent(rate(share)) for share in shares]
        rows.append(f"| {label}{title} | {sum(true)} | {sum(found)} | " + " | ".join(cells) + f" | {kinds} |")
    return rows


def percent(estimate: Estimate) -> str:
    """A share with its interval."""
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}-{100 * estimate.high:.1f})"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fitted-on", action="store_true", help="measure the movements that the weights have seen")
    parser.add_argument("--movements", action="store_true", help="one line a movement too")
    options = parser.parse_args()
    results = [measured(movement) for movement in movements(test=not options.fitted_on)]
    suites, solo = ([r for r in results if r.id.startswith("BWV8") == is_suite] for is_suite in (True, False))
    groups = {"suites": suites, "solo works": solo, "all": results}
    print("| % of beats | beats | key | weighted | always home | as a chorale |\n|---|---|---|---|---|---|")
    for label, group in groups.items():
        print(key_row(label, group))
    print("\n| % of cadences | marked | found | precision | recall | F | kind |\n|---|---|---|---|---|---|---|")
    for label, group in groups.items():
        print("\n".join(cadence_rows(label, group)))
    if options.movements:
        print("\n| movement | key | cadences hit | found | marked |\n|---|---|---|---|---|")
        for r in results:
            print(f"| {r.id} | {100 * r.right / r.beats:.0f} | " + " | ".join(str(part) for part in r.cadences) + " |")


if __name__ == "__main__":
    main()
