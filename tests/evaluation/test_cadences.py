"""Cadences: chorales whose phrases end as they were made to, and what must not matter."""

import math
from dataclasses import replace

import pytest

from ritornello.evaluation import cadences
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import KeySignature, Metre, Part, Score
from tests.contracts.music import DEGENERATE, later, random_performance, transposed_up, written
from tests.evaluation.plain_chorale import BEAT, CADENCE, HALF, chorale

PLAGAL, DECEPTIVE = "I V vi V7 I IV I I", "I V vi IV I V7 vi vi"


def measured(score: Score) -> dict[str, float]:
    return dict(cadences.evaluate(Timeline.of(score, written=True)))


@pytest.mark.parametrize(
    ("phrases", "authentic", "half"),
    [
        ((CADENCE,), 1.0, 0.0),
        ((HALF, CADENCE), 0.5, 0.5),
        ((HALF, HALF, HALF, CADENCE), 0.25, 0.75),
    ],
)
def test_shares_by_hand(phrases: tuple[str, ...], authentic: float, half: float) -> None:
    found = measured(chorale(*phrases))
    assert found["num_phrases_found"] == len(phrases)
    assert (found["authentic_share"], found["perfect_authentic_share"]) == (authentic, authentic)
    assert (found["half_share"], found["plagal_share"], found["cadence_share"]) == (half, 0, 1)


@pytest.mark.parametrize(("phrase", "name"), [(PLAGAL, "plagal_share"), (DECEPTIVE, "deceptive_share")])
def test_rarer_cadences_by_hand(phrase: str, name: str) -> None:
    for others, expected in (((CADENCE,), 1 / 2), ((HALF, CADENCE), 1 / 3), ((HALF, HALF, CADENCE), 1 / 4)):
        found = measured(chorale(others[0], phrase, *others[1:]))
        assert found[name] == pytest.approx(expected, abs=1e-12)
        assert found["cadence_share"] == 1


@pytest.mark.parametrize("others", [1, 2, 3])
def test_a_phrase_that_goes_nowhere_has_no_cadence(others: int) -> None:
    found = measured(chorale("I vi I vi I I vi vi", *[CADENCE] * others))
    share = others / (others + 1)
    assert (found["cadence_share"], found["authentic_share"]) == (share, share)


@pytest.mark.parametrize("up", [-30, 1, 6, 7, 11, 40])
def test_the_key_does_not_matter(up: int) -> None:
    assert measured(chorale(HALF, CADENCE, up=up)) == measured(chorale(HALF, CADENCE))


def test_the_piece_is_heard_from_its_first_bar() -> None:
    score = chorale(HALF, CADENCE)
    shifted = later(score)
    parts = tuple(
        replace(part, fermatas_ticks=tuple(tick + 12 * BEAT for tick in part.fermatas_ticks)) for part in shifted.parts
    )
    late = cadences.settled(Timeline.of(replace(shifted, parts=parts), written=True))
    assert late.metres == (Metre(0, 4, 4),)
    assert late.parts[0].fermatas_ticks == score.parts[0].fermatas_ticks
    assert late.parts[0].notes.onset_ticks.tolist() == score.parts[0].notes.onset_ticks.tolist()


def test_only_the_metres_that_are_heard_are_kept() -> None:
    metres = (Metre(0, 3, 4), Metre(3 * BEAT, 2, 4), Metre(5 * BEAT, 4, 4))
    score = replace(written([(20 + 4 * i, 4, 60, 64) for i in range(8)]), metres=metres)  # from beat 5 on
    assert cadences.settled(Timeline.of(score)).metres == (Metre(0, 4, 4),)


def test_the_signature_is_not_read() -> None:
    score = chorale(HALF, CADENCE)
    signed = replace(score, keys=(KeySignature(0, 5, "minor"),))
    assert measured(signed) == measured(score)
    assert cadences.settled(Timeline.of(signed, written=True)).keys == ()


def test_an_upbeat_is_kept_unless_it_is_silent() -> None:
    upbeat = replace(written([(0, 4, 60, 64), (4, 12, 62, 64), (16, 12, 60, 64)]), pickup_ticks=BEAT)
    assert cadences.settled(Timeline.of(upbeat)).pickup_ticks == BEAT
    silent = replace(written([(4, 12, 62, 64), (16, 12, 60, 64)]), pickup_ticks=BEAT)
    assert cadences.settled(Timeline.of(silent)).pickup_ticks == 0


def test_pitches_at_the_ends_of_midi_are_kept_within() -> None:
    for pitches in ((0, 7, 4), (127, 120, 124), (0, 127, 66)):
        score = cadences.settled(Timeline.of(written([(4 * i, 4, p, 64) for i, p in enumerate(pitches)])))
        assert all(0 <= p <= 127 for part in score.parts for p in part.notes.pitch.tolist())
        assert math.isfinite(measured(score)["cadence_share"])


@pytest.mark.parametrize("music", ["no part", "no note"])
def test_nothing_to_hear_is_nan(music: str) -> None:
    assert all(math.isnan(value) for value in measured(DEGENERATE[music]).values())


def test_what_the_analysis_does_not_cover_is_nan() -> None:
    assert all(math.isnan(value) for value in cadences.evaluate(Timeline.of(random_performance(1))).values())
    long = written([(12 * i, 12, 60, 64) for i in range(600)])  # 600 bars
    assert all(math.isnan(value) for value in measured(long).values())


def test_a_piece_in_one_part_is_read_from_the_outside_in() -> None:
    score = chorale(HALF, CADENCE)
    rows = [row for part in score.parts for row in part.notes.rows()]
    one = replace(score, parts=(replace(score.parts[0], notes=type(score.parts[0].notes).of(rows)),))
    assert measured(one) == measured(score)
    assert isinstance(one.parts[0], Part)
    assert measured(transposed_up(one)) == measured(one)
