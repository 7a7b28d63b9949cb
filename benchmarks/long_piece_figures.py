"""The figures of one long piece: whether its notes have a given form, and what its notes alone say of long form.

A ``Form`` is what a plan asks for, what a person or an analysis heard, all in full bars from 0. ``long_pieces`` says
what is compared with what; nothing here knows where a piece comes from.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from benchmarks.bar_likeness import Likeness, likeness_of, returned
from benchmarks.song_form import Cut, agreement
from ritornello.evaluation import compression, fitness, novelty, similarity, structure
from ritornello.evaluation.key_profiles import best_key, key_fits
from ritornello.evaluation.recurrence import returns
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.form.analyse import analyse
from ritornello.form.keys import key_number
from ritornello.form.plan import Plan
from ritornello.scores.score import Notes, Part, Score

NAN = float("nan")
DISTANCES = {"near": (0, 32), "middle": (32, 64), "far": (64, 10**6)}
"""Bars from the beginning of the source to that of the return: above one, up to the next."""
LEFT_OUT = 0.1
_SAME = 1 - 1e-6

Figures = dict[str, float]


class Form(NamedTuple):
    """Sections in order and without gaps."""

    borders: tuple[int, ...]
    """In full bars, from 0; one more than there are sections."""
    letters: tuple[str, ...]
    """The same letter is the same material."""
    labels: tuple[str, ...]
    """The letters with their primes: the same label is the same music; none of people's letters."""
    sources: tuple[int | None, ...]
    """The earlier section that each one comes from."""
    keys: tuple[int | None, ...]
    """In which it ends, 0-23."""

    @property
    def num_bars(self) -> int:
        """Of the piece."""
        return self.borders[-1]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First bar of each section, and the bar after its last."""
        return list(itertools.pairwise(self.borders))


def form_of_plan(plan: Plan) -> Form:
    """What a plan asks for; its sections must be set."""
    sections = plan.sections or ()
    owner = [number for number, section in enumerate(sections) for _ in section.phrases or ()]
    sources: list[int | None] = []
    for number, section in enumerate(sections):
        motifs = [phrase.motif for phrase in section.phrases or () if phrase.motif is not None]
        named = [owner[motif.source] for motif in motifs if motif.source is not None]
        earlier = [source for source in named if source < number]
        sources.append(earlier[0] if earlier else None if motifs else plan.source_section(number))
    return Form(
        (0, *np.cumsum([section.bars for section in sections]).tolist()),
        tuple(section.letter for section in sections),
        tuple(section.label for section in sections),
        tuple(sources),
        tuple(None if section.key is None else key_number(section.key) for section in sections),
    )


def form_of_labels(borders: Sequence[int], labels: Sequence[str]) -> Form:
    """What a person wrote: ``X`` and ``x`` come once, any other letter's source is its first statement."""
    letters = [f"{label}{number}" if label in "Xx" else label for number, label in enumerate(labels)]
    sources = [letters.index(letter) if letters.index(letter) < at else None for at, letter in enumerate(letters)]
    return Form(tuple(borders), tuple(letters), (), tuple(sources), (None,) * len(letters))


def form_of_sections(found: novelty.Sections) -> Form:
    """What the second segmenter found."""
    labels = [str(label) for label in found.labels]
    return form_of_labels(found.borders, labels)


def bare(score: Score) -> Score:
    """The notes, metres and names of parts, and nothing that could give the form away."""
    parts = tuple(replace(part, fermatas_ticks=()) for part in score.parts)
    return replace(score, parts=parts, keys=(), markers=(), title="", chords=())


def thinned(score: Score) -> Score:
    """The score without a tenth of its notes, drawn at random: the same form, heard again."""
    random = np.random.default_rng(0)
    parts: list[Part] = []
    for part in score.parts:
        kept = random.random(len(part.notes)) >= LEFT_OUT
        notes = part.notes
        columns = (notes.onset_ticks, notes.duration_ticks, notes.pitch, notes.velocity)
        parts.append(replace(part, notes=Notes.columns(*(column[kept] for column in columns))))
    return replace(score, parts=tuple(parts), closing_ticks=score.end_ticks)


def num_full_bars(score: Score) -> int:
    """Full bars up to the end of the last note; a last bar that is cut short counts."""
    return len(novelty.full_barlines(score)) - 1


