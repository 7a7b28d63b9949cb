"""How much of a corpus of performances has been heard before: returning passages, by kind and by distance.

    python benchmarks/returns.py runs/prepared/maestro --split validation

No model is needed. What a passage and a return are is said in evaluation/recurrence.py, the classes in
evaluation/context/second_occurrence.py: the passages whose likelihood ``ritornello evaluate --context`` compares.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from ritornello.data.prepared import PreparedLevel
from ritornello.evaluation.context.second_occurrence import DISTANCE_NAMES, KINDS, kind_and_distance, occurrences
from ritornello.evaluation.recurrence import note_events
from ritornello.tokenizers.performance import PerformanceTokenizer


def main() -> None:
    """Prints one line per kind and distance."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="validation", choices=["train", "validation", "test"])
    arguments = parser.parse_args()
    data, scheme = PreparedLevel(arguments.folder, "performance"), PerformanceTokenizer
    found, notes, pieces, longest = (
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
        0,
    )
    all_notes = with_returns = 0
    indices = data.of_split(arguments.split)
    for index in indices:
        events = note_events(data.ids(index), scheme.strikes_V, scheme.seconds_V)
        mine = occurrences(events)
        all_notes += len(events.pitch)
        with_returns += bool(mine)
        pieces.update({kind_and_distance(one) for one in mine})
        for one in mine:
            found[kind_and_distance(one)] += 1
            notes[kind_and_distance(one)] += len(one.again.notes)
            longest = max(longest, len(one.again.notes))
    share = f"{notes.total():,} of {all_notes:,} notes ({100 * notes.total() / all_notes:.1f} %)"
    print(f"{arguments.split}: {len(indices)} pieces, {with_returns} with returns")
    print(f"{share} return, in {found.total():,} passages; the longest has {longest} notes\n")
    print("| kind | distance in tokens | returns | notes | pieces |\n|---|---|---|---|---|")
    for row in ((kind, distance) for kind in KINDS for distance in DISTANCE_NAMES):
        print(f"| {row[0]} | {row[1]} | {found[row]:,} | {notes[row]:,} | {pieces[row]} |")


if __name__ == "__main__":
    main()
