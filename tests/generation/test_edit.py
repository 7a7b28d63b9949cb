"""A region is composed again; every other note, the locked parts and the bars stay."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.form.analyse import analyse
from ritornello.form.plan import Plan
from ritornello.generation.edit import Span, bars_span, check_editable, edit, part_number, section_span
from ritornello.scores import KeySignature, Metre, Notes, Part, Score, Tempo
from ritornello.scores.score import ChordSymbol
from ritornello.tokenizers.bars import quantize
from ritornello.tokenizers.bars_conditions import CONDITION_SIZES
from ritornello.tokenizers.bars_words import NUM_TOKENS
from ritornello.training.build import build_model
from tests.form.song import CHORUS, VERSE, song
from tests.generation.mock_levels import RandomModel

MODEL: Any = RandomModel(NUM_TOKENS, 3.0)
SONG = song(VERSE, CHORUS)
"""16 bars of 4/4 with a melody and chords."""
PLAN = analyse(SONG)


def inside(notes: Notes, span: Span) -> list[tuple[int, int, int, int]]:
    return [row for row in notes.rows() if span.start <= row[0] < span.end]


def outside(notes: Notes, span: Span) -> list[tuple[int, int, int, int]]:
    return [row for row in notes.rows() if not span.start <= row[0] < span.end]


def check_edit(score: Score, plan: Plan, span: Span, locked: frozenset[int], seed: int = 1) -> Score:
    """Edits, and checks all that must hold of every edit."""
    made = edit(score, plan, MODEL, span, seed, locked=locked, num_drafts=2).score
    for number, (before, after) in enumerate(zip(score.parts, made.parts, strict=True)):
        assert outside(after.notes, span) == outside(before.notes, span)
        assert (after.name, after.program) == (before.name, before.program)
        if number in locked:
            assert after.notes == before.notes
        else:
            old = set(before.notes.rows())
            assert all(row[0] + row[1] <= span.end for row in inside(after.notes, span) if row not in old)
            ends: dict[int, int] = {}
            for onset, duration, pitch, _ in inside(after.notes, span):
                assert onset >= ends.get(pitch, 0), "a part does not strike what it sounds"
                ends[pitch] = onset + duration
    assert made.bars() == score.bars()
    assert replace(made, parts=(), closing_ticks=0) == replace(score, parts=(), closing_ticks=0)
    return made


@settings(max_examples=12)
@given(
    first=st.integers(1, 16),
    length=st.integers(1, 4),
    locked=st.sampled_from([frozenset[int](), frozenset({0}), frozenset({1})]),
    seed=st.integers(0, 99),
)
def test_all_else_stays(first: int, length: int, locked: frozenset[int], seed: int) -> None:
    span = bars_span(SONG, first, min(16, first + length - 1))
    check_edit(SONG, PLAN, span, locked, seed)


def test_the_region_is_other_music_and_the_same_with_the_same_seed() -> None:
    span = bars_span(SONG, 5, 7)
    made = [edit(SONG, PLAN, MODEL, span, seed).score for seed in (1, 1, 2)]
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert all(inside(score.parts[0].notes, span) for score in made)
    assert inside(made[0].parts[0].notes, span) != inside(SONG.parts[0].notes, span)


def test_drafts_that_are_the_music_that_was_there_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where all that follows is likeliest behind them."""
    span = bars_span(SONG, 5, 6)
    first = edit(SONG, PLAN, MODEL, span, 7, num_drafts=1).score
    likely = iter([0.0, 1.0])

    def nats(pen: object, tokens: object) -> float:
        del pen, tokens
        return next(likely)

    monkeypatch.setattr("ritornello.generation.edit._nats", nats)
    again = edit(first, PLAN, MODEL, span, 7, num_drafts=2).score
    assert again.parts[0].notes.pitch.tolist() != first.parts[0].notes.pitch.tolist()


def test_a_model_under_a_plan_composes_it() -> None:
    numbers = {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 16, "window": 64, "source_width": 8}
    made_of = {"vocabulary_size": NUM_TOKENS, "condition_sizes": CONDITION_SIZES}
    model: Any = build_model("form", numbers, **made_of).eval()
    span = bars_span(SONG, 9, 9)
    made = edit(SONG, PLAN, model, span, 3, locked=frozenset({1})).score
    assert made.parts[1].notes == SONG.parts[1].notes
    assert outside(made.parts[0].notes, span) == outside(SONG.parts[0].notes, span)


