"""Every model: causal, exactly; the same in any chunks; its state a value of stated size; able to learn."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ritornello.models import MODELS
from ritornello.models.base import Conditions
from ritornello.models.hierarchical import NoteLevelConfig
from ritornello.tokenizers.chorale import FIRST_PITCH, FRAME_TOKENS, HOLD, LOWEST_PITCH, ChoraleTokenizer
from ritornello.tokenizers.chorale_conditions import CHANNELS, PITCH_CLASS_CHANNELS, SHIFT_ZERO
from tests.contracts.model_entries import (
    ENTRIES,
    NUM_TOKENS,
    build,
    condition_sizes,
    heard,
    learnable_input,
    random_input,
)

WITH_PLAN = [(name, True) for name in ENTRIES] + [(name, False) for name in ENTRIES if condition_sizes(ENTRIES[name])]
chunks = st.lists(st.integers(1, 12), max_size=NUM_TOKENS)


def part(conditions: Conditions | None, start: int, end: int) -> Conditions | None:
    return None if conditions is None else Conditions(*(tensor[:, start:end] for tensor in conditions))


def in_chunks(model: nn.Module, ids: Tensor, conditions: Conditions | None, sizes: list[int]) -> tuple[Tensor, Any]:
    logits, state, start = [], None, 0
    for size in [*sizes, ids.shape[1]]:
        end = min(start + size, ids.shape[1])
        if start < end:
            chunk, state = model(ids[:, start:end], state, part(conditions, start, end))
            logits.append(chunk)
        start = end
    return torch.cat(logits, dim=1), state


def leaves(state: Any) -> list[Any]:
    """All tensors and numbers in a state."""
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return leaves([getattr(state, f.name) for f in dataclasses.fields(state)])
    if isinstance(state, dict):
        return leaves(list(state.values()))
    if isinstance(state, (tuple, list)):
        return [leaf for item in state for leaf in leaves(item)]
    return [state]


def test_every_model_has_an_entry() -> None:
    assert {entry.model for entry in ENTRIES.values()} == set(MODELS)


@pytest.mark.parametrize(("name", "with_plan"), WITH_PLAN)
@given(sizes=chunks, seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
@torch.no_grad()
def test_any_chunks_equal_the_whole(name: str, with_plan: bool, sizes: list[int], seed: int) -> None:
    """Logits, and all that is remembered."""
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        model = build(name, dtype)
        ids, conditions = random_input(name, seed)
        given_plan = conditions if with_plan else None
        whole, after_whole = model(ids, None, given_plan)
        pieced, after_pieces = in_chunks(model, ids, given_plan, sizes)
        assert (pieced - whole).abs().max() <= tolerance
        for ours, theirs in zip(leaves(after_pieces), leaves(after_whole), strict=True):
            if isinstance(ours, Tensor):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                differences = ours.double() - theirs.double()  # of keys, which are larger than logits
                assert not ours.numel() or differences.abs().max() <= 10 * tolerance
            else:
                assert ours == theirs


@pytest.mark.parametrize("name", ENTRIES)
@given(position=st.integers(1, NUM_TOKENS - 1), seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
@torch.no_grad()
def test_nothing_later_is_heard(name: str, position: int, seed: int) -> None:
    model = build(name)
    ids, conditions = random_input(name, seed)
    other_ids, other_conditions = random_input(name, seed + 1000)
    changed_ids = torch.cat([ids[:, :position], other_ids[:, position:]], dim=1)
    pairs = zip(conditions, other_conditions, strict=True)
    changed = Conditions(*(torch.cat([a[:, :position], b[:, position:]], dim=1) for a, b in pairs))
    before, _ = model(ids, None, conditions)
    after, _ = model(changed_ids, None, changed)
    assert (before[:, :position] - after[:, :position]).abs().max() <= ENTRIES[name].rounding


@pytest.mark.parametrize("name", ENTRIES)
@torch.no_grad()
def test_what_the_end_hears(name: str) -> None:
    """A change of any token is heard at the end where the masks say so, and else not by one bit."""
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    others, _ = learnable_input(name, seed=6)
    last = model(ids, None, conditions)[0][:, -1]
    heard_T = heard(model, ids[0])[-1]
    for position in range(NUM_TOKENS):
        changed = ids.clone()
        changed[:, position] = others[:, position]
        if not torch.equal(ids, changed):
            same = torch.equal(model(changed, None, conditions)[0][:, -1], last)
            assert same != heard_T[position] or (not same and ENTRIES[name].hears_beyond), position


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.embeds])
@pytest.mark.parametrize("position", [0, 4, 24, 25, NUM_TOKENS - 1])
def test_gradients_reach_as_far_as_the_horizon(name: str, position: int) -> None:
    model, inputs = build(name, **dict.fromkeys(ENTRIES[name].dropout, 0.0)).train(), []
    model.get_submodule(ENTRIES[name].embeds).register_forward_hook(lambda *call: inputs.append(call[-1]))
    ids, conditions = random_input(name, 9)
    logits, _ = model(ids, None, conditions)
    weights = torch.linspace(-1, 1, logits.shape[-1], dtype=logits.dtype)
    (gradient,) = torch.autograd.grad((logits[:, position] * weights).sum(), inputs)
    learned = gradient.abs().sum(-1) > 0
    expected = heard(model, ids[0])[position]
    if first_learned := ENTRIES[name].first_learned:
        expected[: first_learned(position)] = False
    assert torch.equal(learned, expected.expand_as(learned))


@pytest.mark.parametrize("name", ENTRIES)
@torch.no_grad()
def test_state_is_a_value(name: str) -> None:
    """A fork that goes elsewhere leaves the state as it was; so does going on from it twice."""
    model = build(name)
    ids, conditions = random_input(name, 3)
    elsewhere, _ = random_input(name, 4)
    for middle in range(18, 24):
        _, state = model(ids[:, :middle], None, part(conditions, 0, middle))
        before = [leaf.clone() for leaf in leaves(state) if isinstance(leaf, Tensor)]
        rest = part(conditions, middle, NUM_TOKENS)
        once, _ = model(ids[:, middle:], state, rest)
        model(elsewhere[:, middle:], state, rest)
        again, _ = model(ids[:, middle:], state, rest)
        assert torch.equal(once, again)
        assert all(map(torch.equal, before, [leaf for leaf in leaves(state) if isinstance(leaf, Tensor)]))


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@torch.no_grad()
def test_state_bytes_are_as_stated(name: str, dtype: torch.dtype) -> None:
    """After any number of tokens, read at once or one by one."""
    model, rows = build(name, dtype), 3
    ids, _ = random_input(name, 2, rows)
    stepped = model.new_state(rows)
    for length in range(NUM_TOKENS + 1):
        if length:
            _, stepped = model(ids[:, length - 1 : length], stepped)
        at_once = model(ids[:, :length])[1] if length else model.new_state(rows)
        for state in (stepped, at_once):
            tensors = [leaf for leaf in leaves(state) if isinstance(leaf, Tensor)]
            assert all(tensor.shape[0] == rows for tensor in tensors)
            assert sum(t.numel() * t.element_size() for t in tensors) == model.state_bytes(rows, length)


@pytest.mark.parametrize("name", ENTRIES)
@torch.no_grad()
def test_rows_do_not_hear_each_other(name: str) -> None:
    model = build(name)
    ids, conditions = random_input(name, 6, rows=3)
    together, _ = model(ids, None, conditions)
    for row in range(3):
        alone, _ = model(ids[row : row + 1], None, Conditions(*(t[row : row + 1] for t in conditions)))
        assert (together[row] - alone[0]).abs().max() <= 1e-12


@pytest.mark.parametrize("name", [name for name, with_plan in WITH_PLAN if not with_plan])
@torch.no_grad()
def test_no_conditions_are_unknown_conditions(name: str) -> None:
    model = build(name)
    ids, conditions = random_input(name, 7)
    unknown = Conditions(torch.zeros_like(conditions.channels_BTC), torch.full_like(conditions.source_BT, -1))
    assert (model(ids)[0] - model(ids, None, unknown)[0]).abs().max() <= 1e-12


@pytest.mark.parametrize("name", ENTRIES)
def test_overfits_a_small_batch(name: str) -> None:
    model = build(name, torch.float32, **dict.fromkeys(ENTRIES[name].dropout, 0.0)).train()
    ids, conditions = learnable_input(name, seed=8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(150):
        logits, _ = model(ids[:, :-1], None, part(conditions, 0, ids.shape[1] - 1))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1)[4:], ids[:, 1:].flatten()[4:])
        if loss.item() < 0.1:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pytest.fail(f"{loss.item()} nats")


def test_the_note_levels_defaults_are_the_chorale_schemes() -> None:
    vocabulary, channels = ChoraleTokenizer.vocabulary, list(CHANNELS)
    config = NoteLevelConfig(vocabulary_size=len(vocabulary))
    assert config.num_voices == FRAME_TOKENS - 1
    assert config.num_pitches == len(vocabulary) - FIRST_PITCH
    assert len(vocabulary) - config.num_pitches - 2 == HOLD
    assert config.lowest_class == LOWEST_PITCH % 12
    assert config.pitch_class_channels == tuple(channels.index(name) for name in PITCH_CLASS_CHANNELS)
    assert (config.shift_channel, config.shift_zero) == (channels.index("shift"), SHIFT_ZERO)
