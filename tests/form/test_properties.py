"""What the analysis must keep whatever the piece: transposition, repeats, a plan that fits its own grid."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.analyse import analyse
from ritornello.form.grid import grid_of_plan, phrase_slots, section_ranges, to_frames
from ritornello.form.plan import Plan
from ritornello.form.plan_yaml import format_plan, parse_plan
from ritornello.scores.score import Notes, Part, Score
from tests.form.music import TICKS, chorale
from tests.form.test_sections import FOUR, ONE, THREE, TWO, TWO_VARIED, piece

PHRASES = [ONE, TWO, THREE, FOUR, TWO_VARIED]


def transposed(score: Score, semitones: int) -> Score:
    def moved(notes: Notes) -> Notes:
        return Notes.columns(notes.onset_ticks, notes.duration_ticks, notes.pitch + semitones, notes.velocity)

    return dataclasses.replace(
        score, parts=tuple(dataclasses.replace(p, notes=moved(p.notes)) for p in score.parts), keys=()
    )


def without_keys(plan: Plan) -> list[object]:
    """Everything that does not depend on the pitch of the tonic."""
    sections = [(s.label, s.bars, s.register_arc, s.density_arc) for s in plan.sections or ()]
    phrases = [(p.beats, p.cadence, p.fermata_beats, p.harmony, p.motif) for p in plan.phrases]
    return [sections, phrases]


def check_grid(plan: Plan) -> None:
    """A plan fills its own grid, and its text is the plan."""
    assert sum(to_frames(p.beats) for p in plan.phrases) == grid_of_plan(plan).num_frames
    assert [len(slots) for slots in phrase_slots(plan)] == [len(p.harmony or ()) for p in plan.phrases]
    for section, (start, end) in zip(plan.sections or (), section_ranges(plan), strict=True):
        assert sum(to_frames(p.beats) for p in section.phrases or ()) == end - start
    for index, phrase in enumerate(plan.phrases):
        assert phrase.motif is not None
        assert phrase.motif.source is None or phrase.motif.source < index
        assert phrase.fermata_beats is not None
        assert phrase.fermata_beats < phrase.beats
    assert parse_plan(format_plan(plan)) == plan


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PHRASES), min_size=1, max_size=5), st.integers(-11, 11), st.sampled_from([0, 1]))
def test_transposition_moves_keys_and_nothing_else(phrases: list[list[str]], semitones: int, pickup: int) -> None:
    score = chorale(piece(*phrases), pickup_beats=pickup)
    here, there = analyse(score), analyse(transposed(score, semitones))
    assert without_keys(here) == without_keys(there)
    for one, other in zip((here, *here.phrases), (there, *there.phrases), strict=True):
        assert one.key is not None
        assert other.key is not None
        assert (other.key.tonic_pitch_class - one.key.tonic_pitch_class - semitones) % 12 == 0
        assert one.key.mode == other.key.mode
    check_grid(here)


@settings(max_examples=15, deadline=None)
@given(st.permutations(PHRASES[:4]), st.integers(2, 3))
def test_a_repeated_opening_is_a_a(order: list[list[str]], size: int) -> None:
    opening, rest = order[:size], order[size:]
    plan = analyse(chorale(piece(*opening, *opening, *rest)))
    labels = [(section.label, section.bars) for section in plan.sections or ()]
    assert labels[:2] == [("A", 2 * size), ("A", 2 * size)]
    assert all(label != "A" for label, _ in labels[2:])
    relations = [p.motif and (p.motif.relation, p.motif.source) for p in plan.phrases]
    assert relations[size : 2 * size] == [("exact", i) for i in range(size)]


rows = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12), st.integers(30, 90), st.just(80)), min_size=0, max_size=25
)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5).filter(any), st.sampled_from([0, 1, 0.5, 1.5]), st.booleans())
def test_any_notes_give_a_plan(parts: list[list[tuple[int, int, int, int]]], pickup: float, fermatas: bool) -> None:
    """Notes on a grid of 32nds, overlapping as they like, in any number of parts."""
    unit = TICKS // 8
    made = [Notes.of([(on * unit, length * unit, p, v) for on, length, p, v in part]) for part in parts]
    marks = [tuple(notes.onset_ticks[::5].tolist()) if fermatas else () for notes in made]
    score = Score(
        TICKS,
        tuple(Part("", notes, fermatas_ticks=mark) for notes, mark in zip(made, marks, strict=True)),
        pickup_ticks=round(pickup * TICKS),
    )
    check_grid(analyse(score))
