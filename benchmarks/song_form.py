"""How near the form that is found in songs comes to what people hear in them.

    python benchmarks/song_form.py [--songs 801-909]

Needs RITORNELLO_DATA with ``pop909-structure``, ``pop909-cl`` and ``pop909``; about a minute. The weights of
``form`` were fitted on songs 1-800 (``fit_song_form.py``); 801-909 are the test. The analysis sees melody and chords as
notes, nothing else.

*one bar* and *same bar* are F-measures of the borders between phrases (those at which songs begin and end are left out)
with a tolerance of one bar and of none; *precision* and *recall* go with the first, against the person. *pairs* is the
pairwise F-measure of labels, bar by bar: which bars are of the same material; *V* is the V-measure, *over* and *under*
the normalised conditional entropies of ``mir_eval.segment.nce``. Labels are compared with people's letters as they are
written; each ``X`` or ``x`` is material of its own, as its authors have it; primes of ours are left out. All are means
over songs, with 95 % intervals of the mean over songs drawn again.

What stands against the people: the analysis; the analysis of the same notes in one part, where the melody is whatever
sounds highest and never pauses while there are chords (the weights were not fitted to that); a cut every four or eight
bars, all bars of one material or of five at random; and the usual first attempt, novelty along the diagonal of a
self-similarity (Foote 2000), whose segments are all new; and the *second segmenter*, which shares nothing with the
analysis and no weights (``evaluation/novelty.py``). The first row is the ceiling: one person against the other.
*letters alone* are those of the analysis on the cut that the person made. *arrangements* are the songs as they are
played in ``pop909-cl`` (melody, bridge and piano), those whose barlines are those of the labels; below them stands the
analysis of melody and chords of the same songs.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import mir_eval
import numpy as np
from numpy.typing import NDArray

from ritornello.data.corpora import pop909_cl
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.pop909_structure import Labelling, Song, read_song
from ritornello.evaluation.novelty import sections_of
from ritornello.evaluation.statistics import Tally, rate
from ritornello.evaluation.timeline import Timeline
from ritornello.form.bars import Bars, bars_of
from ritornello.form.repetition import repetition_of
from ritornello.form.returns import passages_of, same_tune
from ritornello.form.segments import segments_of
from ritornello.scores.score import Notes, Part, Score

COLUMNS = ("one bar", "precision", "recall", "same bar", "pairs", "V", "over", "under")
LEAST_SHARED = 0.7
"""Share of the melody's notes in which an arrangement must agree with the lead sheet."""
NOVELTY_BARS = 4
NOVELTY_LEAST = 0.15


class Cut(NamedTuple):
    """Borders of segments in bars (S, 2), and their labels."""

    intervals: NDArray[np.float64]
    labels: list[str]


Segmenter = Callable[[Song, Bars], Cut]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Compares the form found in songs with people's.")
    parser.add_argument("--songs", default="801-909", help="first and last number")
    first, last = map(int, parser.parse_args().songs.split("-"))
    folder = corpus_folder(None, "pop909-structure")
    songs = [read_song(folder / f"{number:03d}") for number in range(first, last + 1)]
    bars = [bars_of(song.score, frames_per_bar(song)) for song in songs]
    print(f"{len(songs)} songs, {sum(own.num_bars for own in bars)} bars")
    print(f"{'':<42}" + "".join(f"{column:>20}" for column in COLUMNS))
    people = [
        tuple(cut_of_labelling(labelling, own.num_bars) for labelling in song.labellings)
        for song, own in zip(songs, bars, strict=True)
    ]
    print_row("person 2 against person 1", [agreement(one, other) for one, other in people])
    segmenters: dict[str, Segmenter] = {
        "analysis": lambda _, own: analysed(own),
        "analysis of one part": lambda song, _: analysed(bars_of(in_one_part(song), frames_per_bar(song))),
        "every 4 bars, one label": lambda _, own: every(own, 4),
        "every 8 bars, one label": lambda _, own: every(own, 8),
        "every 8 bars, labels at random": at_random,
        "novelty of self-similarity": lambda _, own: novelty(own),
        "second segmenter": lambda song, _: second(song),
    }
    for name, segmenter in segmenters.items():
        cuts = [segmenter(song, own) for song, own in zip(songs, bars, strict=True)]
        for person in range(2):
            rows = [agreement(both[person], cut) for both, cut in zip(people, cuts, strict=True)]
            print_row(f"{name}, person {person + 1}", rows)
    for person in range(2):
        cuts = [lettered(own, both[person]) for own, both in zip(bars, people, strict=True)]
        rows = [agreement(both[person], cut) for both, cut in zip(people, cuts, strict=True)]
        print_row(f"letters alone, cut by person {person + 1}", rows)
    print_arrangements(songs, bars, people)
    print_returns(bars, [both[0] for both in people])
    started = time.perf_counter()
    for own in bars:
        analysed(own)
    seconds = time.perf_counter() - started
    print(f"the analysis took {1000 * seconds / len(bars):.0f} ms per song")


