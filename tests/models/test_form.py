"""A Form's sizes and costs, what its head copies, and what it hears beyond its window."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ritornello.errors import UserError
from ritornello.models.base import Conditions
from ritornello.models.form import Form, FormConfig
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.bars_conditions import CONDITION_SIZES, PLACE_CHANNELS, SECTION_CHANNEL, SHIFT_CHANNEL
from ritornello.tokenizers.bars_words import PITCH
from ritornello.tokenizers.chorale_conditions import SHIFT_ZERO
from ritornello.training.build import build_model

SIZES = (4, 66, 25)
FIRST_PITCH, VOCABULARY, ZERO = 7, 140, 12
SMALL: dict[str, Any] = {
    "vocabulary_size": VOCABULARY,
    "condition_sizes": SIZES,
    "width": 16,
    "num_heads": 2,
    "num_layers": 3,
    "feedforward_width": 24,
    "window": 6,
    "num_summaries": 3,
    "source_width": 12,
    "section_channel": 1,
    "shift_channel": 2,
    "first_pitch": FIRST_PITCH,
}
RECALL: dict[str, Any] = {"recall": True, "place_channels": (0, 0), "part_channel": 0}
VARIANTS = [
    {},
    {"num_summaries": 0},
    {"source_width": 0},
    {"num_summaries": 0, "source_width": 0},
    RECALL,
    RECALL | {"num_summaries": 0},
]


def small(**values: Any) -> Form:
    torch.manual_seed(0)
    model = Form(FormConfig(**{**SMALL, **values})).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def piece(seed: int, rows: int = 2, length: int = 60) -> tuple[Tensor, Conditions]:
    """Sections of a few tokens each, others in every row, and any earlier source or none.

    The second half is much like the first, token by token and part by part, so that there is something to recall.
    """
    torch.manual_seed(seed)
    ids, now, half = torch.randint(VOCABULARY, (rows, length)), torch.arange(length), length // 2
    ids[:, half:] = torch.where(now[:half] % 13 < 11, ids[:, :half], ids[:, half:])
    sections = (torch.rand(rows, length) < 0.15).cumsum(dim=1) + torch.arange(rows)[:, None]
    parts = torch.randint(4, (rows, half)).repeat(1, 2)
    channels = torch.stack([parts, sections, torch.randint(25, ids.shape)], dim=-1)
    source = (torch.rand(rows, length) * (now + 2)).long() - 1
    return ids, Conditions(channels, source)


def part(conditions: Conditions, start: int, stop: int) -> Conditions:
    return Conditions(*(tensor[:, start:stop] for tensor in conditions))


@pytest.mark.parametrize("values", VARIANTS)
@given(sizes=st.lists(st.integers(1, 20), max_size=60), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
@torch.no_grad()
def test_any_chunks_equal_the_whole_beyond_the_window(values: dict[str, Any], sizes: list[int], seed: int) -> None:
    model, (ids, conditions) = small(**values), piece(seed)
    whole, _ = model(ids, None, conditions)
    state, start, pieces = None, 0, list[Tensor]()
    for size in [*sizes, 60]:
        stop = min(start + size, 60)
        if start < stop:
            logits, state = model(ids[:, start:stop], state, part(conditions, start, stop))
            pieces.append(logits)
        start = stop
    assert (torch.cat(pieces, dim=1) - whole).abs().max() <= 1e-12


@given(seed=st.integers(0, 999), place=st.integers(0, 58))
@settings(max_examples=25, deadline=None)
@torch.no_grad()
def test_a_token_hears_its_source_and_the_sections_before_its_own_and_nothing_else(seed: int, place: int) -> None:
    """With a window of one token, so that no layer hears anything else."""
    model, (ids, conditions) = small(window=1), piece(seed, rows=1)
    conditions.channels_BTC[..., 2] = 0  # moved to the end of the keyboard two pitches may be one
    changed = ids.clone()
    changed[0, place] = (changed[0, place] + 1) % VOCABULARY
    differs_T = (model(ids, None, conditions)[0] - model(changed, None, conditions)[0])[0].abs().amax(dim=-1) > 1e-9
    section_T, source_T, now_T = conditions.channels_BTC[0, :, 1], conditions.source_BT[0], torch.arange(60)
    offset_T = place - source_T
    in_source_T = (source_T >= 0) & (offset_T >= -3) & (offset_T <= 12) & (now_T >= place)
    hears_T = (section_T > section_T[place]) | in_source_T
    # the sections' summaries are made of what their tokens heard of their own sources
    through_T = torch.stack([(section_T > section_T[p]) for p in in_source_T.nonzero().flatten()] or [now_T < 0]).any(0)
    assert torch.equal(differs_T, (now_T == place) | ((now_T > place) & (hears_T | through_T)))


@given(seed=st.integers(0, 999))
@settings(max_examples=25, deadline=None)
@torch.no_grad()
def test_copying_moves_the_logit_of_the_sources_token_moved_by_the_shift_and_no_other(seed: int) -> None:
    """By exactly what it is worth."""
    model, (ids, conditions) = small(), piece(seed)
    assert model.worth_head is not None
    model.worth_head.weight.zero_()
    model.worth_head.bias.zero_()
    without, _ = model(ids, None, conditions)
    model.worth_head.bias.fill_(2.5)
    moved = model(ids, None, conditions)[0] - without
    for row in range(2):
        for t in range(60):
            source, shift = int(conditions.source_BT[row, t]), int(conditions.channels_BTC[row, t, 2])
            expected = torch.zeros(VOCABULARY, dtype=torch.float64)
            if source >= 0:
                token = int(ids[row, source])
                if FIRST_PITCH <= token < FIRST_PITCH + 128 and shift:
                    token = FIRST_PITCH + min(max(token - FIRST_PITCH + shift - ZERO, 0), 127)
                expected[token] = 2.5
            assert (moved[row, t] - expected).abs().max() < 1e-12


@torch.no_grad()
def test_what_followed_before_is_worth_something_beyond_the_window() -> None:
    """Forty tokens come again; the logit of what followed moves by what the views are worth that name it."""
    model = small(**RECALL, source_width=12, window=1)
    assert model.worth_head is not None
    ids = torch.randint(VOCABULARY, (1, 50))
    ids = torch.cat([ids, ids[:, :40]], dim=1)
    channels = torch.zeros(1, 90, len(SIZES), dtype=torch.int64)
    channels[..., 0] = 2
    unplanned = Conditions(channels, torch.full((1, 90), -1))
    model.worth_head.weight.zero_()
    model.worth_head.bias.zero_()
    without, _ = model(ids, None, unplanned)
    model.worth_head.bias.copy_(torch.tensor([7.0, 1.0, 1.5, 2.0, 2.5]))
    moved = (model(ids, None, unplanned)[0] - without)[0]
    for t in range(60, 89):
        assert moved[t, ids[0, t + 1]] >= 1.0 + 1.5 - 1e-9
        assert moved[t].sum() <= 7.0 + 1e-9


@torch.no_grad()
def test_sections_beyond_those_that_are_told_sound_like_the_last_of_them() -> None:
    """Without section memory, which knows each."""
    model, (ids, conditions) = small(told_sections=5), piece(3, rows=1)
    late = conditions.channels_BTC.clone()
    late[..., 1] += 5 - late[..., 1].min()
    later = late.clone()
    later[..., 1] += 7
    model.memory = None
    heard = [model(ids, None, conditions._replace(channels_BTC=c))[0] for c in (late, later, conditions.channels_BTC)]
    assert torch.equal(heard[0], heard[1])
    assert not torch.equal(heard[0], heard[2])


@torch.no_grad()
def test_a_source_ahead_is_no_source() -> None:
    model, (ids, conditions) = small(), piece(1)
    ahead = conditions._replace(source_BT=torch.arange(1, 61).expand(2, -1))
    nothing = conditions._replace(source_BT=torch.full((2, 60), -1))
    heard, _ = model(ids, None, ahead)
    alone, _ = model(ids, None, nothing)
    named = ahead.source_BT[0] - 3 <= torch.arange(60)  # up to three tokens before the place may have been written
    assert named.all()
    assert not torch.equal(heard, alone)
    far = conditions._replace(source_BT=torch.arange(4, 64).expand(2, -1))
    assert torch.equal(model(ids, None, far)[0], alone)


@pytest.mark.parametrize("values", VARIANTS)
@pytest.mark.parametrize(("num_tokens", "section"), [(0, 0), (3, 0), (3, 2), (9, 2), (40, 7), (40, 64), (300, 30)])
@torch.no_grad()
def test_the_cost_of_a_token_is_the_formula(values: dict[str, Any], num_tokens: int, section: int) -> None:
    """Against all multiplications that torch counts in one step."""
    model = small(**values)
    assert _multiplications(model, num_tokens, section, section) == model.config.token_multiplications(
        num_tokens, section
    )


@torch.no_grad()
def test_the_cost_grows_with_sections_by_their_vectors_alone_and_with_length_not_at_all() -> None:
    config, Q, D = FormConfig(**SMALL), 3, 16
    assert config.token_multiplications(5, 3) == config.token_multiplications(10**6, 3)
    assert config.token_multiplications(99, 8) - config.token_multiplications(99, 7) == 2 * Q * D
    model = Form(config).double().eval()
    for risen in (1, 2, 5):
        extra = _multiplications(model, 20, 3, 3 + risen) - config.token_multiplications(20, 3 + risen)
        assert extra == risen * config.section_multiplications == risen * 2 * Q * D * D


@pytest.mark.parametrize("values", VARIANTS)
@torch.no_grad()
def test_memory_grows_by_some_bytes_a_token_and_not_with_sections(values: dict[str, Any]) -> None:
    model = small(**values)
    grows = [model.state_bytes(3, length + 1) - model.state_bytes(3, length) for length in range(5, 60)]
    recall = 26 + 2 * model.config.num_parts if model.config.recall else 0
    assert set(grows) == {3 * (2 * model.config.hears_source + recall)}
    ids, conditions = piece(3, rows=3)
    few = conditions.channels_BTC.clone()
    few[..., 1] = 1
    sizes = [_bytes(model(ids, None, Conditions(c, conditions.source_BT))[1]) for c in (few, conditions.channels_BTC)]
    assert sizes == [model.state_bytes(3, 60)] * 2


@pytest.mark.parametrize("values", [*VARIANTS, {"condition_sizes": ()}, {"num_layers": 1, "num_summaries": 64}])
def test_counts_its_parameters(values: dict[str, Any]) -> None:
    model = small(**values)
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("values", [{}, RECALL])
def test_learns_under_bfloat16(values: dict[str, Any]) -> None:
    """Every parameter has a gradient, and it is near the one in float32."""
    model, (ids, conditions) = small(dropout=0.0, **values).float().train(), piece(2, rows=1, length=300)
    gradients = list[Tensor]()
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits, _ = model(ids, None, conditions)
        torch.nn.functional.cross_entropy(logits[0, :-1].float(), ids[0, 1:]).backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        assert model.worth_head is not None
        assert model.worth_head.weight.grad is not None
        assert model.worth_head.weight.grad.any(dim=1).all()  # every pointer has pointed
    assert (gradients[0] - gradients[1]).norm() < 0.1 * gradients[0].norm()


def test_the_defaults_are_those_of_bars_under_a_plan() -> None:
    config = FormConfig(vocabulary_size=len(EvenBarsTokenizer.vocabulary), condition_sizes=CONDITION_SIZES)
    named = (config.section_channel, config.shift_channel, config.shift_zero, config.first_pitch)
    assert named == (SECTION_CHANNEL, SHIFT_CHANNEL, SHIFT_ZERO, PITCH)
    places = [list(PLACE_CHANNELS)[channel] for channel in (*config.place_channels, config.part_channel)]
    assert places == ["sixteenth", "step", "part"]
    assert max(CONDITION_SIZES[channel] for channel in config.place_channels) <= 128


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"width": 18}, "num_heads 2 does not divide width 18 into even parts"),
        ({"source_width": 6}, "num_heads 2 does not divide source_width 6 into even parts"),
        (RECALL | {"source_width": 0}, "recall needs a source_width above 0"),
        ({"condition_sizes": [], "recall": True}, "recall needs a source_width above 0 and condition channels"),
        (RECALL | {"condition_sizes": [1, 66, 25]}, "part_channel 0: it has no value for no part"),
        (RECALL | {"part_channel": 5}, "part_channel 5: there are 3 condition channels, from 0"),
        (RECALL | {"place_channels": (0, 4)}, "place_channels 4: there are 3 condition channels, from 0"),
        (RECALL | {"condition_sizes": [129, 66, 25]}, "place_channels [0, 0]: a channel of them has more than 128"),
        ({"told_sections": 0}, "model.config.told_sections"),
        ({"section_channel": 3}, "section_channel 3: there are 3 condition channels, from 0"),
        ({"shift_channel": 9}, "shift_channel 9: there are 3 condition channels, from 0"),
        ({"section_channel": -1}, "model.config.section_channel: Input should be greater than or equal to 0"),
        ({"first_pitch": 13}, "first_pitch 13: 128 pitches do not fit into a vocabulary of 140"),
        ({"vocabulary_size": 2**15 + 1}, "model.config.vocabulary_size"),
        ({"num_summaries": 65}, "model.config.num_summaries"),
        ({"window": 0}, "model.config.window"),
        ({"dropout": 1.0}, "model.config.dropout"),
        ({"width": 2**20}, "parameters are too many (limit: 2147483648)"),
        ({"num_layers": 2**40}, "parameters are too many"),
        ({"source_width": 2**40}, "parameters are too many"),
        ({"condition_sizes": [2**40] * 3}, "parameters are too many"),
        ({"summaries": 3}, "model.config.summaries: Extra inputs are not permitted"),
    ],
)
def test_impossible_sizes_are_one_clear_line(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        build_model("form", {**SMALL, **values})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_channels_that_are_not_heard_need_not_be_there() -> None:
    unheard = {"num_summaries": 0, "source_width": 0, "section_channel": 9, "shift_channel": 9, "first_pitch": 99}
    build_model("form", {**SMALL, **unheard})


def _multiplications(model: Form, num_tokens: int, before: int, section: int) -> int:
    """Counted in the step after so many tokens, the last of them in section ``before``."""
    ids = torch.randint(VOCABULARY, (1, num_tokens + 1))
    channels = torch.zeros(1, num_tokens + 1, len(SIZES), dtype=torch.int64)
    channels[0, :, 1] = torch.arange(num_tokens + 1) * (before + 1) // max(num_tokens, 1)
    channels[0, max(0, num_tokens - 1) :, 1] = before
    channels[0, num_tokens, 1] = section
    conditions = Conditions(channels, torch.arange(-1, num_tokens)[None])
    state = model(ids[:, :-1], None, part(conditions, 0, num_tokens))[1] if num_tokens else None
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(ids[:, -1:], state, part(conditions, num_tokens, num_tokens + 1))
    return counter.get_total_flops() // 2


def _bytes(state: Any) -> int:
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    return sum(map(_bytes, state)) if isinstance(state, tuple) else 0
