"""Adherence: does the music do what its plan says, as ``form.analyse`` hears it?

The plan is compared with the plan that the analysis finds in the notes, twice:

* ``_given``: the analysis is told where phrases close (the plan's fermatas are written into the score, any
  others removed), and says what key, chords and cadence it hears there;
* ``_free``: it gets the bare notes without a fermata and finds the phrases by itself.

Figures are shares from 0 to 1 of the plan's items, with the number of items beside them (``num_...``):

* **key**: phrases whose local key (tonic and mode) is found; the phrase found is the one that overlaps most.
* **cadence**: phrases whose cadence is found at its place, within a beat, with the same kind;
  **cadence_family** takes perfect and imperfect authentic for one kind, and half and Phrygian.
* **harmony**: beat slots whose chord is found, root and quality; **harmony_root** by the root alone,
  **harmony_inversion** with the inversion too. Chords are compared as sounding pitch classes, so that V in C
  and I in G agree: a wrong key is counted once, under key.
* **boundaries** (free only): precision, recall and their harmonic mean for phrase ends within half a beat.
* **sections** (free only): sections whose beginning and end are both borders of found sections.
* **section_keys**: sections in whose last phrase the key is found in which they are to end.

Some need no analysis:

* **bars**: of all bars that the plan or the score has, those that both have, from the same 16th to the same 16th;
* **returns**: sections with the label of an earlier one whose notes are exactly the same; a silent one is none;
* **register_arcs**, **density_arcs**: sections whose soprano rises, falls or stays, and whose notes grow denser or
  sparser, as planned (``form/arcs.py``); a silent section misses both;
* **tension_falls**: authentic cadences at which tension falls: the strain (``tension.py``) against the phrase's key of
  all notes from the fermata chord on lies below that of the beat before it.

Items that the plan leaves open are not counted; a figure without items is nan.

**Source.** The window of half a beat is our choice; precision and recall as in mir_eval.segment.detection
(Raffel et al., ISMIR 2014), the piece's beginning and end not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ritornello.evaluation import events
from ritornello.evaluation.metric import Change, Metric
from ritornello.evaluation.tension import curves
from ritornello.form.analyse import analyse, filled
from ritornello.form.arcs import density_arc, register_arc
from ritornello.form.chord import Chord
from ritornello.form.grid import (
    FRAMES_PER_BEAT,
    Range,
    grid_of_plan,
    grid_of_score,
    phrase_ranges,
    phrase_slots,
    section_ranges,
    to_frames,
)
from ritornello.form.key import Key
from ritornello.form.keys import key_number
from ritornello.form.plan import Phrase, Plan
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import Score

CADENCE_WINDOW_FRAMES = FRAMES_PER_BEAT
BOUNDARY_WINDOW_FRAMES = FRAMES_PER_BEAT // 2
AUTHENTIC = ("perfect authentic", "imperfect authentic")
NAN = float("nan")
_ROUNDING = 1e-9

_SAYS = {
    "key": "phrases whose local key is heard",
    "cadence": "phrases whose cadence is heard at its place, of the same kind",
    "cadence_family": "the same, authentic ones being one kind and half ones another",
    "harmony": "beats whose chord is heard, root and quality",
    "harmony_root": "beats whose chord's root is heard",
    "harmony_inversion": "beats whose chord is heard, with its inversion",
}
COMPARED = tuple(_SAYS)
_GIVEN, _FREE = "; the analysis is told where phrases end", "; the analysis finds the phrases itself"
_KEEPS: frozenset[Change] = frozenset(("notes reordered", "louder"))


def _metric(name: str, says: str) -> Metric:
    return Metric(name, "share", says, keeps=_KEEPS, high=1.0)


METRICS: tuple[Metric, ...] = (
    Metric("num_phrases", "count", "phrases of the plan"),
    Metric("num_slots", "count", "beats of the plan that have a chord"),
    *(_metric(f"{name}_given", says + _GIVEN) for name, says in _SAYS.items()),
    *(_metric(f"{name}_free", says + _FREE) for name, says in _SAYS.items()),
    _metric("boundaries_precision", "phrase ends found that lie within half a beat of a planned one"),
    _metric("boundaries_recall", "planned phrase ends with one found within half a beat"),
    _metric("boundaries_f", "harmonic mean of both"),
    _metric("sections_free", "sections whose both ends the analysis finds"),
    _metric("section_keys_given", "sections that end in their key" + _GIVEN),
    _metric("section_keys_free", "sections that end in their key" + _FREE),
    _metric("bars", "bars of plan or music that both have"),
    _metric("returns", "sections with an earlier one's label whose notes are the same"),
    _metric("register_arcs", "sections whose soprano rises, falls or stays as planned"),
    _metric("density_arcs", "sections whose notes grow denser or sparser as planned"),
    _metric("tension_falls", "planned authentic cadences at which tension falls"),
)
"""Of a piece and its plan; not in ``aspects.py``, which knows no plans."""


class Sounding(NamedTuple):
    """A chord as it sounds: pitch class of the root, quality, inversion."""

    root: int
    quality: str
    inversion: int


def evaluate(score: Score, plan: Plan) -> dict[str, float]:
    """All figures of this file. The plan's metre, pickup, sections and phrases must be set.

    A score without notes gives nan for everything that is heard in notes.
    """
    figures = {"num_phrases": float(len(plan.phrases)), "num_slots": float(len(_chords(plan)))}
    heard = score.num_notes > 0
    given = analyse(with_fermatas(score, closes_of(plan))) if heard else None
    free = analyse(with_fermatas(score, [])) if heard else None
    figures |= {f"{name}_given": value for name, value in compare(plan, given).items()}
    figures |= {f"{name}_free": value for name, value in compare(plan, free).items()}
    figures |= boundaries(plan, free)
    return figures | {
        "sections_free": sections(plan, free),
        "section_keys_given": section_keys(plan, given),
        "section_keys_free": section_keys(plan, free),
        "bars": bars(score, plan),
        "returns": returns(score, plan),
        **arcs(score, plan),
        "tension_falls": tension_falls(score, plan),
    }


def compare(plan: Plan, found: Plan | None) -> dict[str, float]:
    """Keys, cadences and harmony of a plan against those of the plan found; all nan if none was."""
    if found is None:
        return dict.fromkeys(COMPARED, NAN)
    others = _overlapping(plan, found)
    keys = [(phrase.key, other.key) for phrase, other in zip(plan.phrases, others, strict=True) if phrase.key]
    closes = zip(plan.phrases, closes_of(plan), strict=True)
    cadences = [(phrase.cadence, _cadence_near(found, close)) for phrase, close in closes if phrase.cadence]
    chords = _chord_pairs(plan, found)
    shares = (
        _share([b is not None and key_number(a) == key_number(b) for a, b in keys]),
        _share([a == b for a, b in cadences]),
        _share([b is not None and _family(a) == _family(b) for a, b in cadences]),
        _share([b is not None and a[:2] == b[:2] for a, b in chords]),
        _share([b is not None and a.root == b.root for a, b in chords]),
        _share([a == b for a, b in chords]),
    )
    return dict(zip(COMPARED, shares, strict=True))


def boundaries(plan: Plan, found: Plan | None) -> dict[str, float]:
    """Precision, recall and F of the phrase ends inside the piece."""
    wanted = [end for _, end in phrase_ranges(plan)[:-1]]
    heard = [end for _, end in phrase_ranges(found)[:-1]] if found else []
    met = events.hits(heard, wanted, BOUNDARY_WINDOW_FRAMES)
    values = (met.precision, met.recall, met.f_measure) if found and wanted else (NAN, NAN, NAN)
    return dict(zip(("boundaries_precision", "boundaries_recall", "boundaries_f"), values, strict=True))


def sections(plan: Plan, found: Plan | None) -> float:
    """Share of the plan's sections of which both ends are borders of found sections, within half a beat."""
    if found is None:
        return NAN
    borders = np.array([frame for ends in section_ranges(found) for frame in ends])
    near = [
        all(np.abs(borders - frame).min() <= BOUNDARY_WINDOW_FRAMES for frame in ends) for ends in section_ranges(plan)
    ]
    return _share(near)


