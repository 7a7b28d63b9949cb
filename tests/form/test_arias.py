"""The plan of a piece whose ritornello moves through the keys."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.analyse import analyse
from ritornello.form.arias import aria_passages
from ritornello.form.plan import Plan
from ritornello.form.plan_yaml import format_plan, parse_plan
from ritornello.scores.score import Score
from tests.form.music import chorale
from tests.form.test_properties import transposed
from tests.form.test_ritornello import IN_B_FLAT, OTHER, THEME

HALF = "d4/1.5 c4/0.5 b3/2 a3/3 g#3 "  # 8 beats
IN_C_MINOR = (
    "c4/0.5 d4/0.5 e-4/0.5 c4/0.5 g4 g4 a4/0.5 g4/0.5 f4/0.5 e4/0.5 d4 g4 "  # THEME a third lower, a little altered
    "e4/0.5 f4/0.5 g4/0.5 e4/0.5 a4/0.5 b4/0.5 c5 b4/0.5 a4/0.5 g4/0.5 f4/0.5 e4 d4 "
)


def aria() -> Score:
    """4 bars each: ritornello, other, in B flat, other, in C; two of something; the whole ritornello again."""
    return chorale([f"{THEME}{OTHER}{IN_B_FLAT}{OTHER}{IN_C_MINOR}{HALF}{THEME}"])


def sections(plan: Plan) -> list[tuple[str, int]]:
    return [(section.label, section.bars) for section in plan.sections or ()]


def test_sections_are_the_ritornello_and_what_lies_between() -> None:
    plan = analyse(aria())
    assert sections(plan) == [("A", 4), ("B", 4), ("A'", 4), ("C", 4), ("A''", 4), ("D", 2), ("A", 4)]
    motifs = [phrase.motif for phrase in plan.phrases]
    assert [m.relation for m in motifs if m] == ["new", "new", "transposed", "new", "transposed", "new", "exact"]
    assert [m.semitones for m in motifs if m] == [0, 0, -5, 0, -3, 0, 0]
    assert [m.source for m in motifs if m] == [None, None, 0, None, 0, None, 0]
    assert parse_plan(format_plan(plan)) == plan


def test_returns_in_the_middle_of_a_bar() -> None:
    score = chorale([f"{THEME}{OTHER}{IN_B_FLAT}r/2 {OTHER}{IN_C_MINOR}r/6 {THEME}"])
    # the return in C lasts from beat 66 to 82, bars 17.5 to 21.5; the gap of a bar after it belongs to the last return
    ranges = [passage.bars for passage in aria_passages(score, 16, 26)]
    assert ranges == [(0, 4), (4, 8), (8, 12), (12, 17), (17, 21), (21, 26)]


def test_one_other_key_is_no_aria() -> None:
    assert aria_passages(chorale([f"{THEME}{OTHER}{IN_B_FLAT}{OTHER}{THEME}"]), 16, 20) == []
    assert aria_passages(chorale(["r"]), 16, 1) == []


@settings(max_examples=6, deadline=None)
@given(st.integers(-11, 11))
def test_transposition(semitones: int) -> None:
    assert aria_passages(transposed(aria(), semitones), 16, 26) == aria_passages(aria(), 16, 26)
