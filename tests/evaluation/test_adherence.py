"""Adherence: plans compared by hand, and music that does or does not do what its plan says."""

import math
from dataclasses import replace

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.evaluation import adherence
from ritornello.form.analyse import analyse
from ritornello.form.plan import Phrase, Plan, Section
from ritornello.form.voices import frames_of
from ritornello.scores.score import Notes, Part, Score
from tests.contracts.music import CHANGES, DEGENERATE
from tests.evaluation.plain_chorale import BEAT, CADENCE, HALF, chorale

AWAY = "I vi IV I I I V V"


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


@pytest.mark.parametrize("num_phrases", [1, 2, 3])
def test_what_the_plan_asks_for_is_counted(num_phrases: int) -> None:
    """Phrases of eight beats with a chord each; one more phrase whose harmony is open."""
    phrases = [phrase_of()] * num_phrases
    result = adherence.evaluate(chorale(*[HALF] * (num_phrases + 1)), plan_of(*phrases, Phrase(beats=8)))
    assert (result["num_phrases"], result["num_slots"]) == (num_phrases + 1, 8 * num_phrases)


@pytest.mark.parametrize(
    ("second", "family", "harmony", "root", "inversion"),
    [
        # of sixteen chords two have another inversion; one another quality too; one another root
        ("I vi6 IV6 I I IV V V", 1 / 2, 16 / 16, 16 / 16, 14 / 16),
        ("I vi6 IV6 I I IV V7 V", 1 / 2, 15 / 16, 16 / 16, 13 / 16),
        ("I vi6 IV6 I I ii V7 V", 1 / 2, 14 / 16, 15 / 16, 12 / 16),
    ],
)
def test_chords_and_cadences_by_hand(second: str, family: float, harmony: float, root: float, inversion: float) -> None:
    """The first phrase as planned; the second with other chords, and a deceptive cadence for the half one."""
    result = adherence.compare(
        plan_of(phrase_of(), phrase_of()), plan_of(phrase_of(), phrase_of(cadence="deceptive", harmony=second))
    )
    assert (result["cadence"], result["cadence_family"]) == (family, family)
    assert (result["harmony"], result["harmony_root"]) == (harmony, root)
    assert result["harmony_inversion"] == inversion


@pytest.mark.parametrize("music", DEGENERATE)
def test_degenerate_music_gives_shares_or_nan(music: str) -> None:
    """The plan asks for everything that can be measured."""
    plan = Plan(
        metre="4/4", pickup_beats=0,
        sections=tuple(
            Section(label="A", bars=2, key="C major", register_arc="rising", density_arc="level",
                    phrases=(phrase_of(cadence="perfect authentic"),))
            for _ in range(2)
        ),
    )  # fmt: skip
    score = DEGENERATE[music]
    result = adherence.evaluate(score, plan)
    assert list(result) == [metric.name for metric in adherence.METRICS]
    for metric in adherence.METRICS:
        value = result[metric.name]
        if not metric.name.startswith("num_"):
            assert math.isnan(value) or 0 <= value <= 1, metric.name
            assert score.num_notes or math.isnan(value), metric.name


def test_half_of_what_is_to_return_does() -> None:
    """Of A A B B the first pair is the same music, the second is not."""
    plan = plan_of(*[phrase_of()] * 4, labels="AABB")
    assert adherence.returns(chorale(HALF, HALF, HALF, CADENCE), plan) == 1 / 2


def test_a_piece_that_ends_before_a_section_does_not_return_to_it() -> None:
    """Neither of the two B is there: silence like silence, but no return."""
    plan = plan_of(*[phrase_of()] * 4, labels="AABB")
    assert adherence.returns(chorale(HALF, HALF), plan) == 1 / 2


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


def test_declared_is_what_is_measured() -> None:
    plan = plan_of(phrase_of())
    result = adherence.evaluate(chorale(HALF), plan)
    assert set(result) == {metric.name for metric in adherence.METRICS}
    for change in adherence.METRICS[-1].keeps:
        assert adherence.evaluate(CHANGES[change](chorale(HALF)), plan) == pytest.approx(result, nan_ok=True)
    assert all(0 <= result[m.name] <= m.high for m in adherence.METRICS if not math.isnan(result[m.name]))


borders = st.lists(st.integers(1, 60), min_size=1, max_size=14, unique=True).map(sorted)


@given(borders, borders)
def test_boundaries_are_those_of_mir_eval(wanted: list[int], heard: list[int]) -> None:
    """Quarter beats as seconds; the beginning and the end of the piece are trimmed off."""

    def plan(ends: list[int]) -> Plan:
        phrases = tuple(Phrase(beats=(end - start) / 4) for start, end in zip([0, *ends], [*ends, 64], strict=True))
        return Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=4, phrases=phrases),))

    def intervals(ends: list[int]) -> np.ndarray:
        return np.array(list(zip([0, *ends], [*ends, 64], strict=True))) / 4

    expected = mir_eval.segment.detection(intervals(wanted), intervals(heard), window=0.5, trim=True)
    assert list(adherence.boundaries(plan(wanted), plan(heard)).values()) == pytest.approx(expected, abs=1e-12)


