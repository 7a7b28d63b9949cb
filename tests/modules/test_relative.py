"""Relative attention in tiles equals the published ways to compute it, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.modules import relative
from ritornello.modules.horizons import Horizon, Segments, Window
from ritornello.modules.relative import RelativeAttention
from tests.modules.relative_references import global_skew, local_skew, naive

HEADS, HEAD_WIDTH = 3, 4


def inputs(length: int, past: int = 0, pieces: int = 2) -> list[Tensor]:
    """Queries, keys and values in float64."""
    sizes = (length, past + length, past + length)
    return [torch.randn(pieces, HEADS, size, HEAD_WIDTH, dtype=torch.float64) for size in sizes]


def attention(max_distance: int, *, with_uv: bool = True) -> RelativeAttention:
    module = RelativeAttention(HEADS, HEAD_WIDTH, max_distance, with_uv=with_uv).double()
    for parameter in module.parameters():
        parameter.data = torch.randn_like(parameter)
    return module


def biases(module: RelativeAttention) -> tuple[Tensor, Tensor]:
    zeros = torch.zeros(HEADS, HEAD_WIDTH, dtype=torch.float64)
    u, v = module.content_bias_HK, module.distance_bias_HK
    return (zeros if u is None else u, zeros if v is None else v)


def compare(module: RelativeAttention, qkv: list[Tensor], start: int, horizon: Horizon, other: Callable[..., Tensor]):
    """Both results, and both gradients of everything, to 1e-10."""
    results = []
    for compute in (lambda *x: module(*x, horizon, start), other):
        leaves = [x.clone().requires_grad_() for x in qkv]
        module.zero_grad()
        heard = compute(*leaves)
        weights = torch.linspace(-1, 1, heard.numel(), dtype=torch.float64).view(heard.shape)
        (heard * weights).sum().backward()
        results.append([heard, *[x.grad for x in [*leaves, *module.parameters()]]])
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() < 1e-10


@given(
    length=st.integers(1, 40),
    past=st.integers(0, 30),
    max_distance=st.integers(1, 50),
    horizon=st.builds(Window, st.integers(1, 40)) | st.builds(Segments, st.integers(1, 40), st.integers(0, 40)),
    tile=st.integers(1, 12),
    group=st.sampled_from([1, 60, 10**6]),
    with_uv=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_equals_a_gathered_vector_for_every_pair(
    length: int, past: int, max_distance: int, horizon: Horizon, tile: int, group: int, with_uv: bool
) -> None:
    """Under any horizon, with keys carried along, past every border of tiles, windows and blocks."""
    torch.manual_seed(length)
    start = 7 + past
    carried = min(past, start - horizon.first_heard(start))
    module = attention(max_distance, with_uv=with_uv)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relative, "TILE", tile)
        patch.setattr(relative, "GROUP_NUMBERS", group)
        compare(
            module,
            inputs(length, carried),
            start,
            horizon,
            lambda q, k, v: naive(q, k, v, module.distances_HRK, biases(module), horizon, start),
        )


@pytest.mark.parametrize("max_distance", [1, 100, 300, 400])
@pytest.mark.parametrize("past", [0, 60])
def test_equals_the_global_skew(max_distance: int, past: int) -> None:
    torch.manual_seed(1)
    module = attention(max_distance)
    compare(
        module,
        inputs(300, past),
        past,
        Window(1000),
        lambda q, k, v: global_skew(q, k, v, module.distances_HRK, biases(module)),
    )


@pytest.mark.parametrize("max_distance", [1, 30, 100])
def test_equals_the_local_skew(max_distance: int) -> None:
    torch.manual_seed(2)
    module = attention(max_distance)
    compare(
        module,
        inputs(200),
        0,
        Segments(40, 40),
        lambda q, k, v: local_skew(q, k, v, module.distances_HRK, biases(module), 40),
    )


def test_distances_beyond_the_table_count_nothing() -> None:
    """By hand: one head of width 1, the query 1 everywhere, keys 0, so a logit is the table's number or 0."""
    module = RelativeAttention(1, 1, 2, with_uv=False)
    module.distances_HRK.data = torch.tensor([[[2.0], [3.0]]])  # distance 1, then distance 0
    values = torch.tensor([1.0, 10.0, 100.0]).view(1, 1, 3, 1)
    heard = module(torch.ones(1, 1, 3, 1), torch.zeros(1, 1, 3, 1), values, Window(3), 0)
    e0, e2, e3 = 1.0, 2.718281828459045**2, 2.718281828459045**3
    expected = [1.0, (e2 + 10 * e3) / (e2 + e3), (e0 + 10 * e2 + 100 * e3) / (e0 + e2 + e3)]
    assert torch.allclose(heard.flatten(), torch.tensor(expected), atol=1e-4)


def test_bfloat16_is_near() -> None:
    torch.manual_seed(3)
    module = attention(200).float()
    qkv = [x.float() for x in inputs(300)]
    heard = {}
    for dtype in (torch.float32, torch.bfloat16):
        leaves = [x.to(dtype, copy=True).requires_grad_() for x in qkv]
        module.zero_grad()
        result = module(*leaves, Window(250), 0)
        result.float().square().sum().backward()
        heard[dtype] = [result, *[x.grad for x in [*leaves, *module.parameters()]]]
        assert result.dtype == dtype
    for exact, rounded in zip(*heard.values(), strict=True):
        assert (exact - rounded).norm() < 0.05 * exact.norm()
