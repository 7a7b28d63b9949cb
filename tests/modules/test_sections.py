"""Sections as a few vectors: a plain softmax over their tokens, heard by later sections alone."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.modules.sections import MAX_SECTIONS, SectionMemory, SectionState

WIDTH, HEADS, QUESTIONS = 12, 2, 3
numbers = st.lists(st.integers(0, 8), min_size=1, max_size=25)


def memory() -> SectionMemory:
    torch.manual_seed(0)
    module = SectionMemory(WIDTH, HEADS, QUESTIONS).double()
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return module


def vectors(length: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(1, length, WIDTH, dtype=torch.float64)


def read(
    module: SectionMemory, x_BTD: Tensor, sections: list[int], sizes: list[int] | None = None
) -> tuple[Tensor, SectionState]:
    state, heard, start = module.nothing_heard(1, x_BTD), list[Tensor](), 0
    for size in [*(sizes or []), len(sections)]:
        stop = min(start + size, len(sections))
        if start < stop:
            told, state = module(x_BTD[:, start:stop], torch.tensor([sections[start:stop]]), state)
            heard.append(told)
        start = stop
    return torch.cat(heard, dim=1), state


@given(sections=numbers.map(sorted), sizes=st.lists(st.integers(1, 6), max_size=25))
@settings(max_examples=50, deadline=None)
@torch.no_grad()
def test_an_answer_is_a_plain_softmax_over_the_tokens_of_its_section(sections: list[int], sizes: list[int]) -> None:
    module, x = memory(), vectors(len(sections))
    _, state = read(module, x, sections, sizes)
    keys, values = module.project_written(module.write_norm(x))[0].view(len(sections), 2, HEADS, -1).unbind(1)
    for number in range(sections[-1]):
        tokens = [t for t, section in enumerate(sections) if section == number]
        assert state.is_there_BN[0, number] == bool(tokens)
        if not tokens:
            continue
        logits = torch.einsum("thk,qhk->qht", keys[tokens], module.question_QHK) / (WIDTH // HEADS) ** 0.5
        answers = torch.einsum("qht,thk->qhk", logits.softmax(-1), values[tokens]).flatten(1)
        expected = module.project_summary(module.summary_norm(answers)).view(QUESTIONS, 2, HEADS, -1)
        places = slice(number * QUESTIONS, (number + 1) * QUESTIONS)
        for kept, wanted in ((state.keys_BHAK, expected[:, 0]), (state.values_BHAK, expected[:, 1])):
            assert (kept[0, :, places] - wanted.transpose(0, 1)).abs().max() < 1e-12


@given(sections=numbers, sizes=st.lists(st.integers(1, 6), max_size=25))
@settings(max_examples=50, deadline=None)
@torch.no_grad()
def test_a_number_that_falls_counts_as_the_one_before_it(sections: list[int], sizes: list[int]) -> None:
    module, x = memory(), vectors(len(sections))
    risen = [max(sections[: t + 1]) for t in range(len(sections))]
    heard, state = read(module, x, sections, sizes)
    expected, its_state = read(module, x, risen)
    assert (heard - expected).abs().max() < 1e-12
    assert torch.equal(state.section_B, its_state.section_B)
    assert torch.equal(state.is_there_BN, its_state.is_there_BN)


@given(sections=numbers.map(sorted))
@settings(max_examples=25, deadline=None)
def test_only_sections_before_its_own_are_heard(sections: list[int]) -> None:
    """And all of their tokens; of the others only the one that asks."""
    module, x = memory(), vectors(len(sections)).requires_grad_()
    heard, _ = read(module, x, sections)
    for t, own in enumerate(sections):
        (gradient,) = torch.autograd.grad(heard[0, t].square().sum(), x, retain_graph=True)
        reached = gradient[0].abs().sum(-1) > 0
        expected = torch.tensor([section < own for section in sections])
        if expected.any():
            expected[t] = True
        assert torch.equal(reached, expected)


@given(sections=numbers.map(sorted))
@settings(max_examples=25, deadline=None)
@torch.no_grad()
def test_weights_are_shares_and_sections_without_tokens_have_none(sections: list[int]) -> None:
    module, x = memory(), vectors(len(sections))
    asked = torch.arange(len(sections))
    weights = module.weights(x, torch.tensor([sections]), module.nothing_heard(1, x), asked)
    assert weights.shape == (1, HEADS, len(sections), sections[-1] * QUESTIONS)
    for t, own in enumerate(sections):
        has_any = [number in sections and number < own for number in range(sections[-1]) for _ in range(QUESTIONS)]
        assert torch.equal(weights[0, :, t] > 0, torch.tensor(has_any, dtype=torch.bool).expand(HEADS, -1))
        assert (weights[0, :, t].sum(-1) < 1).all()


@torch.no_grad()
def test_numbers_beyond_the_last_count_as_the_last() -> None:
    module, x = memory(), vectors(4)
    last = MAX_SECTIONS - 1
    heard, state = read(module, x, [1, last, last + 1, last + 30])
    expected, its_state = read(module, x, [1, last, last, last])
    assert torch.equal(heard, expected)
    assert state.section_B.tolist() == its_state.section_B.tolist() == [last]


@torch.no_grad()
def test_logits_of_any_size_are_borne() -> None:
    """A softmax by running sums, whose largest logit comes first, last or far apart."""
    module, x = memory(), vectors(40)
    module.question_QHK.mul_(1e4)
    sections = [t // 10 for t in range(40)]
    heard, _ = read(module, x, sections, [1] * 40)
    assert heard.isfinite().all()
    assert (heard - read(module, x, sections)[0]).abs().max() < 1e-9


def test_counts_its_parameters() -> None:
    counted = sum(parameter.numel() for parameter in memory().parameters())
    assert SectionMemory.num_parameters(WIDTH, QUESTIONS) == counted