def agreement_of(truth: Form, found: Form, name: str) -> Figures:
    """How well a found form agrees with the one that should be there: borders and labels, as ``mir_eval`` counts."""
    columns = {"borders": "one bar", "precision": "precision", "recall": "recall", "same": "same bar", "pairs": "pairs"}
    if len(truth.letters) < 2:
        return {f"{column}_{name}": NAN for column in columns}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a piece in which no border is found
        values = agreement(_cut(truth), _cut(_cropped(found, truth.num_bars)))
    return {f"{column}_{name}": values[title] for column, title in columns.items()}


def keys_of(score: Score, truth: Form, found: Form | None, home: int | None, found_home: int | None) -> Figures:
    """Home and section keys, as the analysis and as key profiles hear them; open ones are not counted."""
    notes = Timeline.of(score, written=True)
    lines = novelty.full_barlines(score)
    second = _profile_key(notes, 0.0, np.inf)
    hits: dict[str, list[bool]] = {"form": [], "second": []}
    for key, (start, stop) in zip(truth.keys, truth.spans, strict=True):
        if key is None or stop >= len(lines):
            continue
        hits["second"].append(_profile_key(notes, lines[start], lines[stop]) == key)
        if found is not None:
            at = int(np.searchsorted(found.borders, stop - 1, side="right")) - 1
            hits["form"].append(at < len(found.keys) and found.keys[at] == key)
    return {
        "home_key_form": NAN if home is None or found_home is None else float(home == found_home),
        "home_key_second": NAN if home is None else float(home == second),
        "num_keys": float(len(hits["second"])),
        **{f"section_keys_{name}": float(np.mean(own)) if own else NAN for name, own in hits.items()},
    }


def returns_of(score: Score, truth: Form) -> Figures:
    """Whether the returns of a form are heard in the notes, by how far back their sources lie."""
    likeness = likeness_of(score)
    melody = next((part for part in score.parts if part.name.lower().startswith("melody") and len(part.notes)), None)
    of_melody = likeness_of(score, [melody]) if melody else None
    rows: list[Figures] = []
    for number, source in enumerate(truth.sources):
        if source is not None:
            rows.append(_one_return(likeness, of_melody, truth, number, source))
    figures: Figures = {}
    for name, (above, upto) in DISTANCES.items():
        own = [row for row in rows if above < row["distance"] <= upto]
        figures |= {f"{column}_{name}": _mean(own, column) for column in ("like", "chance", "found")}
        figures |= {f"num_{name}": float(len(own)), f"num_found_{name}": _count(own, "found")}
    for kind, exact in (("exact", 1.0), ("varied", 0.0)):
        own = [row for row in rows if row["exact label"] == exact]
        for column in ("like", "identical", "melody", "melody identical"):
            figures[f"{column}_{kind}"] = _mean(own, column)
            figures[f"num_{column}_{kind}"] = _count(own, column)
    for column in ("like", "identical", "low", "melody", "melody identical", "melody low"):
        figures[column], figures[f"num_{column}"] = _mean(rows, column), _count(rows, column)
    return figures


def structure_of(score: Score, found: Form | None, second: Form) -> Figures:
    """What notes alone say of long form, with a plan or without."""
    notes = Timeline.of(score, written=True)
    figures: Figures = {
        "bars": float(num_full_bars(score)),
        "minutes": notes.seconds / 60,
        "num_notes": float(len(notes)),
        "notes_per_bar": len(notes) / max(1, num_full_bars(score)),
    }
    for aspect in (fitness, structure, compression):
        figures |= {name: float(value) for name, value in aspect.evaluate(notes).items()}
    by_lag = similarity.by_lag(similarity.chroma_of(notes))
    for (low, high), value in zip(itertools.pairwise(similarity.LAGS_SECONDS), by_lag.tolist(), strict=True):
        figures[f"similarity_{low:.0f}_{high:.0f}s"] = value
    figures |= returned(likeness_of(score))
    found_returns = returns(notes.pitch)
    lags = [notes.onset_seconds[one.start] - notes.onset_seconds[one.nearest] for one in found_returns]
    figures["seconds_between_returns"] = float(np.median(lags)) if lags else NAN
    if found is not None:
        figures |= _found_form(found) | agreement_of(second, found, "both")
    return figures


