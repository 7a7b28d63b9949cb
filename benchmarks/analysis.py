"""How often the analysis agrees with people, per beat slot of the chorales.

    python benchmarks/analysis.py [--chorales 320-370]

Needs RITORNELLO_DATA with ``bach-370-chorales`` and ``when-in-rome-bach``. The weights of ``form`` were
fitted on chorales 1-249 only; 320-370 are the test. A person often writes more than one chord in a beat:
the *main* one sounds longest (of equals the first), *any* counts a match with any of them. The repeat
of an opening is counted once. The last row compares two people with each other, by the same rules, on
those of the chorales 1-100 that both have analysed.

*key* is the key of each slot, *plan key* the one key that a plan gives the whole phrase, *cadence key* the
same at the last chord of the phrase. *quality* needs the right root too, *inversion* both, *numeral* root,
quality and key. Below stand the commonest disagreements, ours first, in the person's key.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.when_in_rome import Aligned, align, opening_repeat, read_analysis
from ritornello.errors import UserError
from ritornello.form.analyse import Analysis, analyse_harmony
from ritornello.form.chord import Chord
from ritornello.form.grid import Range
from ritornello.form.keys import key_number
from ritornello.form.numerals import chord_name
from ritornello.form.phrases import phrase_spans
from ritornello.form.voices import fermata_frames
from ritornello.scores.kern import read_kern
from ritornello.scores.score import Score

COLUMNS = ("root", "quality", "inversion", "key", "numeral", "plan key", "cadence key", "root, any", "numeral, any")


class Label(NamedTuple):
    """A harmony with absolute root and bass (0-11) and key number (0-23)."""

    root: int
    quality: str
    bass: int
    key: int


class Piece(NamedTuple):
    """A chorale with its own analysis and a person's."""

    number: int
    score: Score
    analysis: Analysis
    person: Aligned


def pieces(numbers: Sequence[int], *, second: bool = False) -> Iterator[Piece]:
    """The chorales that exist, have an analysis, and fit it."""
    folder = corpus_folder(None, "bach-370-chorales") / "kern"
    for number in numbers:
        try:
            score = read_kern(folder / f"chor{number:03d}.krn")
            readings = read_analysis(number, second=second)
        except UserError:
            continue
        analysis = analyse_harmony(score)
        person = align(readings, analysis.frames, analysis.grid)
        if person is not None:
            yield Piece(number, score, analysis, person)


def own_labels(analysis: Analysis) -> dict[Range, Label]:
    """The analysis of every beat slot."""
    return {
        slot: Label((chord.root + phrase.key) % 12, chord.quality, chord.bass(phrase.key % 12), key)
        for phrase in analysis.harmony
        for slot, key, chord in zip(phrase.slots, phrase.slot_keys, phrase.chords, strict=True)
    }


def persons_labels(person: Aligned, slot: Range) -> list[Label]:
    """A person's harmonies in a slot, the main one first; empty where one has no numeral of ours."""
    held = Counter(person.holding[slot[0] : slot[1]].tolist())
    labels: list[Label] = []
    for number, _ in held.most_common():  # of equal ones the first comes first
        chord = person.readings[number].chord if number >= 0 else None
        if chord is None:
            return []
        labels.append(_label(chord, key_number(person.readings[number].key)))
    return labels


def agreement(piece: Piece) -> Counter[str]:
    """Matches per column, and the number of slots."""
    counts: Counter[str] = Counter()
    repeat = opening_repeat(piece.analysis.frames)
    cadences = {
        max(s for s in h.slots if s[0] <= p.fermata)
        for h, p in zip(piece.analysis.harmony, piece.analysis.phrases, strict=True)
    }
    plan_keys = {slot: harmony.key for harmony in piece.analysis.harmony for slot in harmony.slots}
    for slot, label in own_labels(piece.analysis).items():
        persons = [] if repeat <= slot[0] < 2 * repeat else persons_labels(piece.person, slot)
        if persons:
            counts.update(_matches(label, persons))
            counts["plan key"] += plan_keys[slot] == persons[0].key
            if slot in cadences:
                counts["cadences"] += 1
                counts["cadence key"] += label.key == persons[0].key
    return counts


