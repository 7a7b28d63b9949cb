"""Which segments of a piece are returns of earlier ones, and their letters.

Segments are named one after the other: each is one of the materials heard so far come again, or something new. How
likely it is to be each of them follows from how alike its bars are to those of the statements before (a multinomial
logit, fitted by ``benchmarks/fit_song_form.py`` to the letters of two people).

Letters follow the custom of the songs (``letters.py``). The same label is the same tune on the same level; a prime
marks a return that is varied or transposed.

Shapes: N bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ritornello.form.bars import Bars
from ritornello.form.evidence import FloatArray
from ritornello.form.grid import Range
from ritornello.form.letters import CAPITALS, INTRODUCTION, MAX_PRIMES, OUTRO, SMALL
from ritornello.form.repetition import Repetition
from ritornello.form.song_weights import weights_of
from ritornello.form.voices import REST

MATERIAL = (
    "known",
    "most alike statement",
    "least alike bar of it",
    "statements on average",
    "of the same length",
    "difference in length",
    "both without melody",
    "one without melody",
    "alike without melody",
    "number of statements",
    "statement just before",
    "introduction",
    "end without melody",
)
"""What speaks for a segment to be a return of a material, against being new."""
SAME_TUNE = 0.8
"""Share of the onsets of two statements that must agree in time and pitch class if they bear the same label."""


class Passage(NamedTuple):
    """A segment with its label."""

    label: str
    bars: Range
    source: int | None
    """Index of the earlier passage that it is most like, of the same material; None if it is new."""
    semitones: int
    """By how much it is moved against its source, -5 to 6."""
    same_tune: bool
    """Whether it has its source's melody, moved by ``semitones``."""


def passages_of(bars: Bars, repetition: Repetition, segments: Sequence[Range]) -> list[Passage]:
    """The segments with their labels, sources and transpositions."""
    names = weights_of("material")
    materials = materials_of(bars, repetition, segments, np.array([names[name] for name in MATERIAL]))
    letters = _letters(bars, segments, materials)
    passages: list[Passage] = []
    for index, (segment, material) in enumerate(zip(segments, materials, strict=True)):
        earlier = [other for other in range(index) if materials[other] == material]
        likeness = [mean_likeness(repetition.alike_NN, segment, segments[other])[0] for other in earlier]
        source = earlier[int(np.argmax(likeness))] if earlier else None
        semitones = 0 if source is None else _semitones(repetition, segment, segments[source])
        same = source is not None and same_tune(bars, segment, segments[source], semitones)
        label = _label(bars, passages, letters[index], segment, source)
        passages.append(Passage(label, segment, source, semitones, same))
    return passages


def materials_of(bars: Bars, repetition: Repetition, segments: Sequence[Range], weights: FloatArray) -> list[int]:
    """The number of each segment's material, in order of first statements."""
    materials: list[int] = []
    for index in range(len(segments)):
        evidence = material_evidence(
            bars, repetition, segments[: index + 1], materials, last=index + 1 == len(segments)
        )
        odds = evidence @ weights
        known = int(odds.argmax()) if len(odds) else 0
        materials.append(known if len(odds) and odds[known] > 0 else len(odds))
    return materials


def material_evidence(
    bars: Bars, repetition: Repetition, segments: Sequence[Range], materials: Sequence[int], *, last: bool
) -> FloatArray:
    """(C, 13) what speaks for the last of the segments to be of each of the C materials so far, by ``MATERIAL``."""
    own = segments[-1]
    melodic = bars.melodic
    silent = [not melodic[slice(*segment)].any() for segment in segments]
    rows: list[list[float]] = []
    for material in range(max(materials, default=-1) + 1):
        statements = [number for number, other in enumerate(materials) if other == material]
        likeness = [mean_likeness(repetition.alike_NN, own, segments[number]) for number in statements]
        best = max(range(len(statements)), key=lambda place: likeness[place][0])
        number = statements[best]
        sizes = own[1] - own[0], segments[number][1] - segments[number][0]
        mean, least = likeness[best]
        both = silent[-1] and silent[number]
        rows.append(
            [
                1.0,
                mean,
                least,
                float(np.mean([one for one, _ in likeness])),
                sizes[0] == sizes[1],
                abs(np.log2(sizes[0] / sizes[1])),
                both,
                silent[-1] != silent[number],
                both * mean,
                np.log2(len(statements)),
                statements[-1] == len(materials) - 1,
                both and statements[0] == 0,
                silent[-1] and last,
            ]
        )
    return np.array(rows, dtype=np.float64).reshape(-1, len(MATERIAL))


def mean_likeness(alike: FloatArray, one: Range, other: Range) -> tuple[float, float]:
    """Mean and least likeness of the bars of two segments, laid together at their beginnings or at their ends."""
    size = min(one[1] - one[0], other[1] - other[0])
    at = np.arange(size)
    begin = alike[one[0] + at, other[0] + at]
    end = alike[one[1] - size + at, other[1] - size + at]
    best = begin if begin.mean() >= end.mean() else end
    return float(best.mean()), float(best.min())


def _semitones(repetition: Repetition, own: Range, source: Range) -> int:
    """The transposition on which most of the bars agree; of equally many the smallest."""
    size = min(own[1] - own[0], source[1] - source[0])
    found = repetition.semitones_NN[own[0] + np.arange(size), source[0] + np.arange(size)]
    values, counts = np.unique(found, return_counts=True)
    return int(min(values[counts == counts.max()], key=abs))


def _letters(bars: Bars, segments: Sequence[Range], materials: Sequence[int]) -> list[str]:
    """A letter for each segment: of the same material the same."""
    found: dict[int, str] = {}
    free = {True: iter(CAPITALS), False: iter(SMALL)}
    melodic = bars.melodic
    for number, (segment, material) in enumerate(zip(segments, materials, strict=True)):
        if material in found:
            continue
        sings = bool(melodic[slice(*segment)].any())
        alone = list(materials).count(material) == 1
        if number == 0 and not sings and len(segments) > 1:
            found[material] = INTRODUCTION
        elif number + 1 == len(segments) and not sings and alone:
            found[material] = OUTRO
        else:
            found[material] = next(free[sings], None) or next(free[not sings], CAPITALS[-1])
    return [found[material] for material in materials]


def _label(bars: Bars, passages: Sequence[Passage], letter: str, own: Range, source: int | None) -> str:
    """The letter, with the primes of the statement that has the same tune, or with one prime more than all.

    Where there are no more primes, those of the source.
    """
    statements = [passage for passage in passages if passage.label[0] == letter]
    for passage in statements:
        if same_tune(bars, own, passage.bars, 0):
            return passage.label
    primes = len({passage.label for passage in statements})
    return letter + "'" * primes if primes <= MAX_PRIMES or source is None else passages[source].label


def same_tune(bars: Bars, one: Range, other: Range, semitones: int) -> bool:
    """Whether one is the other's melody moved by ``semitones``, at the same length; without melody, its harmony."""
    if one[1] - one[0] != other[1] - other[0]:
        return False
    first, second = (bars.pitch_NF[slice(*span)] for span in (one, other))
    either = (first != REST) | (second != REST)
    if not either.any():
        moved = np.roll(bars.chroma_NBC[slice(*other)], semitones, axis=2)
        beats = (bars.chroma_NBC[slice(*one)] * moved).sum(axis=2)
        return bool(beats.mean() >= SAME_TUNE)
    agree = (first % 12 == (second + semitones) % 12) & (first != REST) & (second != REST)
    return bool(agree.sum() >= SAME_TUNE * either.sum())