def section_keys(plan: Plan, found: Plan | None) -> float:
    """Share of the sections that end in a phrase of their key; those whose key is open are not counted."""
    if found is None:
        return NAN
    ends = np.array([end for _, end in phrase_ranges(found)])
    hits: list[bool] = []
    for section, (_, end) in zip(plan.sections or (), section_ranges(plan), strict=True):
        last = int(np.searchsorted(ends, end - 1, side="right"))
        key = found.phrases[last].key if last < len(ends) else None
        if section.key is not None:
            hits.append(key is not None and key_number(key) == key_number(section.key))
    return _share(hits)


def bars(score: Score, plan: Plan) -> float:
    """Bars that plan and score share, among those that either has."""
    planned, there = set(grid_of_plan(plan).bars), set(grid_of_score(score).bars)
    return len(planned & there) / len(planned | there) if score.num_notes else NAN


def arcs(score: Score, plan: Plan) -> dict[str, float]:
    """Share of the planned arcs of register and of density that are found again."""
    frames = frames_of(score)
    if not (frames.pitch != REST).any():
        return {"register_arcs": NAN, "density_arcs": NAN}
    frames = filled(frames, grid_of_plan(plan).num_frames)
    register: list[bool] = []
    density: list[bool] = []
    for section, ends in zip(plan.sections or (), section_ranges(plan), strict=True):
        heard = bool(frames.struck[slice(*ends)].any())
        if section.register_arc is not None:
            register.append(heard and register_arc(frames, ends) == section.register_arc)
        if section.density_arc is not None:
            density.append(heard and density_arc(frames, ends) == section.density_arc)
    return {"register_arcs": _share(register), "density_arcs": _share(density)}


