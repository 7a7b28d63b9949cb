"""What positions are, by hand, and what they depend on."""

from __future__ import annotations

import torch

from ritornello.modules.positions import DistanceBias, alibi_slopes, rotate, sinusoids


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


def test_sinusoids_by_hand() -> None:
    """Width 4: speeds 1 and 1/100; far away still exact to float64, wherever one begins."""
    near = sinusoids(1, 2, torch.zeros(4, dtype=torch.float64))
    expected = [
        [0.8414709848, 0.0099998333, 0.5403023059, 0.9999500004],
        [0.9092974268, 0.0199986667, -0.4161468365, 0.9998000067],
    ]
    assert torch.allclose(near, torch.tensor(expected, dtype=torch.float64), atol=1e-9)
    like = torch.zeros(8)
    assert torch.equal(sinusoids(100_000, 9, like)[5], sinusoids(100_005, 1, like)[0])


def test_slopes_of_powers_of_two_and_between() -> None:
    assert alibi_slopes(8) == tuple(2.0**-h for h in range(1, 9))
    assert alibi_slopes(1) == (2.0**-8,)
    assert alibi_slopes(6) == (2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3)
