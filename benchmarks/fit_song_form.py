"""Fits the weights of ``form/song_form.json`` to the phrases that two people marked in songs 1-800.

    python benchmarks/fit_song_form.py NEW.json [--last 800]

Needs RITORNELLO_DATA with ``pop909-structure``, about five minutes on one core and 3 GB. ``--last 700`` leaves songs
701-800 for choosing features; 801-909 are never seen (``song_form.py`` measures there). Labellings whose bars do not
fill the song are left out.

Four tables are fitted one after the other, each by its own likelihood with a Gaussian prior, which all are convex:
``alike`` (whether two bars are the same place of phrases of one letter; logistic), ``segments`` and ``segments again``
(the cut; semi-Markov conditional random fields, both people's cuts weighing half) and ``material`` (the letter, given
the letters before; multinomial logit). Segments longer than the model has are cut at its longest for the fit.

Shapes: P pairs of bars, S songs, N bars, M lengths, C materials, K features.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from song_form import frames_per_bar
from torch import Tensor

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.pop909_structure import Labelling, read_song
from ritornello.form import repetition, returns, segments
from ritornello.form.bars import Bars, bars_of
from ritornello.form.grid import Range
from ritornello.form.letters import INTRODUCTION, OUTRO
from ritornello.form.repetition import EVIDENCE, Repetition, evidence_at, repetition_of
from ritornello.form.returns import MATERIAL, material_evidence
from ritornello.form.segment_features import FEATURES, FEATURES_AGAIN, MAX_BARS, elsewhere_of, features_of
from ritornello.form.segments import chances_of

MOST_BARS_APART = 2
"""By how much a labelling may differ from the score."""
PAIRS_PER_SONG = 400
BATCH_SONGS = 100
LONGEST_SONG = 200
PRIORS = {"alike": 0.1, "segments": 1.0, "material": 0.1}
"""Weight of half the sum of squares, in nats."""
MAX_STEPS = 80
SINGLE = "Xx"
NO_MATERIAL = INTRODUCTION + OUTRO

Weights = dict[str, float]


class Truth(NamedTuple):
    """A song with the cuts that can be used."""

    number: int
    bars: Bars
    labellings: list[list[tuple[str, Range]]]
    """Letters and bars; the letters of material that comes once are made distinct."""


def main() -> None:
    """Fits the tables and writes them."""
    parser = argparse.ArgumentParser(description="Fits the weights of the analysis of songs.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--last", type=int, default=800, help="last song that is looked at")
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    truths = list(truths_of(range(1, options.last + 1)))
    print(f"{len(truths)} songs, {sum(len(truth.labellings) for truth in truths)} labellings")
    tables = {"alike": fit_alike(truths)}
    with_tables(tables)
    found = [repetition_of(truth.bars) for truth in truths]
    features = [features_of(truth.bars, own) for truth, own in zip(truths, found, strict=True)]
    tables["segments"] = first = fit_segments(truths, features, FEATURES)
    for number, (own, repeated) in enumerate(zip(features, found, strict=True)):
        chances = chances_of(own @ np.array([first[name] for name in FEATURES]))
        features[number] = np.concatenate([own, elsewhere_of(repeated, chances)], axis=2)
    tables["segments again"] = fit_segments(truths, features, FEATURES_AGAIN)
    tables["material"] = fit_material(truths, found)
    rounded = {name: {key: round(value, 3) for key, value in table.items()} for name, table in tables.items()}
    options.out.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def with_tables(tables: dict[str, Weights]) -> None:
    """Lets the analysis use new weights in this process."""
    for module in (repetition, segments, returns):
        module.weights_of = tables.__getitem__  # pyright: ignore[reportAttributeAccessIssue]


def truths_of(numbers: Sequence[int]) -> Iterator[Truth]:
    """The songs that have a usable labelling."""
    folder = corpus_folder(None, "pop909-structure")
    for number in numbers:
        song = read_song(folder / f"{number:03d}")
        bars = bars_of(song.score, frames_per_bar(song))
        usable = [spans_of(labelling, bars.num_bars) for labelling in song.labellings if fits(labelling, bars.num_bars)]
        if usable and bars.num_bars <= LONGEST_SONG:
            yield Truth(number, bars, usable)


def fits(labelling: Labelling, num_bars: int) -> bool:
    """Whether a labelling is about this score."""
    return abs(sum(phrase.bars for phrase in labelling) - num_bars) <= MOST_BARS_APART


def spans_of(labelling: Labelling, num_bars: int) -> list[tuple[str, Range]]:
    """Letters and bars of the phrases, to the end of the score."""
    spans: list[tuple[str, Range]] = []
    start = 0
    for number, phrase in enumerate(labelling):
        stop = min(num_bars, start + phrase.bars)
        if stop > start:
            spans.append((f"{phrase.label}{number}" if phrase.label in SINGLE else phrase.label, (start, stop)))
        start = stop
    label, (start, _) = spans[-1]
    return [*spans[:-1], (label, (start, num_bars))]


def fit_alike(truths: Sequence[Truth]) -> Weights:
    """Bars at the same place of phrases: of one letter, or of two."""
    random = np.random.default_rng(0)
    rows: list[np.ndarray] = []
    same: list[bool] = []
    for truth in truths:
        evidence = evidence_at(truth.bars, 0)
        spans = truth.labellings[truth.number % len(truth.labellings)]
        pairs = [
            (one[0] + bar, other[0] + bar, label == letter and label not in NO_MATERIAL)
            for number, (label, one) in enumerate(spans)
            for letter, other in spans[:number]
            for bar in range(min(one[1] - one[0], other[1] - other[0]))
        ]
        for number in random.permutation(len(pairs))[:PAIRS_PER_SONG]:
            first, second, alike = pairs[number]
            rows.append(evidence[first, second])
            same.append(alike)
    rows_PK, same_P = torch.from_numpy(np.array(rows)), torch.tensor(same, dtype=torch.float64)

    def loss(weights: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(rows_PK @ weights, same_P, reduction="sum")

    return dict(zip(EVIDENCE, fitted("alike", loss, len(EVIDENCE), len(same)), strict=True))


def fit_segments(truths: Sequence[Truth], features: Sequence[np.ndarray], names: Sequence[str]) -> Weights:
    """The cuts: the features (N, M, K) of people's segments against those of all cuts."""
    order = sorted(range(len(truths)), key=lambda number: truths[number].bars.num_bars)
    batches = [
        segment_batch([(truths[number], features[number]) for number in order[start : start + BATCH_SONGS]])
        for start in range(0, len(order), BATCH_SONGS)
    ]

    def loss(weights: Tensor) -> Tensor:
        total = torch.zeros(())
        for features_SNMK, num_bars_S, wanted_SK in batches:
            total = total + log_sums(features_SNMK @ weights.float(), num_bars_S).sum() - (wanted_SK @ weights).sum()
        return total

    return dict(zip(names, fitted("segments", loss, len(names), len(truths)), strict=True))