def disagreements(piece: Piece) -> Counter[str]:
    """``ours / theirs`` for every slot whose chord differs, as numerals in the person's key."""
    counts: Counter[str] = Counter()
    for slot, own in own_labels(piece.analysis).items():
        persons = persons_labels(piece.person, slot)
        if persons and (own.root, own.quality) != (persons[0].root, persons[0].quality):
            tonic, mode = persons[0].key % 12, "minor" if persons[0].key >= 12 else "major"
            names = [chord_name(Chord((x.root - tonic) % 12, x.quality), mode) for x in (own, persons[0])]
            counts[f"{mode}: {names[0]} / {names[1]}"] += 1
    return counts


def people(numbers: Sequence[int]) -> Counter[str]:
    """The second analysis counted as if it were ours."""
    counts: Counter[str] = Counter()
    second = {piece.number: piece.person for piece in pieces(numbers, second=True)}
    for piece in pieces([number for number in numbers if number in second]):
        repeat = opening_repeat(piece.analysis.frames)
        for slot in own_labels(piece.analysis):
            persons = persons_labels(piece.person, slot)
            others = persons_labels(second[piece.number], slot)
            if persons and others and not repeat <= slot[0] < 2 * repeat:
                counts.update(_matches(others[0], persons))
    return counts


def fermatas_found(numbers: Sequence[int]) -> tuple[float, float]:
    """Precision and recall of phrase ends when the fermatas are hidden."""
    right = found = there = 0
    for piece in pieces(numbers):
        frames, grid = piece.analysis.frames, piece.analysis.grid
        if len(fermata_frames(piece.score)) > 1:
            ends = {span.end for span in phrase_spans(frames, grid, [])}
            truth = {span.end for span in piece.analysis.phrases}
            last = {grid.num_frames}
            right, found, there = right + len(ends & truth - last), found + len(ends - last), there + len(truth - last)
    return right / max(1, found), right / max(1, there)


def row(name: str, counts: Counter[str]) -> str:
    """One line of the table in per cent; a column that was not counted shows a dash."""
    slots = max(1, counts["slots"])
    shares = {column: 100 * counts[column] / slots for column in COLUMNS}
    shares["cadence key"] = 100 * counts["cadence key"] / max(1, counts["cadences"])
    cells = (f"{shares[column]:.1f}" if column in counts else "-" for column in COLUMNS)
    return f"{name:<24}{counts['slots']:>7}" + "".join(f"{cell:>14}" for cell in cells)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="How often the analysis agrees with people.")
    parser.add_argument("--chorales", default="320-370", help="first and last Riemenschneider number")
    first, last = (int(number) for number in parser.parse_args().chorales.split("-"))
    numbers = range(first, last + 1)
    total: Counter[str] = Counter()
    differ: Counter[str] = Counter()
    for piece in pieces(numbers):
        total += agreement(piece)
        differ += disagreements(piece)
    print(f"{'per cent of beat slots':<24}{'slots':>7}" + "".join(f"{column:>14}" for column in COLUMNS))
    print(row(f"chorales {first}-{last}", total))
    print(row("two people, 1-100", people(range(1, 101))))
    precision, recall = fermatas_found(numbers)
    print("disagreements: " + "; ".join(f"{name} {count}" for name, count in differ.most_common(12)))
    print(f"phrase ends without fermatas: precision {100 * precision:.1f}, recall {100 * recall:.1f}")


def _label(chord: Chord, key: int) -> Label:
    tonic = key % 12
    return Label((chord.root + tonic) % 12, chord.quality, chord.bass(tonic), key)


def _matches(own: Label, persons: Sequence[Label]) -> Counter[str]:
    main = persons[0]
    chord = own.root == main.root and own.quality == main.quality
    return Counter(
        {
            "slots": 1,
            "root": own.root == main.root,
            "quality": chord,
            "inversion": chord and own.bass == main.bass,
            "key": own.key == main.key,
            "numeral": chord and own.key == main.key,
            "root, any": any(own.root == label.root for label in persons),
            "numeral, any": any((own.root, own.quality, own.key) == (p.root, p.quality, p.key) for p in persons),
        }
    )


if __name__ == "__main__":
    main()