def tension_falls(score: Score, plan: Plan) -> float:
    """Share of the planned authentic cadences at whose last chord tension is lower than in the beat before.

    Cadences with an open key, and those at the very beginning, are not counted; silence is no fall.
    """
    pitch = frames_of(score).pitch
    if not (pitch != REST).any():
        return NAN
    falls: list[bool] = []
    for phrase, (_, end), close in zip(plan.phrases, phrase_ranges(plan), closes_of(plan), strict=True):
        if phrase.cadence in AUTHENTIC and phrase.key is not None and close > 0:
            clouds = [pitch[max(0, close - FRAMES_PER_BEAT) : close], pitch[close:end]]
            sounding = np.stack([np.bincount(cloud[cloud != REST] % 12, minlength=12) for cloud in clouds])
            before, after = curves(sounding.astype(np.float64), key_number(phrase.key))[0]
            falls.append(bool(after < before - _ROUNDING))
    return _share(falls)


def returns(score: Score, plan: Plan) -> float:
    """Share of the sections bearing the label of an earlier one that sound exactly like it, up to the shorter end.

    A silent section is no return, as one that the piece does not come to.
    """
    pitch, struck = frames_of(score)
    if not struck.any():
        return NAN
    ranges = section_ranges(plan)
    labels = [section.label for section in plan.sections or ()]
    same: list[bool] = []
    for index, label in enumerate(labels):
        if label in labels[:index]:
            (start, stop), (first, last) = ranges[index], ranges[labels.index(label)]
            length = min(stop - start, last - first)
            same.append(
                bool((pitch[start : start + length] != REST).any())
                and np.array_equal(pitch[start : start + length], pitch[first : first + length])
                and np.array_equal(struck[start : start + length], struck[first : first + length])
            )
    return _share(same)


def closes_of(plan: Plan) -> list[int]:
    """Frame of every phrase's fermata chord; an open one is taken a beat before the phrase ends."""
    return [
        start + to_frames(phrase.fermata_beats)
        if phrase.fermata_beats is not None
        else max(start, end - FRAMES_PER_BEAT)
        for phrase, (start, end) in zip(plan.phrases, phrase_ranges(plan), strict=True)
    ]


def with_fermatas(score: Score, frames: Sequence[int]) -> Score:
    """The score with fermatas in its first part at these frames and nowhere else."""
    ticks = tuple(frame * score.ticks_per_beat // FRAMES_PER_BEAT for frame in frames)
    parts = [replace(part, fermatas_ticks=() if number else ticks) for number, part in enumerate(score.parts)]
    return replace(score, parts=tuple(parts))


def _family(cadence: str) -> str:
    """Perfect and imperfect authentic cadences are one family, half and Phrygian another."""
    if cadence == "imperfect authentic":
        return "perfect authentic"
    return "half" if cadence == "phrygian" else cadence


def _overlapping(plan: Plan, found: Plan) -> list[Phrase]:
    """For each phrase of the plan the phrase found that shares most frames with it."""
    others = phrase_ranges(found)
    overlaps = [[min(end, e) - max(start, s) for s, e in others] for start, end in phrase_ranges(plan)]
    return [found.phrases[int(np.argmax(row))] for row in overlaps]


def _cadence_near(found: Plan, close: int) -> str | None:
    """The cadence found at this frame; None if no phrase closes within the window."""
    closes = closes_of(found)
    nearest = min(range(len(closes)), key=lambda i: abs(closes[i] - close))
    return found.phrases[nearest].cadence if abs(closes[nearest] - close) <= CADENCE_WINDOW_FRAMES else None


def _chord_pairs(plan: Plan, found: Plan) -> list[tuple[Sounding, Sounding | None]]:
    """The chord of every slot of the plan, and the one found in the middle of it."""
    heard = sorted(_chords(found))
    starts = [slot[0] for slot, _ in heard]
    pairs: list[tuple[Sounding, Sounding | None]] = []
    for (start, end), chord in _chords(plan):
        place = int(np.searchsorted(starts, (start + end - 1) // 2, side="right")) - 1
        covered = place >= 0 and (start + end - 1) // 2 < heard[place][0][1]
        pairs.append((chord, heard[place][1] if covered else None))
    return pairs


def _chords(plan: Plan) -> list[tuple[Range, Sounding]]:
    """Every beat slot with its chord."""
    chords: list[tuple[Range, Sounding]] = []
    for phrase, slots in zip(plan.phrases, phrase_slots(plan), strict=True):
        if phrase.key is not None and phrase.harmony is not None:
            pairs = zip(slots, phrase.harmony, strict=False)
            chords += [(slot, _sounding(chord, phrase.key)) for slot, chord in pairs]
    return chords


def _sounding(chord: Chord, key: Key) -> Sounding:
    return Sounding((chord.root + key.tonic_pitch_class) % 12, chord.quality, chord.inversion)


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else NAN
