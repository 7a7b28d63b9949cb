"""A Form step by step is the Form, and leaves to it whatever is no step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.models.form import Form
from ritornello.models.form_steps import MOST_AT_ONCE, FormSteps, stepped
from ritornello.models.states import leaves
from tests.models.test_form import VARIANTS, part, piece, small

LENGTH = 60


class Counted:
    """How often the Form itself is asked."""

    def __init__(self, model: Form) -> None:
        self.model, self.steps, self.asked = model, FormSteps(model), 0
        forward = model.forward

        def counted(*arguments: Any) -> Any:
            self.asked += 1
            return forward(*arguments)

        model.forward = counted  # type: ignore[method-assign]


@pytest.mark.parametrize("values", VARIANTS)
@given(sizes=st.lists(st.integers(1, MOST_AT_ONCE + 2), max_size=LENGTH), seed=st.integers(0, 99))
@settings(max_examples=5, deadline=None)
@torch.no_grad()
def test_logits_and_states_are_those_of_the_form(values: dict[str, Any], sizes: list[int], seed: int) -> None:
    """In any chunks, beyond the window, from section to section."""
    model, steps = small(**values), FormSteps(small(**values))
    ids, conditions = piece(seed, rows=1, length=LENGTH)
    ours = theirs = None
    start = 0
    for size in [*sizes, *[1] * LENGTH]:
        stop = min(start + size, LENGTH)
        if start == stop:
            break
        arguments = ids[:, start:stop], part(conditions, start, stop)
        logits, ours = steps.forward(arguments[0], ours, arguments[1])
        expected, theirs = model(arguments[0], theirs, arguments[1])
        assert logits.dtype == expected.dtype
        assert (logits - expected).abs().max() < 1e-11
        for one, other in zip(leaves(ours), leaves(theirs), strict=True):
            if isinstance(one, Tensor):
                assert one.dtype == other.dtype
                assert one.shape == other.shape
                assert not one.numel() or (one.double() - other.double()).abs().max() < 1e-10
            else:
                assert one == other
        start = stop


@pytest.mark.parametrize("values", VARIANTS)
@torch.no_grad()
def test_a_state_is_a_value(values: dict[str, Any]) -> None:
    steps, (ids, conditions) = FormSteps(small(**values)), piece(3, rows=1, length=LENGTH)
    _, state = steps.forward(ids[:, :20], None, part(conditions, 0, 20))
    for start in range(20, 40):
        before = [leaf.clone() for leaf in leaves(state) if isinstance(leaf, Tensor)]
        arguments = ids[:, start : start + 1], state, part(conditions, start, start + 1)
        once, after = steps.forward(*arguments)
        steps.forward((ids[:, start : start + 1] + 1) % 100, state, part(conditions, start, start + 1))
        assert torch.equal(steps.forward(*arguments)[0], once)
        assert all(map(torch.equal, before, [leaf for leaf in leaves(state) if isinstance(leaf, Tensor)]))
        state = after


def test_only_steps_are_taken() -> None:
    """A few tokens of one piece behind others in one section, of which nobody is to learn."""
    counted = Counted(small())
    ids, conditions = torch.randint(100, (2, LENGTH)), piece(1, rows=2, length=LENGTH)[1]
    conditions.channels_BTC[..., 1] = (torch.arange(LENGTH) >= 30).long() + 1
    one = type(conditions)(*(tensor[:1] for tensor in conditions))
    with torch.no_grad():
        _, state = counted.steps.forward(ids[:1, :20], None, part(one, 0, 20))
        _, both = counted.steps.forward(ids[:, :20], None, part(conditions, 0, 20))
        assert counted.asked == 2  # a piece begins
        _, state = counted.steps.forward(ids[:1, 20:28], state, part(one, 20, 28))
        _, state = counted.steps.forward(ids[:1, 28:29], state, part(one, 28, 29))
        assert counted.asked == 2
        _, state = counted.steps.forward(ids[:1, 29:31], state, part(one, 29, 31))
        assert counted.asked == 3  # a section begins
        counted.steps.forward(ids[:1, 31:32], state, part(one, 31, 32))
        assert counted.asked == 3
        counted.steps.forward(ids[:1, 31:40], state, part(one, 31, 40))
        assert counted.asked == 4  # too many
        counted.steps.forward(ids[:, 20:21], both, part(conditions, 20, 21))
        assert counted.asked == 5  # two pieces
        counted.steps.forward(ids[:1, 31:32], state)
        assert counted.asked == 6  # without conditions
    counted.steps.forward(ids[:1, 31:32], state, part(one, 31, 32))
    assert counted.asked == 7  # with a gradient


def test_other_models_are_as_they_were() -> None:
    model = torch.nn.Identity()
    assert stepped(model) is model  # type: ignore[comparison-overlap, arg-type]
    assert isinstance(stepped(small()), FormSteps)
    coarse = small().to(torch.bfloat16)
    assert stepped(coarse) is coarse
