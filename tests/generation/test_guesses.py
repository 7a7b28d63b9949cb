"""Guesses: the latest place of the longest stretch; with them and without, a pen writes the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ritornello.form.key import Key
from ritornello.form.plan import Plan, Section
from ritornello.generation.bar_pen import Drawing, Pen
from ritornello.generation.guesses import GUESSES, Guesses
from ritornello.generation.passages import compose_bars, pen_of, realise_many, score_of
from ritornello.tokenizers.bars_conditions import Guide
from ritornello.tokenizers.bars_words import NUM_TOKENS
from tests.generation.mock_levels import RandomModel


def plan_of_bars(num_bars: int) -> Plan:
    sections = (Section(label="A", bars=num_bars), Section(label="B", bars=num_bars))
    return Plan(style="bach", key=Key.parse("C major"), metre="4/4", pickup_beats=0, tempo_bpm=96, sections=sections)


def looked_up(ids: list[int]) -> list[int]:
    """The same by comparing every place."""
    S, most = len(ids), GUESSES[0][0]
    best, place = 0, -1
    for end in range(S - 1):
        num_same = 0
        while num_same < most and num_same <= end and ids[end - num_same] == ids[S - 1 - num_same]:
            num_same += 1
        if num_same and num_same >= best:
            best, place = num_same, end + 1
    num_guesses = next((number for least, number in GUESSES if best >= least), 0)
    return ids[place : place + num_guesses]


class Rut(RandomModel):
    """One that goes on from a token as it always does, or nearly."""

    def forward(self, ids_BT: Any, state: Any = None, conditions: Any = None) -> Any:
        logits_BTV, new = super().forward(ids_BT, state, conditions)
        usual = [[np.random.default_rng(token).normal(size=self.size) for token in row] for row in ids_BT.tolist()]
        return logits_BTV + 6 * torch.tensor(np.array(usual), dtype=torch.float32), new


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 60))
def test_the_latest_place_of_the_longest_stretch(ids: list[int], cut: int) -> None:
    """However the piece was told: at once, or in two parts and by a copy."""
    told = Guesses()
    told.after(ids[:cut])
    assert told.copy().after(ids) == told.after(ids) == Guesses().after(ids) == looked_up(ids)


def test_room_grows() -> None:
    ids = np.random.default_rng(1).integers(0, 50, size=5000).tolist()
    guesses = Guesses()
    for end in range(0, 5000, 97):
        assert guesses.after(ids[:end]) == looked_up(ids[:end])


@pytest.mark.parametrize("is_rut", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_with_guesses_and_without_a_pen_writes_the_same(
    is_rut: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where a model goes on as before it is asked less often."""
    model = Rut(NUM_TOKENS, 0.5) if is_rut else RandomModel(NUM_TOKENS, 0.05)

    def written() -> tuple[list[int], int]:
        plan = plan_of_bars(6)
        pen, before = pen_of(plan, model, Guide(plan)), model.num_steps
        pen.drive(compose_bars(pen, plan, np.random.default_rng(seed), Drawing()))
        return pen.ids, model.num_steps - before

    with_guesses, num_steps = written()
    monkeypatch.setattr(Guesses, "after", lambda *_: [])
    without, num_steps_without = written()
    assert with_guesses == without
    assert num_steps < num_steps_without if is_rut else num_steps <= num_steps_without


@pytest.mark.parametrize("num_tokens", range(1, 12))
def test_a_copy_goes_on_from_anywhere_and_settles(num_tokens: int) -> None:
    """Whatever was guessed when it was made; settled, its stream has read what is written."""
    plan, model = plan_of_bars(3), Rut(NUM_TOKENS, 0.5)
    pen = pen_of(plan, model, Guide(plan))
    random = np.random.default_rng(3)
    writing = compose_bars(pen, plan, random, Drawing())
    next(writing)
    for _ in range(num_tokens):
        writing.send(pen.logits())
    pen.logits()
    other = pen.copy()
    other.settle()
    assert other.ahead is None
    assert not other.behind
    assert other.stream.length == len(other.ids)
    np.testing.assert_array_equal(other.logits(), pen.logits())
    more = np.flatnonzero(pen.mask())[:1].tolist()
    other.write(more)
    pen.write(more)
    np.testing.assert_array_equal(other.logits(), pen.logits())


def test_many_together_read_without_guesses() -> None:
    plan, model = plan_of_bars(3), Rut(NUM_TOKENS, 0.5)
    pen: Pen = pen_of(plan, model, Guide(plan))
    pen.drive(compose_bars(pen, plan, np.random.default_rng([5, 3]), Drawing()))
    (together,) = realise_many([plan], model, [5])
    assert together == score_of(pen, plan)
