"""Bars that repeat themselves for ever are ended at the first note that can be another, and no others."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ritornello.form.key import Key
from ritornello.form.plan import Plan, Section
from ritornello.generation.loops import MAX_EQUAL_BARS, PERIODS_BARS, Loops
from ritornello.generation.passages import realise_bars
from ritornello.tokenizers.bars_words import BAR, DURATION, LENGTH, NUM_TOKENS, PART, PITCH, POSITION
from tests.generation.mock_levels import RandomModel


def bar(pitch: int, second: int = 62) -> list[int]:
    return [BAR, POSITION, PART, PITCH + pitch, DURATION + 3, POSITION + 12, PART, PITCH + second, DURATION + 3]


def fed(bars: list[list[int]]) -> Loops:
    loops = Loops()
    for tokens in bars:
        for token in tokens:
            loops.feed(token)
    return loops


@given(period=st.sampled_from(PERIODS_BARS), times=st.integers(1, 40))
def test_only_a_note_that_makes_a_loop_longer_is_forbidden(period: int, times: int) -> None:
    """As many whole bars as may be equal, and then one more that begins as before."""
    bars = [bar(60 + number % period) for number in range(period + times)]
    upcoming = 60 + (period + times) % period
    loops = fed([*bars, bar(0)[:3]])
    assert set(loops.forbidden()) == ({PITCH + upcoming} if times >= MAX_EQUAL_BARS else set())
    assert not list(fed([*bars, bar(0)[:2]]).forbidden())  # what comes next is no note
    assert not list(fed([*bars, bar(1)[:7]]).forbidden())  # it goes another way already


def test_one_bar_that_differs_ends_the_loop() -> None:
    bars = [bar(60)] * 9
    assert list(fed([*bars, bar(0)[:3]]).forbidden())
    assert not list(fed([*bars, bar(60, 64), bar(0)[:3]]).forbidden())
    assert not list(fed([[BAR]] * 20).forbidden())


def test_a_copy_goes_its_own_way() -> None:
    loops = fed([bar(60)] * 9)
    other = loops.copy()
    for token in [*bar(61), BAR]:
        other.feed(token)
    for token in bar(60)[:3]:
        loops.feed(token)
    assert set(loops.forbidden()) == {PITCH + 60}
    assert not list(other.forbidden())


class StuckModel(RandomModel):
    """Each bar the same note on the first beat, whatever came before."""

    def forward(self, ids_BT: torch.Tensor, state: Any = None, conditions: Any = None) -> tuple[torch.Tensor, Any]:
        _, state = super().forward(ids_BT, state, conditions)
        logits_V = torch.full((self.size,), -30.0)
        logits_V[PITCH : PITCH + 128], logits_V[BAR:LENGTH] = -10.0, -3.0
        logits_V[[POSITION, PART, PITCH + 60, DURATION + 3]] = 0.0
        return logits_V.expand(*ids_BT.shape, -1), state


@pytest.mark.parametrize("seed", [1, 2])
def test_a_model_that_is_stuck_gets_out(seed: int) -> None:
    sections = (Section(label="A", bars=40),)
    plan = Plan(style="song", key=Key.parse("C major"), metre="4/4", pickup_beats=0, tempo_bpm=90, sections=sections)
    score = realise_bars(plan, StuckModel(NUM_TOKENS), seed)
    bars = [
        {
            (number, onset - start, pitch)
            for number, part in enumerate(score.parts)
            for onset, pitch in zip(part.notes.onset_ticks.tolist(), part.notes.pitch.tolist(), strict=True)
            if start <= onset < end
        }
        for start, end in score.bars()
    ]
    equal = [one == before for before, one in pairwise(bars)]
    assert any(equal)
    longest = max(len(run) for run in "".join("x" if same else " " for same in equal).split())
    assert longest <= MAX_EQUAL_BARS
