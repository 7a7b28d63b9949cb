"""Rotary positions depend on distance alone."""

from __future__ import annotations

import torch

from ritornello.modules.positions import DistanceBias, rotate


def test_products_depend_on_the_distance_alone() -> None:
    queries, keys = torch.randn(1, 1, 4, 6, dtype=torch.float64), torch.randn(1, 1, 4, 6, dtype=torch.float64)
    near = rotate(queries, 0) @ rotate(keys, 0).transpose(-1, -2)
    far = rotate(queries, 70) @ rotate(keys, 70).transpose(-1, -2)
    assert torch.allclose(near, far, atol=1e-10)
    assert torch.allclose(rotate(queries, 3)[:, :, 1:], rotate(queries[:, :, 1:], 4), atol=1e-12)


def test_position_zero_is_not_turned() -> None:
    x = torch.randn(2, 3, 1, 8)
    assert torch.equal(rotate(x, 0), x)


def test_distances_beyond_the_table_share_its_last_number() -> None:
    bias = DistanceBias(2, 3)
    bias.bias.data = torch.tensor([[0.0, 1.0, 2.0], [5.0, 6.0, 7.0]])
    assert bias(torch.tensor([[0, 2, 9]])).tolist() == [[[0.0, 2.0, 2.0]], [[5.0, 7.0, 7.0]]]