def frames_per_bar(song: Song) -> int:
    """16ths in a bar of the song."""
    return 4 * song.score.metres[0].numerator


def cut_of_labelling(labelling: Labelling, num_bars: int) -> Cut:
    """A person's phrases, cropped to the bars of the score; missing bars at the end belong to the last phrase."""
    intervals: list[tuple[int, int]] = []
    labels: list[str] = []
    start = 0
    for number, phrase in enumerate(labelling):
        stop = min(num_bars, start + phrase.bars)
        if stop > start:
            intervals.append((start, stop))
            labels.append(f"{phrase.label}{number}" if phrase.label in "Xx" else phrase.label)
        start = stop
    intervals[-1] = (intervals[-1][0], num_bars)
    return Cut(np.array(intervals, dtype=np.float64), labels)


def analysed(bars: Bars) -> Cut:
    """What ``form`` finds."""
    repetition = repetition_of(bars)
    passages = passages_of(bars, repetition, segments_of(bars, repetition))
    return Cut(np.array([own.bars for own in passages], dtype=np.float64), [own.label[0] for own in passages])


def print_arrangements(songs: Sequence[Song], bars: Sequence[Bars], people: Sequence[tuple[Cut, ...]]) -> None:
    """The played songs of ``pop909-cl`` whose bars are those of the people, and their lead sheets beside them."""
    played = {int(piece.id): piece for piece in pop909_cl.pieces()}
    arranged: list[dict[str, float]] = []
    plain: list[dict[str, float]] = []
    for song, own, both in zip(songs, bars, people, strict=True):
        if song.number not in played:
            continue
        score = played[song.number].load()
        shift, share = pop909_cl.shift_16ths(
            score.parts[0].notes, score.ticks_per_beat, song.score.parts[0].notes, song.score.ticks_per_beat
        )
        size = frames_per_bar(song)
        metres = {4 * metre.numerator * 4 // metre.denominator for metre in score.metres}
        if share < LEAST_SHARED or shift % size or score.pickup_ticks or metres != {size}:
            continue
        cut = moved(analysed(bars_of(score, size)), shift // size, own.num_bars)
        arranged.append(mean_agreement(both, cut))
        plain.append(mean_agreement(both, analysed(own)))
    print_row(f"arrangements of {len(arranged)} songs, both persons", arranged)
    print_row("analysis of the same, both persons", plain)


def mean_agreement(both: Sequence[Cut], cut: Cut) -> dict[str, float]:
    """The measures of one song by column, the mean of both persons."""
    rows = [agreement(person, cut) for person in both]
    return {column: float(np.mean([row[column] for row in rows])) for column in COLUMNS}


def moved(cut: Cut, shift_bars: int, num_bars: int) -> Cut:
    """A cut of music that begins so many bars earlier, cropped to a song of ``num_bars``."""
    intervals = cut.intervals - shift_bars
    inside = (intervals[:, 1] > 0) & (intervals[:, 0] < num_bars)
    intervals = np.clip(intervals[inside], 0, num_bars)
    intervals[0, 0], intervals[-1, 1] = 0, num_bars
    return Cut(intervals, [label for label, there in zip(cut.labels, inside, strict=True) if there])


def lettered(bars: Bars, person: Cut) -> Cut:
    """The segments of a person with the letters that ``form`` gives them."""
    segments = [(int(start), int(stop)) for start, stop in person.intervals]
    return Cut(person.intervals, [own.label[0] for own in passages_of(bars, repetition_of(bars), segments)])


def print_returns(bars: Sequence[Bars], people: Sequence[Cut]) -> None:
    """How many bars of a return have the letter of the bars that they return, by what is done to the melody."""
    found: dict[str, list[float]] = {"the same tune": [], "transposed": [], "varied": [], "other material": []}
    for own, person in zip(bars, people, strict=True):
        cut = analysed(own)
        letters = np.repeat(cut.labels, np.diff(cut.intervals, axis=1)[:, 0].astype(int))
        spans = [(int(start), int(stop)) for start, stop in person.intervals]
        for number, (label, span) in enumerate(zip(person.labels, spans, strict=True)):
            earlier = [
                (other, letter == label)
                for letter, other in zip(person.labels[:number], spans[:number], strict=True)
                if other[1] - other[0] == span[1] - span[0] and own.melodic[slice(*span)].any()
            ]
            for other, same in earlier:
                agrees = float((letters[slice(*span)] == letters[slice(*other)]).mean())
                levels = [level for level in range(12) if same_tune(own, span, other, level)]
                kind = "the same tune" if 0 in levels else "transposed" if levels else "varied"
                found[kind if same else "other material"].append(agrees)
    print("bars with the same letter where person 1 has two phrases of one length with melody:")
    for kind, shares in found.items():
        print(f"  {kind:<16}{100 * np.mean(shares):6.1f} % of {len(shares)} pairs")


def in_one_part(song: Song) -> Score:
    """The song with melody and chords in one part without a name."""
    columns = [
        np.concatenate(pair) for pair in zip(*(dataclasses.astuple(p.notes) for p in song.score.parts), strict=True)
    ]
    return dataclasses.replace(song.score, parts=(Part("", Notes.columns(*columns)),))


def every(bars: Bars, size: int) -> Cut:
    """A border every so many bars, all of one label."""
    starts = np.arange(0, bars.num_bars, size)
    intervals = np.stack([starts, np.minimum(starts + size, bars.num_bars)], axis=1)
    return Cut(intervals.astype(np.float64), ["A"] * len(starts))


def at_random(song: Song, bars: Bars) -> Cut:
    """A border every eight bars, each segment one of five materials."""
    cut = every(bars, 8)
    return Cut(cut.intervals, np.random.default_rng(song.number).choice(list("ABCDE"), len(cut.labels)).tolist())


def novelty(bars: Bars) -> Cut:
    """Peaks of the checkerboard kernel of eight bars along the diagonal of cosines between bars."""
    profile = np.concatenate([bars.onsets, bars.line_NBC.sum(axis=1), bars.chroma_NBC.sum(axis=1)], axis=1)
    norms = np.linalg.norm(profile, axis=1, keepdims=True)
    unit = np.divide(profile, norms, out=np.zeros_like(profile), where=norms > 0)
    padded = np.pad(unit @ unit.T, NOVELTY_BARS)
    place = np.arange(-NOVELTY_BARS, NOVELTY_BARS) + 0.5
    taper = np.exp(-((2 * place / NOVELTY_BARS) ** 2) / 2)
    kernel = np.outer(np.sign(place) * taper, np.sign(place) * taper)
    kernel /= np.abs(kernel).sum()
    size = 2 * NOVELTY_BARS
    curve = np.array([(padded[at : at + size, at : at + size] * kernel).sum() for at in range(bars.num_bars + 1)])
    peaks = [
        at
        for at in range(1, bars.num_bars)
        if curve[at] >= NOVELTY_LEAST * curve.max() and curve[at] == curve[max(0, at - 1) : at + 2].max()
    ]
    borders = [0, *peaks, bars.num_bars]
    return Cut(np.array(list(itertools.pairwise(borders)), dtype=np.float64), [str(at) for at in borders[:-1]])


def second(song: Song) -> Cut:
    """What recurs, without anything of ``form``."""
    found = sections_of(Timeline.of(song.score, written=True))
    borders = np.array(list(itertools.pairwise(found.borders)), dtype=np.float64)
    return Cut(borders, [str(label) for label in found.labels])


def agreement(person: Cut, other: Cut) -> dict[str, float]:
    """The measures of one song by column."""
    precision, recall, one_bar = mir_eval.segment.detection(person.intervals, other.intervals, window=1.0, trim=True)
    same_bar = mir_eval.segment.detection(person.intervals, other.intervals, window=0.5, trim=True)[2]
    both = (person.intervals, numbered(person.labels), other.intervals, numbered(other.labels))
    over, under, _ = mir_eval.segment.nce(*both, frame_size=1.0)
    v_measure = mir_eval.segment.vmeasure(*both, frame_size=1.0)[2]
    pairs = mir_eval.segment.pairwise(*both, frame_size=1.0)[2]
    values = (one_bar, precision, recall, same_bar, pairs, v_measure, over, under)
    return dict(zip(COLUMNS, values, strict=True))


def numbered(labels: Sequence[str]) -> list[str]:
    """The labels as numbers, since ``mir_eval`` takes capitals and small letters for the same."""
    return [str(labels.index(label)) for label in labels]


def print_row(name: str, rows: Sequence[dict[str, float]]) -> None:
    """One line: means in per cent with their intervals."""
    cells: list[str] = []
    for column in COLUMNS:
        found = rate(Tally.of_values([row[column] for row in rows]))
        cells.append(f"{100 * found.value:.1f} [{100 * found.low:.1f} {100 * found.high:.1f}]")
    print(f"{name:<42}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