def segment_batch(songs: Sequence[tuple[Truth, np.ndarray]]) -> tuple[Tensor, Tensor, Tensor]:
    """Features of all segments (S, N, M, K), bars (S,), and summed features of people's cuts (S, K)."""
    num_bars = torch.tensor([truth.bars.num_bars for truth, _ in songs])
    num_features = songs[0][1].shape[2]
    features = torch.zeros(len(songs), int(num_bars.max()), MAX_BARS, num_features, dtype=torch.float32)
    wanted = torch.zeros(len(songs), num_features)
    for number, (truth, own) in enumerate(songs):
        features[number, : len(own)] = torch.from_numpy(own)
        for spans in truth.labellings:
            for start, stop in short_enough(span for _, span in spans):
                wanted[number] += torch.from_numpy(own[start, stop - start - 1]) / len(truth.labellings)
    return features, num_bars, wanted


def short_enough(spans: Iterator[Range]) -> Iterator[Range]:
    """The spans, those cut that are too long."""
    for start, stop in spans:
        yield from itertools.pairwise([*range(start, stop, MAX_BARS), stop])


def log_sums(worth_SNM: Tensor, num_bars_S: Tensor) -> Tensor:
    """Log of the summed worths of all cuts of each song (S,)."""
    worth = worth_SNM.double()
    sums = [torch.zeros(len(worth))]
    for end in range(1, worth.shape[1] + 1):
        starts = range(max(0, end - MAX_BARS), end)
        sums.append(torch.logsumexp(torch.stack([sums[at] + worth[:, at, end - at - 1] for at in starts]), dim=0))
    return torch.stack(sums, dim=1)[torch.arange(len(worth)), num_bars_S]


def fit_material(truths: Sequence[Truth], found: Sequence[Repetition]) -> Weights:
    """The letters, each given people's own letters before it."""
    rows: list[np.ndarray] = []
    chosen: list[int] = []
    for truth, own in zip(truths, found, strict=True):
        for spans in truth.labellings:
            names: dict[str, int] = {}
            materials: list[int] = []
            for number, (label, _) in enumerate(spans):
                cut = [span for _, span in spans[: number + 1]]
                evidence = material_evidence(truth.bars, own, cut, materials, last=number + 1 == len(spans))
                material = names.setdefault(label, len(names))
                rows.append(evidence)
                chosen.append(1 + material if material < len(evidence) else 0)
                materials.append(material)
    most = max(map(len, rows))
    evidence_XCK = torch.zeros(len(rows), most + 1, len(MATERIAL))
    absent_XC = torch.full((len(rows), most + 1), -torch.inf)
    for number, row in enumerate(rows):
        evidence_XCK[number, 1 : len(row) + 1] = torch.from_numpy(row)
        absent_XC[number, : len(row) + 1] = 0.0  # the first is to be new
    chosen_X = torch.tensor(chosen)

    def loss(weights: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(evidence_XCK @ weights + absent_XC, chosen_X, reduction="sum")

    return dict(zip(MATERIAL, fitted("material", loss, len(MATERIAL), len(rows)), strict=True))


def fitted(name: str, loss: Callable[[Tensor], Tensor], num_weights: int, num_rows: int) -> list[float]:
    """The weights at which the penalised loss is least; prints the loss per row."""
    weights = torch.zeros(num_weights, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=MAX_STEPS, history_size=20, line_search_fn="strong_wolfe")

    def step() -> float:
        optimiser.zero_grad()
        value = loss(weights) + PRIORS[name] / 2 * (weights**2).sum()
        value.backward()
        return float(value.detach())

    optimiser.step(step)
    print(f"{name}: {float(loss(weights).detach()) / num_rows:.4f} nats each of {num_rows}")
    sys.stdout.flush()
    return weights.detach().tolist()


if __name__ == "__main__":
    main()
