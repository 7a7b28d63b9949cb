"""The ritornello of an aria and where it returns, from the notes alone, in bars and beats.

    python benchmarks/aria.py [PIECE ...]

Without a piece, the aria of Bach's cantata BWV 54; that needs RITORNELLO_DATA with ``bwv54``, and prints beside each
return what stands there in the score, which was read from the LilyPond source by eye. Then it prints how often the same
method says so of pieces that have no ritornello: the movements in binary form of ``dcml-bach-suites``, whose second
halves may still quote the beginning.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.dcml_bach import movements
from ritornello.form.ritornello import Return, ritornello_of
from ritornello.scores.reading import read_score
from ritornello.scores.score import Score

DANCES = ("Allemande", "Courante", "Sarabande", "Gavotte", "Menuett", "Bourree", "Bouree", "Gigue", "Passepied")


class Stand(NamedTuple):
    """A place in the score of BWV 54, from a bar and beat to another (1 is the first)."""

    start: tuple[int, int]
    end: tuple[int, int]
    what: str


BY_EYE = (
    Stand((12, 2), (14, 1), "E flat: head (bars 1-2), the voice over it; it turns away in bar 14"),
    Stand((17, 4), (21, 1), "B flat: head and its continuation (bars 1-3), half a bar later in the bar"),
    Stand((21, 1), (25, 3), "B flat: the sequence and the close (bars 4-8)"),
    Stand((30, 1), (31, 1), "E flat: the figure of bar 7 alone, a fifth lower"),
    Stand((32, 4), (42, 3), "E flat: all of it (bars 1-11), half a bar later in the bar; fine"),
    Stand((45, 4), (48, 3), "G minor to C minor: head (bars 1-3) and a close of its own"),
    Stand((51, 4), (53, 3), "C minor: head (bars 1-2) in new parts"),
    Stand((53, 3), (55, 3), "G minor: the figure of bar 7 and the close (bars 7-8); da capo"),
)


def main() -> None:
    """Prints the returns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pieces", type=Path, nargs="*")
    for path in (pieces := parser.parse_args().pieces):
        print(f"\n{path.name}\n" + "\n".join(lines(read_score(path), ())))
    if not pieces:
        aria = read_score(corpus_folder(None, "bwv54") / "bwv54-1-aria-piano.mid")
        print("\n".join(lines(aria, BY_EYE)))
        print("\n" + control())


def lines(score: Score, stands: tuple[Stand, ...]) -> list[str]:
    """A table of the returns, with what stands in the score where it is known."""
    found = ritornello_of(score)
    if found is None:
        return ["no ritornello"]
    table = [
        f"ritornello to {place(score, found.end_beats)}\n",
        "| return | from | level | notes there | in the score |",
    ]
    table.append("|---|---|---|---|---|")
    for one in found.returns:
        span = f"{place(score, one.start_beats)} - {place(score, one.end_beats)}"
        there = "; ".join(stand.what for stand in stands if overlap(score, one, stand) > 0)
        source = place(score, one.source_beats)
        table.append(f"| {span} | {source} | {one.semitones:+d} | {100 * one.share:.0f} % | {there} |")
    for stand in stands:
        beats = sum(overlap(score, one, stand) for one in found.returns)
        whole = beat(score, stand.end) - beat(score, stand.start)
        table.append(
            f"{stand.start[0]}.{stand.start[1]}-{stand.end[0]}.{stand.end[1]}: {beats:g} of {whole:g} beats found"
        )
    return table


def control() -> str:
    """The share of dances in which a ritornello is seen, and how much of them its returns fill."""
    dances = [m for m in movements() if any(name in m.id for name in DANCES) and m.id.startswith("BWV8")]
    filled: list[float] = []
    for movement in dances:
        found = ritornello_of(movement.score)
        beats = movement.score.end_ticks / movement.score.ticks_per_beat
        filled.append(sum(r.end_beats - r.start_beats for r in found.returns) / beats if found else 0.0)
    seen = sum(share > 0 for share in filled)
    return (
        f"{seen} of {len(dances)} dances have one; its returns fill {100 * sum(filled) / len(filled):.0f} % on average"
    )


def place(score: Score, beats: float) -> str:
    """Bar and beat, both from 1."""
    ticks = beats * score.ticks_per_beat
    number, start = max((n, start) for n, (start, _) in enumerate(score.bars(), 1) if start <= ticks)
    return f"{number}.{1 + (ticks - start) / score.ticks_per_beat:g}"


def beat(score: Score, at: tuple[int, int]) -> float:
    """The beat of the piece, from 0, on which a beat of a bar begins."""
    return score.bars()[at[0] - 1][0] / score.ticks_per_beat + at[1] - 1


def overlap(score: Score, one: Return, stand: Stand) -> float:
    """Beats that a return shares with a place in the score."""
    return max(0.0, min(one.end_beats, beat(score, stand.end)) - max(one.start_beats, beat(score, stand.start)))


if __name__ == "__main__":
    main()
