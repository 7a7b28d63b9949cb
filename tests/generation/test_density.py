"""As many notes in a bar as a plan asks for: of the whole piece, of one section, in a region that is composed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.form.grid import section_ranges
from ritornello.form.key import Key
from ritornello.form.plan import MAX_NOTES_PER_BAR, Plan, Section
from ritornello.generation.bar_pen import Drawing
from ritornello.generation.density import BARS_COUNTED, MOST_NATS, Density, density_from, leaps
from ritornello.generation.passages import realise_bars, realise_many
from ritornello.tokenizers.bars_conditions import STEPS_PER_FRAME
from ritornello.tokenizers.bars_cursor import BarsCursor
from ritornello.tokenizers.bars_words import (
    BAR,
    DURATION,
    DURATIONS,
    NUM_TOKENS,
    PART,
    PITCH,
    POSITION,
    PROGRAM,
    STEPS_PER_BEAT,
    TEMPO,
)
from tests.generation.mock_levels import RandomModel

SOME = (5.0, 7.5, 10.0)


class Player(RandomModel):
    """A model that writes short notes on a rough grid, about six in a bar."""

    def forward(self, ids_BT: Any, state: Any = None, conditions: Any = None) -> Any:
        logits_BTV, new = super().forward(ids_BT, state, conditions)
        logits_BTV[..., DURATION + DURATIONS.index(STEPS_PER_BEAT) + 1 :] -= 50
        logits_BTV[..., PROGRAM:BAR] -= 20
        logits_BTV[..., PITCH:DURATION] -= 2
        logits_BTV[..., POSITION:TEMPO] -= 20
        logits_BTV[..., POSITION:TEMPO:3] += 20
        return logits_BTV, new


def plan_of(notes_per_bar: float | None, *sections: tuple[str, int, float | None]) -> Plan:
    made = tuple(Section(label=label, bars=bars, notes_per_bar=own) for label, bars, own in sections)
    return Plan(
        style="bach",
        key=Key.parse("C major"),
        metre="4/4",
        pickup_beats=0,
        tempo_bpm=96,
        notes_per_bar=notes_per_bar,
        sections=made,
    )


def in_bars(plan: Plan, seed: int) -> list[int]:
    """Notes that begin in each bar."""
    score = realise_bars(plan, Player(NUM_TOKENS, 1.0), seed)
    bars = [onset * 4 // (4 * score.ticks_per_beat) // 4 for part in score.parts for onset in part.notes.onset_ticks]
    return np.bincount(bars, minlength=len(score.bars())).tolist()


@pytest.mark.parametrize("seed", range(2))
def test_a_piece_has_about_as_many_as_are_asked_of_it(seed: int) -> None:
    """More and fewer than the model writes by itself, and not the same in every bar."""
    found = {asked: in_bars(plan_of(asked, ("A", 24, None)), seed) for asked in SOME}
    for asked, notes in found.items():
        assert np.mean(notes) == pytest.approx(asked, rel=0.25)
        assert len(set(notes)) > 1
    low, high = (np.mean(found[asked]) for asked in (SOME[0], SOME[-1]))
    assert low < np.mean(in_bars(plan_of(None, ("A", 24, None)), seed)) < high


def test_a_section_has_its_own() -> None:
    plan = plan_of(8.0, ("A", 12, None), ("B", 12, 11.0), ("C", 12, 4.5), ("D", 20, None))
    notes = in_bars(plan, 1)
    for start, end, asked in ((0, 12, 8), (12, 24, 11), (24, 36, 4.5), (40, 56, 8)):
        assert np.mean(notes[start:end]) == pytest.approx(asked, rel=0.35)


def test_many_together_are_as_each_alone() -> None:
    plans = [plan_of(6.0, ("A", 3, None)), plan_of(None, ("A", 2, 12.0), ("B", 2, None))]
    model = Player(NUM_TOKENS, 1.0)
    together = realise_many(plans, model, [1, 2], Drawing())
    assert together == [realise_bars(plan, model, seed) for plan, seed in zip(plans, (1, 2), strict=True)]


def test_what_a_plan_asks_of_a_place() -> None:
    plan = plan_of(8.0, ("A", 2, None), ("B", 2, 18.0), ("C", 2, None))
    bar = section_ranges(plan)[0][1] * STEPS_PER_FRAME // 2
    whole = Density(8.0, 0, bar)
    assert [density_from(plan, step) for step in (0, 2 * bar - 1, 2 * bar, 4 * bar - 1, 4 * bar, 99 * bar)] == [
        whole,
        whole,
        Density(18.0, 2 * bar, bar),
        Density(18.0, 2 * bar, bar),
        whole,
        whole,
    ]
    assert density_from(plan_of(None, ("A", 2, None)), 0) is None


@given(st.floats(0.1, MAX_NOTES_PER_BAR), st.integers(0, 500), st.integers(0, 500), st.integers(0, 2000))
def test_the_more_notes_the_more_haste(notes_per_bar: float, start_bar: int, bars: int, num_notes: int) -> None:
    """Never beyond the limit; none where there are as many as asked; only the last bars count."""
    density = Density(notes_per_bar, 48 * start_bar, 48)
    now = 48 * (start_bar + bars)
    assert density.counted_from(now) == 48 * (start_bar + max(0, bars - BARS_COUNTED))
    haste = density.haste(now, num_notes)
    assert -MOST_NATS <= haste <= density.haste(now, num_notes + 1) <= MOST_NATS
    wanted = min(bars, BARS_COUNTED) * notes_per_bar
    assert density.haste(now, wanted) == pytest.approx(0, abs=1e-9)  # type: ignore[arg-type]


def test_leaps_are_in_beats() -> None:
    cursor = BarsCursor(has_dynamics=False)
    cursor.bar, cursor.bar_steps, cursor.position_steps = 0, 4 * STEPS_PER_BEAT, 3 * STEPS_PER_BEAT + 6
    found = leaps(cursor)
    assert found[POSITION + 3 * STEPS_PER_BEAT + 6 + STEPS_PER_BEAT // 4] == pytest.approx(0.25)
    assert found[BAR] == pytest.approx((STEPS_PER_BEAT - 6) / STEPS_PER_BEAT)
    assert found[POSITION] == 0
    assert not found[PART:].any()
    cursor.position_steps = 0
    assert found.max() <= 1 == leaps(cursor)[BAR]
