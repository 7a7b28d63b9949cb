"""Bars, slots, sections and phrases in frames."""

from __future__ import annotations

from ritornello.form.grid import grid_of_plan, grid_of_score, phrase_ranges, phrase_slots, section_ranges
from ritornello.form.key import Key
from ritornello.form.plan import Phrase, Plan, Section
from tests.form.music import chorale


def test_slots_start_at_barlines_and_end_pickups() -> None:
    grid = grid_of_score(chorale(["c5/1.5 c5/3 c5/3 c5/1.5"], metre=(3, 4), pickup_beats=1.5))
    assert grid.bars == ((0, 6), (6, 18), (18, 30), (30, 36))
    assert grid.slot_starts.tolist() == [0, 2, 6, 10, 14, 18, 22, 26, 30, 34]
    assert grid.bar_positions[:8].tolist() == [6, 7, 8, 9, 10, 11, 0, 1]


def test_the_last_slot_of_a_bar_may_be_short() -> None:
    grid = grid_of_score(chorale(["c5/1.5 c5/1.5"], metre=(3, 8)))
    assert grid.slot_starts.tolist() == [0, 4, 6, 10]
    assert grid.slots(2, 9) == [(2, 4), (4, 6), (6, 9)]
    assert grid.slots(4, 4) == []


def test_a_plan_lasts_its_pickup_and_full_bars() -> None:
    c = Key("C", "major")
    phrases = (Phrase(beats=6.5, key=c), Phrase(beats=1.5, key=c))
    plan = Plan(
        metre="4/4",
        pickup_beats=1,
        sections=(Section(label="A", bars=2, phrases=phrases), Section(label="B", bars=1, phrases=(Phrase(beats=5),))),
    )
    assert grid_of_plan(plan).num_frames == 4 + 3 * 16
    assert section_ranges(plan) == [(0, 32), (32, 52)]
    assert phrase_ranges(plan) == [(0, 26), (26, 32), (32, 52)]
    assert phrase_slots(plan)[0][-2:] == [(20, 24), (24, 26)]
    assert phrase_slots(plan)[1] == [(26, 28), (28, 32)]
    assert phrase_slots(plan)[2][:2] == [(32, 36), (36, 40)]


def test_no_pickup() -> None:
    plan = Plan(metre="3/2", pickup_beats=0, sections=(Section(label="A", bars=1),))
    assert grid_of_plan(plan).bars == ((0, 24),)
    assert section_ranges(plan) == [(0, 24)]
    assert phrase_ranges(plan) == []
