"""Sums of embeddings, and dropout by the byte."""

from __future__ import annotations

import torch

from ritornello.modules.dropout import Dropout, dropped
from ritornello.modules.features import FeatureSum


def test_each_feature_has_its_own_table() -> None:
    features = FeatureSum((3, 2), 4)
    rows = features.table.weight
    assert torch.allclose(features(torch.tensor([[2, 1]])), (rows[3] + rows[5])[None])
    assert torch.allclose(features(torch.tensor([[FeatureSum.NOTHING, 0]])), rows[4][None])
    assert not features(torch.full((1, 5, 2), FeatureSum.NOTHING)).any()


def test_no_features_are_zero() -> None:
    assert FeatureSum((), 4)(torch.zeros(2, 3, 0, dtype=torch.int64)).shape == (2, 3, 4)


def test_features_are_left_out_in_training_only() -> None:
    torch.manual_seed(0)
    features = FeatureSum((2,), 4, dropout=0.5)
    ids = torch.ones(1000, 1, dtype=torch.int64)
    left_out = (features.train()(ids) == 0).all(-1).float().mean().item()
    assert 0.4 < left_out < 0.6
    assert features.eval()(ids).any(-1).all()


def test_dropout_keeps_the_mean_and_follows_the_seed() -> None:
    layer, x = Dropout(0.3).train(), torch.ones(50, 1001)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert abs(first.mean().item() - 1) < 0.02
    assert abs((first == 0).float().mean().item() - 0.3) < 0.01
    assert torch.equal(layer.eval()(x), x)


def test_rate_zero_drops_nothing() -> None:
    assert not dropped((999,), 0.0, torch.device("cpu")).any()
