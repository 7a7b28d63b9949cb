"""How many notes a bar has: what is stated stays, the same label has the same, sections of one piece are alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.form.letters import INTRODUCTION, OUTRO
from ritornello.form.plan import MAX_NOTES_PER_BAR, Plan
from ritornello.form.shorthand import parse_form
from ritornello.generation.compose import complete
from ritornello.generation.levels import load_levels
from ritornello.generation.section_densities import (
    KINDS,
    MOST_DEVIATIONS,
    as_dense_as,
    densities_of,
    kinds_of,
    with_densities,
    without_densities,
)

FORM = "i4 A8 B8 C8 a4 A8 B8 B'8 o4"
densities = st.floats(1, MAX_NOTES_PER_BAR).map(lambda notes: round(notes, 1))


def song(form: str = FORM, stated: dict[int, float] | None = None, of_piece: float | None = None) -> Plan:
    sections = [
        section.model_copy(update={"notes_per_bar": (stated or {}).get(number)})
        for number, section in enumerate(parse_form(form))
    ]
    return Plan(style="song", metre="4/4", pickup_beats=0, notes_per_bar=of_piece, sections=tuple(sections))


def of_sections(plan: Plan) -> list[float]:
    found = [section.notes_per_bar for section in plan.sections or ()]
    assert None not in found
    return [float(notes or 0) for notes in found]


def mean_of(plan: Plan) -> float:
    bars = [section.bars for section in plan.sections or ()]
    return float(np.average(of_sections(plan), weights=bars))


@given(st.integers(0, 10_000), st.dictionaries(st.sampled_from((0, 1, 3, 8)), densities))
def test_what_is_stated_stays_and_the_rest_is_usual(seed: int, stated: dict[int, float]) -> None:
    made = with_densities(song(stated=stated), np.random.default_rng(seed))
    found = of_sections(made)
    assert {number: found[number] for number in stated} == stated
    assert found[1] == found[5] or 1 in stated  # the same label; what is stated of one statement is that one's
    assert found[2] == found[6]
    assert all(0 < notes <= MAX_NOTES_PER_BAR for notes in found)
    assert made == with_densities(song(stated=stated), np.random.default_rng(seed))
    assert made.model_copy(update={"sections": None}) == song(stated=stated).model_copy(update={"sections": None})
    if not stated:
        usual = densities_of("song")
        assert usual is not None
        labels = [section.label for section in made.sections or ()]
        kinds = kinds_of([label[0] for label in labels])
        means = np.array([usual.means[kinds[labels.index(label)]] for label in labels])
        deviation = math.sqrt(usual.covariance(["A"])[0, 0])
        apart = np.abs(np.log2(np.array(found) / 4) - means)
        assert apart.max() < MOST_DEVIATIONS * deviation + 0.1  # a tenth of a note is rounded away


@given(st.integers(0, 10_000), st.floats(6, 30))
def test_a_piece_that_states_its_own_is_left_alone(seed: int, notes_per_bar: float) -> None:
    asked = as_dense_as(song(), notes_per_bar)
    assert asked == song(of_piece=notes_per_bar)
    assert with_densities(asked, np.random.default_rng(seed)) == asked


@given(st.integers(0, 10_000), st.floats(6, 30))
def test_drawn_densities_can_be_asked_for_in_proportion(seed: int, notes_per_bar: float) -> None:
    drawn = with_densities(song(), np.random.default_rng(seed))
    again = as_dense_as(drawn, notes_per_bar)
    if max(of_sections(again)) < MAX_NOTES_PER_BAR:
        assert mean_of(again) == pytest.approx(notes_per_bar, abs=0.06)
        shares = np.array(of_sections(again)) / np.array(of_sections(drawn))
        np.testing.assert_allclose(shares, notes_per_bar / mean_of(drawn), rtol=0.1)


@given(st.integers(0, 10_000), st.floats(0.01, 5), densities)
def test_whatever_is_asked_a_plan_can_hold_it(seed: int, notes_per_bar: float, stated: float) -> None:
    """Fewer than a tenth, too: then a section has the least there is."""
    drawn = with_densities(song(stated={1: stated, 5: stated}), np.random.default_rng(seed))
    for plan in (drawn, as_dense_as(drawn, notes_per_bar)):
        assert Plan.model_validate(plan.model_dump()) == plan


def test_densities_can_be_left_to_the_notes() -> None:
    assert without_densities(with_densities(song(), np.random.default_rng(0))) == song()


def test_sections_of_one_piece_and_letter_are_alike() -> None:
    """Sections of one letter agree better than those of two, these better than those of two pieces."""
    plan = song("A8 A'8 B8")
    drawn = np.array([np.log2(of_sections(with_densities(plan, np.random.default_rng(n)))) for n in range(600)])
    letter, piece = (np.corrcoef(drawn[:, 0], drawn[:, other])[0, 1] for other in (1, 2))
    usual = densities_of("song")
    assert usual is not None
    variance = usual.covariance(["A"])[0, 0]
    assert letter == pytest.approx((usual.piece**2 + usual.letter**2) / variance, abs=0.1)
    assert piece == pytest.approx(usual.piece**2 / variance, abs=0.12)
    assert letter > piece > 0.1


def test_what_a_person_says_of_one_section_leads_the_others() -> None:
    low, high = (
        np.mean([of_sections(with_densities(song(stated={1: notes}), np.random.default_rng(n)))[2] for n in range(40)])
        for notes in (6.0, 40.0)
    )
    assert high > 1.5 * low


def test_only_songs_have_them() -> None:
    """An introduction has fewer than what is sung, as all songs know; of other styles nothing is drawn."""
    for style in ("chorale", "bach"):
        plan = song().model_copy(update={"style": style})
        assert with_densities(plan, np.random.default_rng(1)) == plan
    usual = densities_of("song")
    assert usual is not None
    assert usual.means["introduction"] < usual.means["with melody"]
    assert set(usual.means) == set(KINDS)


def test_kinds() -> None:
    letters = [INTRODUCTION, "a", "A", "A", "B", "b", OUTRO]
    assert kinds_of(letters) == [
        "introduction",
        "without",
        "first with melody",
        "with melody",
        "with melody",
        "without",
        "end",
    ]


def test_a_song_that_is_composed_states_them() -> None:
    """Bach's plans do not; the same seed draws the same."""
    asked = song("A2 B2 A2").model_copy(update={"pickup_beats": 0})
    made = complete(asked, load_levels(None, "song"), 1)
    assert len(of_sections(made)) == 3
    assert made == complete(asked, load_levels(None, "song"), 1)
    bach = complete(asked.model_copy(update={"style": "bach"}), load_levels(None, "bach"), 1)
    assert [section.notes_per_bar for section in bach.sections or ()] == [None] * 3
