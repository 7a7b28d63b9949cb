"""Every model: causal, exactly; the same in any chunks; its state a value; able to learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ritornello.models import MODELS
from ritornello.models.base import Conditions
from ritornello.models.hierarchical import NoteLevelConfig
from ritornello.tokenizers.chorale import (
    FERMATA,
    FIRST_PITCH,
    FRAME_TOKENS,
    HOLD,
    LOWEST_PITCH,
    NONE,
    ChoraleTokenizer,
)
from ritornello.tokenizers.chorale_conditions import CHANNELS, PITCH_CLASS_CHANNELS
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.training.build import build_model


class Events:
    """As many tokens as keep a test small."""

    vocabulary = tuple(range(20))
    condition_sizes: tuple[int, ...] = ()


SCHEMES: dict[str, Any] = {"notes": ChoraleTokenizer, "plan": PhraseTokenizer, "lstm": Events, "transformer": Events}
SMALL: dict[str, dict[str, Any]] = {
    "notes": {
        "width": 16,
        "num_heads": 2,
        "feedforward_width": 24,
        "slot_width": 16,
        "num_layers": 2,
        "max_distance": 6,
    },
    "plan": {"width": 16, "num_heads": 2, "feedforward_width": 24, "num_layers": 2, "max_distance": 6},
    "lstm": {"width": 16, "num_layers": 2},
    "transformer": {"width": 16, "num_heads": 2, "feedforward_width": 24, "num_layers": 2, "window": 9},
}
NUM_TOKENS = 47  # nine frames and two tokens


def build(name: str, dtype: torch.dtype = torch.float64, **values: Any) -> nn.Module:
    scheme = SCHEMES[name]
    sizes = {"vocabulary_size": len(scheme.vocabulary), "condition_sizes": scheme.condition_sizes}
    torch.manual_seed(0)

    model: Any = build_model(name, {**SMALL[name], **values}, **sizes)
    for parameter in model.parameters():  # none may stay at zero, or it would hide a fault
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.to(dtype).eval()


def random_input(name: str, seed: int, rows: int = 2) -> tuple[Tensor, Conditions]:
    """Any ids, conditions and sources; a source lies anywhere, even ahead, where it must not be heard."""
    torch.manual_seed(seed)
    scheme = SCHEMES[name]
    ids = torch.randint(len(scheme.vocabulary), (rows, NUM_TOKENS))
    channels = torch.stack([torch.randint(max(1, s), ids.shape) for s in (*scheme.condition_sizes, 0)], dim=-1)[
        ..., :-1
    ]
    return ids, Conditions(channels, torch.randint(-1, NUM_TOKENS, ids.shape))


def part(conditions: Conditions | None, start: int, end: int) -> Conditions | None:
    return None if conditions is None else Conditions(*(tensor[:, start:end] for tensor in conditions))


def in_chunks(model: nn.Module, ids: Tensor, conditions: Conditions | None, sizes: list[int]) -> Tensor:
    logits, state, start = [], None, 0
    for size in [*sizes, ids.shape[1]]:
        end = min(start + size, ids.shape[1])
        if start < end:
            chunk, state = model(ids[:, start:end], state, part(conditions, start, end))
            logits.append(chunk)
        start = end
    return torch.cat(logits, dim=1)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("with_plan", [True, False])
@given(sizes=st.lists(st.integers(1, 12), max_size=NUM_TOKENS), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
@torch.no_grad()
def test_any_chunks_equal_the_whole(name: str, with_plan: bool, sizes: list[int], seed: int) -> None:
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        model = build(name, dtype)
        ids, conditions = random_input(name, seed)
        given_plan = conditions if with_plan else None
        whole, _ = model(ids, None, given_plan)
        assert (in_chunks(model, ids, given_plan, sizes) - whole).abs().max() <= tolerance


@pytest.mark.parametrize("name", MODELS)
@given(position=st.integers(1, NUM_TOKENS - 1), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
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
    assert torch.equal(before[:, :position], after[:, :position])


@pytest.mark.parametrize("name", ["notes", "plan"])
@torch.no_grad()
def test_everything_earlier_is_heard(name: str) -> None:
    """A change in any of the first tokens is heard at the end."""
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    others, _ = learnable_input(name, seed=6)
    last = model(ids, None, conditions)[0][:, -1]
    for position in range(12):
        changed = ids.clone()
        changed[:, position] = others[:, position]
        if not torch.equal(ids, changed):
            assert not torch.equal(model(changed, None, conditions)[0][:, -1], last), position


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_state_is_a_value(name: str) -> None:
    """A fork that goes elsewhere leaves the state as it was; so does going on from it twice."""
    model = build(name)
    ids, conditions = random_input(name, 3)
    elsewhere, _ = random_input(name, 4)
    for middle in range(18, 24):
        _, state = model(ids[:, :middle], None, part(conditions, 0, middle))
        rest = part(conditions, middle, NUM_TOKENS)
        once, _ = model(ids[:, middle:], state, rest)
        model(elsewhere[:, middle:], state, rest)
        again, _ = model(ids[:, middle:], state, rest)
        assert torch.equal(once, again)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_rows_do_not_hear_each_other(name: str) -> None:
    model = build(name)
    ids, conditions = random_input(name, 6, rows=3)
    together, _ = model(ids, None, conditions)
    for row in range(3):
        alone, _ = model(ids[row : row + 1], None, Conditions(*(t[row : row + 1] for t in conditions)))
        assert (together[row] - alone[0]).abs().max() <= 1e-12


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_no_conditions_are_unknown_conditions(name: str) -> None:
    model = build(name)
    ids, conditions = random_input(name, 7)
    unknown = Conditions(torch.zeros_like(conditions.channels_BTC), torch.full_like(conditions.source_BT, -1))
    assert (model(ids)[0] - model(ids, None, unknown)[0]).abs().max() <= 1e-12


@pytest.mark.parametrize("name", MODELS)
def test_overfits_a_small_batch(name: str) -> None:
    attention = {"attention_dropout": 0.0} if name in ("notes", "plan") else {}
    model = build(name, torch.float32, dropout=0.0, **attention).train()
    ids, conditions = learnable_input(name, seed=8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(150):
        logits, _ = model(ids[:, :-1], None, part(conditions, 0, ids.shape[1] - 1))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1)[4:], ids[:, 1:].flatten()[4:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def learnable_input(name: str, seed: int) -> tuple[Tensor, Conditions]:
    """One sequence in which every token may stand where it stands."""
    ids, conditions = random_input(name, seed, rows=1)
    if name == "notes":
        slots = torch.arange(NUM_TOKENS) % FRAME_TOKENS
        marks = torch.where(ids % 2 == 0, NONE, FERMATA)
        ids = torch.where(slots == 0, marks, HOLD + ids % (len(ChoraleTokenizer.vocabulary) - HOLD))
    return ids, conditions


def test_the_note_levels_defaults_are_the_chorale_schemes() -> None:
    vocabulary, channels = ChoraleTokenizer.vocabulary, list(CHANNELS)
    config = NoteLevelConfig(vocabulary_size=len(vocabulary))
    assert config.num_voices == FRAME_TOKENS - 1
    assert config.num_pitches == len(vocabulary) - FIRST_PITCH
    assert len(vocabulary) - config.num_pitches - 2 == HOLD
    assert config.lowest_class == LOWEST_PITCH % 12
    assert config.pitch_class_channels == tuple(channels.index(name) for name in PITCH_CLASS_CHANNELS)
    assert config.shift_channel == channels.index("shift")
