"""Adherence: plans compared by hand, and music that does or does not do what its plan says."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ritornello.evaluation import adherence
from ritornello.form.analyse import analyse
from ritornello.form.plan import Phrase, Plan, Section
from ritornello.form.voices import frames_of
from ritornello.scores.score import KeySignature, Notes, Part, Score

BEAT = 480
CHORDS = {
    "I": (72, 67, 64, 48),
    "IV": (72, 69, 65, 53),
    "IV6": (72, 65, 60, 57),
    "V": (71, 67, 62, 55),
    "V7": (71, 65, 62, 55),
    "vi": (72, 64, 60, 57),
}
HALF, CADENCE = "I vi IV I I IV V V", "I V vi IV6 I V7 I I"
"""Two phrases of two bars; the last two beats are one chord."""


def chorale(*phrases: str, up: int = 0) -> Score:
    """Phrases of eight quarter notes, soprano first, the last two beats held under a fermata."""
    rows: list[list[tuple[int, int, int, int]]] = [[], [], [], []]
    for number, phrase in enumerate(phrases):
        for beat, name in enumerate(phrase.split()[:7]):
            for voice in range(4):
                onset, duration = (8 * number + beat) * BEAT, BEAT * (1 + (beat == 6))
                rows[voice].append((onset, duration, CHORDS[name][voice] + up, 80))
    fermatas = tuple((8 * number + 6) * BEAT for number in range(len(phrases)))
    parts = [Part(name, Notes.of(part), 0, fermatas) for name, part in zip("SATB", rows, strict=True)]
    return Score(BEAT, tuple(parts), keys=(KeySignature(0, 0, "major"),) if not up else ())


def plan_of(*phrases: Phrase, labels: str = "") -> Plan:
    """A section of two bars for each phrase of eight beats."""
    letters = labels or "ABCDEF"
    sections = tuple(Section(label=letters[i], bars=2, phrases=(phrase,)) for i, phrase in enumerate(phrases))
    return Plan(key="C major", metre="4/4", pickup_beats=0, sections=sections)


def phrase_of(key: str = "C major", cadence: str = "half", harmony: str = HALF) -> Phrase:
    return Phrase(beats=8, key=key, cadence=cadence, fermata_beats=6, harmony=harmony.split())


def test_a_plan_agrees_with_itself() -> None:
    plan = plan_of(phrase_of(), phrase_of("a minor", "none", "i i6 V65 i iv i64 V VI"))
    assert set(adherence.compare(plan, plan).values()) == {1.0}
    assert adherence.boundaries(plan, plan) == dict.fromkeys(
        ("boundaries_precision", "boundaries_recall", "boundaries_f"), 1.0
    )
    assert adherence.sections(plan, plan) == 1.0


def test_hand_worked_shares() -> None:
    plan = plan_of(phrase_of(), phrase_of())
    found = plan_of(
        phrase_of(harmony="I vi6 IV I I ii V7 V"),  # vi6: inversion; ii: root; V7: quality
        phrase_of("G major", "phrygian", "IV ii bVII IV IV bVII I I"),  # the same chords as heard from G
    )
    result = adherence.compare(plan, found)
    assert result["key"] == 0.5
    assert (result["cadence"], result["cadence_family"]) == (0.5, 1.0)
    assert result["harmony"] == 14 / 16
    assert result["harmony_root"] == 15 / 16
    assert result["harmony_inversion"] == 13 / 16


def test_open_fields_are_not_counted() -> None:
    plan = plan_of(Phrase(beats=8), phrase_of())
    found = plan_of(phrase_of("G major"), phrase_of("G major"))
    result = adherence.compare(plan, found)
    assert result["key"] == 0.0
    assert result["cadence"] == 1.0
    open_result = adherence.compare(plan_of(Phrase(beats=8)), found)
    assert all(math.isnan(value) for value in open_result.values())


@pytest.mark.parametrize(("close", "expected"), [(6, 1.0), (5, 1.0), (7, 1.0), (4.75, 0.0), (7.25, 0.0)])
def test_a_cadence_is_found_again_within_a_beat(close: float, expected: float) -> None:
    moved = phrase_of().model_copy(update={"fermata_beats": close})
    assert adherence.compare(plan_of(phrase_of()), plan_of(moved))["cadence"] == expected


@pytest.mark.parametrize(
    ("first", "second", "family"),
    [
        ("perfect authentic", "imperfect authentic", 1.0),
        ("half", "phrygian", 1.0),
        ("plagal", "half", 0.0),
        ("deceptive", "imperfect authentic", 0.0),
    ],
)
def test_families_of_cadences(first: str, second: str, family: float) -> None:
    plans = plan_of(phrase_of(cadence=first)), plan_of(phrase_of(cadence=second))
    for plan, found in (plans, plans[::-1]):
        result = adherence.compare(plan, found)
        assert (result["cadence"], result["cadence_family"]) == (0.0, family)


def test_chords_are_compared_where_they_sound() -> None:
    # The found plan cuts the piece into other phrases: six beats and ten.
    plan = plan_of(phrase_of(), phrase_of())
    names = (HALF + " " + HALF).split()
    first, second = (
        Phrase(beats=len(part), key="C major", harmony=part) for part in (names[:6], ["V", "V7", *names[8:]])
    )
    found = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=4, phrases=(first, second)),))
    assert adherence.compare(plan, found)["harmony"] == 15 / 16


def test_a_cadence_where_no_phrase_closes_is_missed_in_every_way() -> None:
    long = Phrase(beats=16, key="C major", cadence="half", fermata_beats=14)
    found = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=4, phrases=(long,)),))
    result = adherence.compare(plan_of(phrase_of(), phrase_of()), found)
    assert (result["cadence"], result["cadence_family"]) == (0.5, 0.5)
    assert (result["harmony"], result["harmony_root"]) == (0.0, 0.0)


def test_a_boundary_is_found_within_half_a_beat() -> None:
    plan = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=4, phrases=(Phrase(beats=8),) * 2),))
    for beats, expected in ((8.5, 1.0), (7.5, 1.0), (8.75, 0.0), (7.25, 0.0)):
        phrases = (Phrase(beats=beats), Phrase(beats=16 - beats))
        found = plan.model_copy(update={"sections": (Section(label="A", bars=4, phrases=phrases),)})
        assert adherence.boundaries(plan, found)["boundaries_f"] == expected


def test_a_section_is_found_by_both_its_ends() -> None:
    one, two = (Section(label=letter, bars=2) for letter in "AB")
    plan = Plan(metre="4/4", pickup_beats=0, sections=(one, two))
    found = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=1), Section(label="B", bars=1), two))
    assert adherence.sections(plan, plan) == 1.0
    assert adherence.sections(plan, found) == 1.0
    assert adherence.sections(found, plan) == 1 / 3


@pytest.mark.parametrize(
    ("wanted", "heard", "expected"), [([8, 16], [9, 14], 2), ([8, 16], [11, 12], 0), ([8, 10], [9], 1), ([], [4], 0)]
)
def test_each_boundary_is_matched_once(wanted: list[int], heard: list[int], expected: int) -> None:
    assert adherence.num_matches(wanted, heard, 2) == expected


def test_boundaries_of_longer_phrases() -> None:
    two = (Phrase(beats=8), Phrase(beats=8))
    plan = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=8, phrases=(*two, *two)),))
    found = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=8, phrases=(Phrase(beats=16), *two)),))
    result = adherence.boundaries(plan, found)
    assert (result["boundaries_precision"], result["boundaries_recall"]) == (1.0, 2 / 3)
    assert result["boundaries_f"] == pytest.approx(0.8)


@pytest.mark.parametrize("up", [0, 2, -5])
def test_plain_music_does_what_its_plan_says_in_every_key(up: int) -> None:
    score = chorale(HALF, CADENCE, HALF, CADENCE, up=up)
    plan = analyse(score)
    assert [phrase.cadence for phrase in plan.phrases] == ["half", "perfect authentic"] * 2
    result = adherence.evaluate(score, plan)
    assert (result["num_phrases"], result["num_slots"]) == (4, 32)
    for name in ("key_given", "cadence_given", "harmony_inversion_given", "boundaries_recall"):
        assert result[name] == 1.0, name


def test_music_to_another_plan_is_told_from_music_to_its_own() -> None:
    score = chorale(HALF, CADENCE)
    contrary = plan_of(
        phrase_of("a minor", "perfect authentic", "i iv V V i iv V i"),
        phrase_of("a minor", "half", "i i iv iv V i i V"),
    )
    result = adherence.evaluate(score, contrary)
    assert result["key_given"] == 0.0
    assert result["cadence_given"] == 0.0
    assert result["harmony_given"] <= 0.25


def test_exact_returns_are_heard_in_the_notes() -> None:
    plan = plan_of(phrase_of(), phrase_of(), phrase_of(), labels="AAB")
    assert adherence.returns(chorale(HALF, HALF, CADENCE), plan) == 1.0
    assert adherence.returns(chorale(HALF, CADENCE, HALF), plan) == 0.0
    assert math.isnan(adherence.returns(chorale(HALF, HALF), plan_of(phrase_of(), phrase_of())))


def test_fermatas_are_replaced_not_added() -> None:
    score = adherence.with_fermatas(chorale(HALF, CADENCE), [4])
    assert [part.fermatas_ticks for part in score.parts] == [(BEAT,), (), (), ()]
    assert np.array_equal(frames_of(score).pitch, frames_of(chorale(HALF, CADENCE)).pitch)


def test_silence_is_nan() -> None:
    score = replace(chorale(HALF), parts=tuple(Part(name, Notes.of([])) for name in "SATB"))
    result = adherence.evaluate(score, plan_of(phrase_of()))
    assert all(math.isnan(value) for name, value in result.items() if not name.startswith("num_"))
