"""The whole analysis on small pieces written by hand."""

from __future__ import annotations

import dataclasses

import pytest

from ritornello.errors import UserError
from ritornello.form.analyse import analyse
from ritornello.form.grid import phrase_slots
from ritornello.form.key import Key
from ritornello.form.numerals import chord_name
from ritornello.form.plan import Plan
from ritornello.scores.score import Metre, Score
from tests.form.music import TICKS, chorale

CADENCE = ["c5 d5 d5/.5 c5/.5 b4 | c5/4;", "g4 a4 g4 g4 | g4/4;", "e4 f4 b3 d4 | e4/4;", "c3 f3 g3 g2 | c3/4;"]


def numerals(plan: Plan) -> list[list[str]]:
    return [[chord_name(c, p.key.mode) for c in p.harmony or ()] for p in plan.phrases if p.key]


def test_one_phrase() -> None:
    plan = analyse(chorale(CADENCE))
    assert str(plan.key) == "C major"
    assert plan.metre == "4/4"
    phrase = plan.phrases[0]
    assert (phrase.beats, phrase.fermata_beats, phrase.cadence) == (8, 4, "perfect authentic")
    names = numerals(plan)[0]
    assert names[0] == "I"
    assert names[3:] == ["V", "I", "I", "I", "I"]


@pytest.mark.parametrize("voices", [["c5"], ["c5 d5 e5 f5 g5"], ["c5/.25"], ["r/3 c5", "e4"], ["c5"] * 7])
def test_poor_music_gives_a_complete_plan(voices: list[str]) -> None:
    plan = analyse(chorale(voices))
    assert plan.key is not None
    assert all(len(p.harmony or ()) == len(s) for p, s in zip(plan.phrases, phrase_slots(plan), strict=True))


@pytest.mark.parametrize("score", [Score(480, ()), chorale(["r/4"]), chorale(["r/4"] * 4)])
def test_silence_is_the_users_mistake(score: Score) -> None:
    with pytest.raises(UserError, match="no notes"):
        analyse(score)


def test_keys_are_spelt_near_home() -> None:
    assert Key.parse("A- major") == analyse(chorale(["a-4/4", "e-4/4", "c4/4", "a-2/4"], fifths=-4, mode="major")).key


def test_the_metre_that_holds_longest_counts_and_a_short_first_bar_is_a_pickup() -> None:
    score = chorale(["c5 d5 e5 f5 g5 c5 d5 e5 f5", *["c4/9"] * 3])
    odd = dataclasses.replace(score, metres=(Metre(0, 1, 4), Metre(TICKS, 4, 4)))
    plan = analyse(odd)
    assert (plan.metre, plan.pickup_beats) == ("4/4", 1)
    assert sum(section.bars for section in plan.sections or ()) == 2
    assert analyse(dataclasses.replace(score, metres=(Metre(0, 12, 32),))).metre == "6/16"


@pytest.mark.parametrize(
    ("score", "says"),
    [
        (dataclasses.replace(chorale(["c5/4"]), metres=(Metre(0, 3, 32),)), "metre 3/32 is not covered"),
        (dataclasses.replace(chorale(["c5/4"]), metres=(Metre(0, 100, 16),)), "metre 100/16 is not covered"),
        (chorale(["c5/600"], metre=(1, 4)), "too long"),
        (chorale(["c5/360", "g4/360", "e4/360", "c3/360"], metre=(6, 4)), "phrase is too long"),
        (chorale(["c5/80"], metre=(40, 4), pickup_beats=20), "pickup is too long"),
    ],
)
def test_what_no_plan_can_hold_is_refused(score: Score, says: str) -> None:
    with pytest.raises(UserError, match=says):
        analyse(score)