def melody(*bars: str) -> Score:
    """Four voices over a held bass; a letter is a soprano note of equal length, the bar's notes filling it."""
    rows: list[tuple[int, int, int, int]] = []
    for number, bar in enumerate(bars):
        length = 4 * BEAT // len(bar)
        rows += [
            (4 * BEAT * number + place * length, length, 60 + "CxDxEFxGxAxB".index(n), 80)
            for place, n in enumerate(bar)
        ]
    held = Notes.of([(0, 4 * BEAT * len(bars), 48, 80)])
    parts = (Part("soprano", Notes.of(rows)), Part("alto", held), Part("tenor", held), Part("bass", held))
    return Score(BEAT, parts)


@pytest.mark.parametrize(
    ("register", "density", "expected"),
    [
        (("rising", "level"), ("rising", "level"), (1.0, 1.0)),
        (("falling", "level"), ("level", "level"), (0.5, 0.5)),
        (("falling", None), (None, "falling"), (0.0, 0.0)),
        ((None, None), (None, None), (math.nan, math.nan)),
    ],
)
def test_arcs_by_hand(register: tuple, density: tuple, expected: tuple) -> None:
    # bars 1-2 climb from C to B, from 4 + 3 held notes to 16; bars 3-4 go up and down, with 4 notes each
    score = melody("CDEF", "EFGAABBBAABBGABB", "CEEC", "CEEC")
    plan = Plan(
        metre="4/4",
        pickup_beats=0,
        sections=tuple(
            Section(label=label, bars=2, register_arc=up, density_arc=dense)
            for label, up, dense in zip("AB", register, density, strict=True)
        ),
    )
    found = adherence.arcs(score, plan)
    assert list(found.values()) == pytest.approx(expected, nan_ok=True)


def test_a_section_that_is_not_there_has_no_arc() -> None:
    plan = Plan(
        metre="4/4", pickup_beats=0,
        sections=tuple(Section(label=label, bars=2, register_arc="level", density_arc="level") for label in "AB"),
    )  # fmt: skip
    assert adherence.arcs(melody("CCCC", "CCCC"), plan) == {"register_arcs": 0.5, "density_arcs": 0.0}


@pytest.mark.parametrize(("metre", "expected"), [("4/4", 1.0), ("2/4", 0.0), ("3/4", 0.0)])
def test_bars_that_plan_and_music_share(metre: str, expected: float) -> None:
    # four bars of 4/4: the borders of no bar of 2/4 or 3/4 are both the same
    plan = Plan(metre=metre, pickup_beats=0, sections=(Section(label="A", bars=4),))
    assert adherence.bars(melody(*["CCCC"] * 4), plan) == expected


def test_bars_missing_and_more() -> None:
    plan = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=4),))
    assert adherence.bars(melody(*["CCCC"] * 3), plan) == 3 / 4
    assert adherence.bars(melody(*["CCCC"] * 6), plan) == 4 / 6
    upbeat = plan.model_copy(update={"pickup_beats": 1.0})
    assert adherence.bars(melody(*["CCCC"] * 4), upbeat) == 0.0
    assert math.isnan(adherence.bars(Score(BEAT, ()), plan))


def test_the_key_at_the_end_of_a_section() -> None:
    first, second = phrase_of(), phrase_of("G major")
    plan = Plan(
        metre="4/4", pickup_beats=0,
        sections=(
            Section(label="A", bars=2, key="C major", phrases=(first,)),
            Section(label="B", bars=4, key="G major", phrases=(first, second)),
            Section(label="C", bars=2, phrases=(first,)),
        ),
    )  # fmt: skip
    assert adherence.section_keys(plan, plan) == 1.0
    found = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=8, phrases=(second,) * 4),))
    assert adherence.section_keys(plan, found) == 0.5
    assert math.isnan(adherence.section_keys(plan, None))
    short = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=2, phrases=(first,)),))
    assert adherence.section_keys(plan, short) == 0.5  # where nothing is left, no key is found


def test_a_key_is_the_same_in_another_spelling() -> None:
    plan, found = plan_of(phrase_of("F# major")), plan_of(phrase_of("G- major"))
    assert adherence.compare(plan, found)["key"] == 1.0
    assert adherence.compare(plan, plan_of(phrase_of("f# minor")))["key"] == 0.0


@pytest.mark.parametrize(
    ("phrases", "expected"),
    [
        ((CADENCE,), 1.0),  # V7 to I
        ((AWAY,), 0.0),  # I to V
        ((CADENCE, AWAY, CADENCE), 2 / 3),
    ],
)
def test_tension_falls_at_authentic_cadences(phrases: tuple[str, ...], expected: float) -> None:
    plan = plan_of(*[phrase_of(cadence="perfect authentic", harmony=CADENCE)] * len(phrases))
    assert adherence.tension_falls(chorale(*phrases), plan) == pytest.approx(expected)


def test_other_cadences_say_nothing_of_tension() -> None:
    assert math.isnan(adherence.tension_falls(chorale(CADENCE), plan_of(phrase_of(cadence="half"))))
    open_key = plan_of(Phrase(beats=8, cadence="perfect authentic", fermata_beats=6))
    assert math.isnan(adherence.tension_falls(chorale(CADENCE), open_key))
    # the piece ends before the cadence that the plan wants
    plan = plan_of(*[phrase_of(cadence="perfect authentic", harmony=CADENCE)] * 2)
    assert adherence.tension_falls(chorale(CADENCE), plan) == 0.5
