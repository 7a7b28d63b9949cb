"""Spans counted from ids: against counting token by token, and in any chunks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ritornello.modules.spans import Bars, SpanRule, Stretches

RULES: dict[str, SpanRule] = {
    "bars": Bars((3, 8, 9)),
    "stretches": Stretches(first_shift=4, num_shifts=5, span_steps=7),
    "stretches as long as a shift": Stretches(first_shift=4, num_shifts=5, span_steps=5),
    "long stretches": Stretches(first_shift=4, num_shifts=5, span_steps=23),
}
rows = st.integers(1, 30).flatmap(
    lambda length: st.lists(st.lists(st.integers(0, 11), min_size=length, max_size=length), min_size=1, max_size=3)
)
cuts = st.lists(st.integers(1, 6), max_size=30)


def one_by_one(rule: SpanRule, ids: list[int]) -> list[int]:
    clock, spans = 0, []
    for token in ids:
        if isinstance(rule, Bars):
            clock += token in rule.bar_ids
            spans.append(clock)
        else:
            assert isinstance(rule, Stretches)
            spans.append(clock // rule.span_steps)
            if rule.first_shift <= token < rule.first_shift + rule.num_shifts:
                clock += token - rule.first_shift + 1
    return spans


@pytest.mark.parametrize("name", RULES)
@given(ids=rows)
def test_each_row_is_counted_token_by_token(name: str, ids: list[list[int]]) -> None:
    rule = RULES[name]
    spans, _ = rule.count(torch.tensor(ids), torch.zeros(len(ids), dtype=torch.int64))
    assert spans.tolist() == [one_by_one(rule, row) for row in ids]


@pytest.mark.parametrize("name", RULES)
@given(ids=rows, sizes=cuts)
def test_chunks_are_the_whole(name: str, ids: list[list[int]], sizes: list[int]) -> None:
    rule, ids_BT = RULES[name], torch.tensor(ids)
    start_B = torch.zeros(len(ids), dtype=torch.int64)
    whole, after = rule.count(ids_BT, start_B)
    chunks, clock, rest = [], start_B, ids_BT
    for size in [*sizes, ids_BT.shape[1]]:
        spans, clock = rule.count(rest[:, :size], clock)
        chunks.append(spans)
        rest = rest[:, size:]
    assert torch.equal(torch.cat(chunks, dim=1), whole)
    assert torch.equal(clock, after)


@pytest.mark.parametrize("name", RULES)
@given(ids=rows)
def test_no_span_is_skipped_and_none_is_smaller_than_stated(name: str, ids: list[list[int]]) -> None:
    rule = RULES[name]
    spans, _ = rule.count(torch.tensor(ids), torch.zeros(len(ids), dtype=torch.int64))
    steps = spans.diff(dim=1)
    assert not steps.numel() or (steps.min() >= 0 and steps.max() <= 1)
    for row in spans:
        counts = row.unique_consecutive(return_counts=True)[1][:-1]  # of those that are over
        assert not len(counts) or counts.min() >= rule.least_tokens


def test_a_shift_that_reaches_the_border_is_the_last_of_its_span() -> None:
    performance = Stretches(first_shift=259, num_shifts=100, span_steps=200)
    note = 5
    ids = [note, 358, note, 357, note, 259, note, 358, 358, note]  # at 0, 0, 100, 100, 199, 199, 200, 200, 300, 400
    spans, clock = performance.count(torch.tensor([ids]), torch.tensor([0]))
    assert spans.tolist() == [[0, 0, 0, 0, 0, 0, 1, 1, 1, 2]]
    assert clock.tolist() == [400]


def test_a_bar_line_is_the_first_of_its_bar() -> None:
    spans, clock = Bars((7,)).count(torch.tensor([[1, 7, 2, 2, 7, 7], [7, 1, 1, 1, 1, 7]]), torch.tensor([0, 0]))
    assert spans.tolist() == [[0, 1, 1, 1, 2, 3], [1, 1, 1, 1, 1, 2]]
    assert clock.tolist() == [3, 2]
