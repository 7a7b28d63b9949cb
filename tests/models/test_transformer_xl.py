"""Transformer-XL against its four terms written out, values and gradients; its sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import linear

from ritornello.errors import UserError
from ritornello.models.transformer_xl import Layer, TransformerXl, TransformerXlConfig
from ritornello.training.build import build_model

SMALL: dict[str, Any] = {"vocabulary_size": 11, "width": 16, "num_heads": 2, "num_layers": 3, "feedforward_width": 24}


def small(**values: Any) -> TransformerXl:
    torch.manual_seed(0)
    model = TransformerXl(TransformerXlConfig(**{**SMALL, **values})).double().eval()
    for parameter in model.parameters():  # u, v and biases too
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def written_out(model: TransformerXl, ids_BT: Tensor) -> Tensor:
    """Logits with all pairs of positions at once; what lies in another segment is heard without a gradient."""
    config, stack = model.config, model.stack
    x_BTD = model.embedding(ids_BT)
    positions = torch.arange(ids_BT.shape[1])
    own = positions[:, None] // config.segment == positions // config.segment
    first = (positions // config.segment * config.segment - config.memory)[:, None]
    heard = (positions <= positions[:, None]) & (positions >= first)
    for layer in stack.layers:
        x_BTD = x_BTD + attended(x_BTD, layer, stack, own, heard)
        x_BTD = x_BTD + layer.feedforward(layer.feedforward_norm(x_BTD))
    return model.head(stack.norm(x_BTD))


def attended(x: Tensor, layer: Layer, stack: Any, own: Tensor, heard: Tensor) -> Tensor:
    H, attention = layer.attention.num_heads, layer.attention
    K = x.shape[-1] // H

    def heads(y: Tensor) -> Tensor:
        return y.unflatten(-1, (H, K))

    def keys_values(y: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = attention.project_heard(layer.attention_norm(y)).chunk(2, dim=-1)
        return heads(keys), heads(values)

    q = heads(attention.project_query(layer.attention_norm(x)))
    (k, v), (far_k, far_v) = keys_values(x), keys_values(x.detach())
    distances = torch.arange(x.shape[1])[:, None] - torch.arange(x.shape[1])
    angles = distances[..., None] * 10000.0 ** (-torch.arange(0, H * K, 2, dtype=torch.float64) / (H * K))
    r = heads(linear(torch.cat([angles.sin(), angles.cos()], dim=-1), attention.project_distance.weight))
    a = torch.where(own, torch.einsum("bihk,bjhk->bhij", q, k), torch.einsum("bihk,bjhk->bhij", q, far_k))
    b = torch.einsum("bihk,ijhk->bhij", q, r)
    u, w = stack.content_bias_HK, stack.distance_bias_HK
    by_key = [torch.einsum("hk,bjhk->bhj", u, keys)[:, :, None] for keys in (k, far_k)]
    c = torch.where(own, *by_key)
    d = torch.einsum("hk,ijhk->hij", w, r)
    weights = ((a + b + c + d) / K**0.5).masked_fill(~heard, float("-inf")).softmax(dim=-1)
    from_own = torch.einsum("bhij,bjhk->bihk", weights * own, v)
    return attention.project_out((from_own + torch.einsum("bhij,bjhk->bihk", weights * ~own, far_v)).flatten(2))


def in_chunks(model: TransformerXl, ids: Tensor, sizes: list[int]) -> Tensor:
    logits, state = [], None
    for chunk in ids.split_with_sizes([*sizes, ids.shape[1] - sum(sizes)], dim=1):
        if chunk.shape[1]:
            new, state = model(chunk, state)
            logits.append(new)
    return torch.cat(logits, dim=1)


@given(
    segment=st.integers(1, 12),
    memory=st.integers(0, 20),
    sizes=st.lists(st.integers(1, 15), max_size=3),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_equals_the_four_terms_written_out(segment: int, memory: int, sizes: list[int], seed: int) -> None:
    """Logits, and the gradient of every parameter, through remembered keys and values too, in any chunks."""
    model = small(segment=segment, memory=memory, dropout=0.0).train()
    torch.manual_seed(seed)
    ids = torch.randint(11, (2, 46))
    results = []
    for logits in (in_chunks(model, ids, sizes), written_out(model, ids)):
        model.zero_grad()
        nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
        results.append([logits.detach(), *[parameter.grad for parameter in model.parameters()]])
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() < 1e-11


@torch.no_grad()
def test_a_piece_means_the_same_wherever_its_segments_begin() -> None:
    """At position 100,000 and more, of which nothing is remembered."""
    model = small(segment=10, memory=25)
    ids = torch.randint(11, (2, 70))
    state = model.new_state(2)
    there = state._replace(heard=state.heard._replace(position=100_000))
    assert (model(ids, there)[0] - model(ids)[0]).abs().max() < 1e-12


@torch.no_grad()
def test_what_is_forgotten_in_the_middle_of_a_segment_is_not_heard() -> None:
    model = small(segment=10, memory=25)
    ids = torch.randint(11, (1, 40))
    begun = [model(torch.randint(11, (1, 14)))[1] for _ in range(2)]
    remembered, forgotten = ([model(ids, s)[0] for s in states] for states in (begun, map(model.forget, begun)))
    assert (remembered[0] - remembered[1]).abs().max() > 1e-3
    assert torch.equal(*forgotten)


@torch.no_grad()
def test_little_memory_keeps_no_large_tensor_alive() -> None:
    model = small(segment=30, memory=2)
    _, state = model(torch.randint(11, (2, 60)))
    held = sum(kept.untyped_storage().nbytes() for kept in state.heard.inputs_BSD)
    assert held == model.state_bytes(2, 60)


def test_learns_under_bfloat16() -> None:
    """Through several segments; the gradient is near."""
    model = small(segment=100, memory=150).float()
    ids = torch.randint(11, (2, 400))
    gradients = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits, _ = model(ids)
        nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten()).backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < 0.1 * gradients[0].norm()


def test_counts_its_parameters() -> None:
    model = small()
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"width": 100, "num_heads": 8}, "num_heads 8 does not divide width 100"),
        ({"width": 15, "num_heads": 3}, "even width, not 15"),
        ({"segment": 0}, "model.config.segment: Input should be greater than or equal to 1"),
        ({"memory": -1}, "model.config.memory: Input should be greater than or equal to 0"),
        ({"width": 2**20, "num_heads": 2**10}, "parameters are too many (limit: 2147483648)"),
        ({"same_length": True}, "model.config.same_length: Extra inputs are not permitted"),
    ],
)
def test_impossible_sizes_are_one_clear_line(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        build_model("transformer_xl", {**SMALL, **values})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
