"""Passages and their returns in songs that are put together by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.analyse import analyse
from ritornello.form.bars import bars_of
from ritornello.form.plan import MAX_SECTIONS
from ritornello.form.repetition import repetition_of
from ritornello.form.returns import passages_of
from ritornello.form.segment_features import MAX_BARS
from ritornello.form.segments import best_cut, chances_of, segments_of
from ritornello.form.shorthand import format_form
from ritornello.form.songs import is_chorale, passages_in
from ritornello.scores.musicxml_reading import parse_musicxml
from ritornello.scores.musicxml_writing import format_musicxml
from ritornello.scores.score import ChordSymbol, Notes, Part, Score
from tests.form.music import TICKS, chorale
from tests.form.song import BRIDGE, CHORUS, END, INTRODUCTION, VARIED_CHORUS, VERSE, Phrase, song
from tests.form.test_properties import check_grid, transposed


def form(score: Score) -> str:
    return format_form(analyse(score).sections or ())


@pytest.mark.parametrize(
    ("phrases", "expected"),
    [
        ([VERSE, VERSE, BRIDGE, VERSE], "A8 A8 B4 A8"),
        ([INTRODUCTION, VERSE, VERSE, CHORUS, VERSE, CHORUS, END], "i4 A8 A8 B8 A8 B8 o4"),
        ([INTRODUCTION, VERSE, CHORUS, BRIDGE, CHORUS], "i4 A8 B8 C4 B8"),
        ([VERSE, CHORUS, BRIDGE, VARIED_CHORUS], "A8 B8 C4 B'8"),
    ],
)
def test_forms(phrases: list[Phrase], expected: str) -> None:
    assert form(song(*phrases)) == expected


def test_a_transposed_return_is_the_same_material() -> None:
    score = song(VERSE, CHORUS, VERSE, CHORUS, CHORUS, semitones=[0, 0, 0, 0, 2])
    plan = analyse(score)
    assert format_form(plan.sections or ()) == "A8 B8 A8 B8 B'8"
    motif = plan.phrases[-1].motif
    assert motif is not None
    assert (motif.relation, motif.semitones) == ("transposed", 2)
    assert motif.source in {1, 3}
    relations = [phrase.motif.relation for phrase in plan.phrases if phrase.motif]
    assert relations == ["new", "new", "exact", "exact", "transposed"]


def test_where_primes_run_out_the_source_lends_its_own() -> None:
    """A chorus on six levels: four labels, and each later return bears one of them."""
    score = song(VERSE, *[CHORUS] * 6, semitones=[0, 0, 1, 2, 3, 4, 5])
    labels = [passage.label for passage in passages_in(score, 16, 56) if passage.label[0] == "B"]
    assert labels[:4] == ["B" + "'" * primes for primes in range(4)]
    assert set(labels[4:]) <= set(labels[:4])


def test_what_never_returns_has_letters_of_its_own() -> None:
    plan = analyse(song(VERSE, BRIDGE, CHORUS))
    letters = [section.letter for section in plan.sections or ()]
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("num_bars", [0, 1, 2])
def test_the_shortest_pieces(num_bars: int) -> None:
    score = Score(TICKS, (Part("", Notes.of([(4 * TICKS * bar, TICKS, 60, 80) for bar in range(num_bars)])),))
    bars = bars_of(score, 16)
    assert bars.num_bars == num_bars
    repetition = repetition_of(bars)
    cut = segments_of(bars, repetition)
    assert sum(stop - start for start, stop in cut) == num_bars
    assert len(passages_of(bars, repetition, cut)) == len(cut)


def cuts(start: int, num_bars: int, longest: int) -> list[list[tuple[int, int]]]:
    """All of them."""
    if start == num_bars:
        return [[]]
    stops = range(start + 1, min(start + longest, num_bars) + 1)
    return [[(start, stop), *rest] for stop in stops for rest in cuts(stop, num_bars, longest)]


def test_the_best_cut_and_the_chances_are_those_over_all_cuts() -> None:
    worth = np.random.default_rng(1).normal(size=(7, 3))

    def value(cut: list[tuple[int, int]]) -> float:
        return sum(worth[start, stop - start - 1] for start, stop in cut)

    everything = cuts(0, 7, 3)
    assert best_cut(worth) == max(everything, key=value)
    expected = np.zeros((7, 3))
    for cut in everything:
        for start, stop in cut:
            expected[start, stop - start - 1] += np.exp(value(cut))
    expected /= sum(np.exp(value(cut)) for cut in everything)
    assert chances_of(worth) == pytest.approx(expected)


def test_what_is_read_as_a_chorale() -> None:
    four = chorale(["c5/4"] * 4)
    assert is_chorale(four, 40, [])
    assert not is_chorale(four, 200, [])
    assert is_chorale(four, 200, [10, 20])
    assert is_chorale(song(VERSE), 8, [])
    assert not is_chorale(song(VERSE, CHORUS), 16, [])
    symbols = (ChordSymbol(0, 0, "major"),)
    assert not is_chorale(dataclasses.replace(four, chords=symbols), 40, [])
    assert is_chorale(dataclasses.replace(four, chords=symbols), 40, [10, 20])
    assert is_chorale(dataclasses.replace(four, chords=symbols), 0, [])


@pytest.mark.parametrize(("phrases", "expected"), [([BRIDGE], "A4"), ([VERSE], "A8"), ([VERSE] * 3, "A8 A8 A8")])
def test_a_lead_sheet_of_any_length_is_a_song(phrases: list[Phrase], expected: str) -> None:
    """A tune and chord symbols, as they come from a file: the symbols alone say what it is."""
    whole = song(*phrases)
    tune = dataclasses.replace(whole, parts=whole.parts[:1], chords=(ChordSymbol(0, 0, "major"),))
    plan = analyse(parse_musicxml(format_musicxml(tune)))
    assert (plan.style, format_form(plan.sections or ())) == ("song", expected)
    check_grid(plan)
    assert analyse(dataclasses.replace(tune, chords=())).style != "song"


def test_a_pickup_belongs_to_its_section() -> None:
    """All sections begin a beat before a barline; the piece ends with a full bar."""
    score = song(VERSE, CHORUS, VERSE)
    turned = dataclasses.replace(score, pickup_ticks=TICKS)
    plan = analyse(turned)
    assert plan.pickup_beats == 1
    assert format_form(plan.sections or ()) == "A8 B8 A8"
    check_grid(plan)


def test_a_plan_holds_no_more_sections_than_it_can() -> None:
    """Two bars of every kind of beginning, again and again."""
    random = np.random.default_rng(0)
    rows = [(TICKS * beat, TICKS, int(random.integers(40, 80)), 80) for beat in range(4 * 500)]
    passages = passages_in(Score(TICKS, (Part("", Notes.of(rows)),)), 16, 500)
    assert len(passages) <= MAX_SECTIONS
    assert sum(stop - start for start, stop in (passage.bars for passage in passages)) == 500


PHRASES = [VERSE, CHORUS, BRIDGE, INTRODUCTION]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(PHRASES), min_size=2, max_size=6), st.integers(-11, 11))
def test_transposition_changes_nothing(phrases: list[Phrase], semitones: int) -> None:
    score = song(*phrases)
    here, there = (passages_in(piece, 16, len(piece.bars())) for piece in (score, transposed(score, semitones)))
    assert here == there
    assert all(passage.bars[1] - passage.bars[0] <= MAX_BARS for passage in here)


@settings(max_examples=10, deadline=None)
@given(st.permutations(PHRASES[:3]))
def test_which_phrase_has_which_letter_does_not_matter(order: list[Phrase]) -> None:
    """A B A C B by any phrases: letters come in the order in which material is first heard."""
    first, second, third = order
    passages = passages_in(
        song(first, second, first, third, second),
        16,
        sum(len(phrase.chords.split()) for phrase in (first, second, first, third, second)),
    )
    assert [passage.label[0] for passage in passages] == list("ABACB")


def test_the_same_piece_has_the_same_plan() -> None:
    score = song(INTRODUCTION, VERSE, CHORUS, VERSE, CHORUS, END)
    assert analyse(score) == analyse(score)