@lru_cache(maxsize=4096)
def analysed(score: Score) -> tuple[Plan, Form]:
    """What the analysis finds in the bare notes; raises UserError as ``analyse`` does."""
    plan = analyse(bare(score))
    return plan, form_of_plan(plan)


def _found_form(found: Form) -> Figures:
    """Of a form that an analysis found: sections, materials, and the bars that return by distance."""
    size = np.diff(found.borders)
    figures: Figures = {
        "sections_per_100_bars": 100 * len(size) / found.num_bars,
        "materials_per_100_bars": 100 * len(set(found.letters)) / found.num_bars,
    }
    for name, (above, upto) in DISTANCES.items():
        bars = [
            size[number]
            for number, source in enumerate(found.sources)
            if source is not None and above < found.borders[number] - found.borders[source] <= upto
        ]
        figures[f"form_returns_{name}"] = float(sum(bars)) / found.num_bars if found.num_bars > above else NAN
    return figures


def _one_return(likeness: Likeness, melody: Likeness | None, truth: Form, number: int, source: int) -> Figures:
    """How alike one return is to its source, and to everything before it that is of other material."""
    (start, stop), (first, last) = truth.spans[number], truth.spans[source]
    size = min(stop - start, last - first)
    like = likeness.of(start, first, size)
    own = np.zeros(truth.num_bars + 1, dtype=np.int64)
    for letter, span in zip(truth.letters, truth.spans, strict=True):
        own[slice(*span)] = letter == truth.letters[number]
    taken = np.concatenate([[0], np.cumsum(own)])
    free = [at for at in range(start - size + 1) if taken[at + size] == taken[at]]
    chance = [likeness.of(start, at, size) for at in free]
    tune = melody.of(start, first, size) if melody else NAN
    return {
        "distance": float(start - first),
        "exact label": float(truth.labels[number] == truth.labels[source]) if truth.labels else NAN,
        "like": like,
        "identical": _at_least(like, _SAME),
        "low": 1 - _at_least(like, 0.3),
        "melody": tune,
        "melody identical": _at_least(tune, _SAME),
        "melody low": 1 - _at_least(tune, 0.3),
        "chance": float(np.mean(chance)) if chance else NAN,
        "found": float(like > max(chance)) if chance and np.isfinite(like) else NAN,
    }


def _at_least(value: float, bound: float) -> float:
    return NAN if np.isnan(value) else float(value >= bound)


def _mean(rows: Sequence[Figures], column: str) -> float:
    known = [row[column] for row in rows if np.isfinite(row[column])]
    return float(np.mean(known)) if known else NAN


def _count(rows: Sequence[Figures], column: str) -> float:
    return float(sum(np.isfinite(row[column]) for row in rows))


def _profile_key(notes: Timeline, start: float, stop: float) -> int | None:
    """The key whose profile the notes between two beats resemble most."""
    sounding = np.minimum(notes.offset_beats, stop) - np.maximum(notes.onset_beats, start)
    inside = sounding > 0
    if not inside.any():
        return None
    histogram: FloatArray = np.bincount(notes.pitch[inside] % 12, weights=sounding[inside], minlength=12).astype(
        np.float64
    )
    end = notes.offset_beats[inside].max()
    last = inside & (notes.offset_beats >= min(end, stop))
    bass = int(notes.pitch[last].min()) if last.any() else int(notes.pitch[inside].min())
    return best_key(key_fits(histogram), bass % 12)


def _cropped(form: Form, num_bars: int) -> Form:
    """The form cut off after so many bars; bars that it does not have belong to its last section."""
    kept = [number for number, (start, _) in enumerate(form.spans) if start < num_bars]
    borders = (*(form.borders[number] for number in kept), num_bars)
    pick = tuple(kept)
    return Form(
        borders,
        tuple(form.letters[n] for n in pick),
        tuple(form.labels[n] for n in pick) if form.labels else (),
        tuple(form.sources[n] for n in pick),
        tuple(form.keys[n] for n in pick),
    )


def _cut(form: Form) -> Cut:
    return Cut(np.array(form.spans, dtype=np.float64), list(form.letters))