def test_what_is_not_on_the_grid_stays_where_it_is() -> None:
    """Played notes, early and late at the region's borders, on a clock that has no 24th of a beat."""
    random = np.random.default_rng(4)
    rows = [(0, 90, 60, 70)]
    for beat in range(64):
        early = int(random.integers(-2, 3)) if beat % 8 else 0  # most are near enough to count as written
        rows += [(max(1, 100 * beat + early), 90, 50 + beat % 12, 40 + beat)]
    rows += [(398, 300, 75, 60), (799, 30, 76, 60), (801, 30, 77, 60), (390, 450, 40, 60)]
    score = Score(100, (Part("a", Notes.of(rows)), Part("b", Notes.of(rows))), (Metre(0, 4, 4),))
    span = bars_span(score, 2, 2)
    assert span == (400, 800)
    for seed in range(5):
        made = check_edit(score, analyse(score), span, frozenset({1}), seed)
        new = inside(made.parts[0].notes, span)
        assert {round(onset * 24 / 100) % 1 for onset, *_ in new} == {0}
        assert not [row for row in new if row[2] == 75 and row[0] < 698], "75 sounds into the region"
        assert not [row for row in new if row[2] == 40]


@pytest.mark.parametrize("bars", [(0, 0), (1, 2), (3, 4), (4, 5), (5, 6)])
def test_pickups_changes_of_metre_and_of_key_in_the_region(bars: tuple[int, int]) -> None:
    """A pickup of a beat, two bars of 3/4, two of 4/4 from bar 3 on, 5/8 in bar 5, 4/4 again."""
    onsets = [0, *range(480, 480 + 3 * 960 + 3840 + 1200 + 1920, 240)]
    rows = [(onset, 200, 60 + (7 * n) % 12, 80) for n, onset in enumerate(onsets)]
    metres = (Metre(0, 3, 4), Metre(3360, 4, 4), Metre(7200, 5, 8), Metre(8400, 4, 4))
    score = Score(
        480, (Part("a", Notes.of(rows)), Part("b", Notes.of(rows))), metres, pickup_ticks=480,
        keys=(KeySignature(0, 1, "major"), KeySignature(7200, -2, "minor")),
        tempos=(Tempo(0, 90.0), Tempo(3840, 60.0)), chords=(ChordSymbol(0, 7, "major"), ChordSymbol(4000, 0, "minor")),
    )  # fmt: skip
    made = check_edit(score, analyse(score), bars_span(score, *bars), frozenset({1}))
    assert quantize(made).metres == quantize(score).metres


def test_sections_by_number_and_by_label() -> None:
    labels = [section.label for section in PLAN.sections or ()]
    spans = [section_span(SONG, PLAN, str(number)) for number in range(1, len(labels) + 1)]
    assert spans[0].start == 0
    assert spans[-1].end == SONG.end_ticks
    assert all(one.end == other.start for one, other in pairwise(spans))
    unique = next(label for label in labels if labels.count(label) == 1)
    assert section_span(SONG, PLAN, unique) == spans[labels.index(unique)]
    for name in ("0", str(len(labels) + 1), "Z"):
        with pytest.raises(UserError, match="no section is called"):
            section_span(SONG, PLAN, name)


def test_regions_that_are_none() -> None:
    for first, last in ((0, 1), (1, 17), (17, 18), (9, 8)):
        with pytest.raises(UserError, match=r"--bars: .*limit: bars 1 to 16"):
            bars_span(SONG, first, last)
    with pytest.raises(UserError, match="all parts are locked"):
        edit(SONG, PLAN, MODEL, bars_span(SONG, 1, 2), 1, locked=frozenset({0, 1}))


def test_parts_by_number_and_by_name() -> None:
    assert [part_number(SONG, name) for name in ("1", "2", "melody", "PIANO")] == [0, 1, 0, 1]
    for name in ("0", "3", "flute", ""):
        with pytest.raises(UserError, match=r"--lock: no part is called .*one of 1 MELODY, 2 PIANO"):
            part_number(SONG, name)


def test_recordings_and_empty_pieces_are_refused() -> None:
    random = np.random.default_rng(1)
    rows = [(int(onset), 100, 60, 80) for onset in random.integers(0, 48_000, 200)]
    with pytest.raises(UserError, match="recording of a player"):
        check_editable(Score(480, (Part("", Notes.of(rows)),)))
    with pytest.raises(UserError, match="no notes"):
        check_editable(Score(480, (Part("", Notes.of([])),)))
    with pytest.raises(UserError, match="17 parts"):
        check_editable(Score(480, (Part("", Notes.of([(0, 480, 60, 80)])),) * 17))
