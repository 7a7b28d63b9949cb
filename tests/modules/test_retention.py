"""What is kept of the past: never more than stated, never what was let go before."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ritornello.modules.retention import EVERYTHING, SCHEDULES, Recent, Sampled, Strided

BOUNDED = [name for name in SCHEDULES if name != "full"]


@pytest.mark.parametrize("name", SCHEDULES)
@given(num_layers=st.integers(1, 9), budget=st.integers(0, 500), segment=st.integers(1, 40), borders=st.integers(1, 12))
def test_nothing_comes_back_and_all_is_in_order(
    name: str, num_layers: int, budget: int, segment: int, borders: int
) -> None:
    for retention in SCHEDULES[name](num_layers, budget):
        before = set[int]()
        for border in range(segment, segment * (borders + 1), segment):
            kept = retention.kept(border).tolist()
            assert kept == sorted(set(kept))
            assert set(kept) <= before | set(range(border - segment, border))
            before = set(kept)


@pytest.mark.parametrize("name", BOUNDED)
@given(num_layers=st.integers(1, 24), budget=st.integers(0, 5000), border=st.integers(0, 3000))
def test_the_budget_is_kept(name: str, num_layers: int, budget: int, border: int) -> None:
    retentions = SCHEDULES[name](num_layers, budget)
    assert len(retentions) == num_layers
    assert sum(retention.size for retention in retentions) <= budget
    assert all(len(r.kept(border)) <= min(r.size, border) for r in retentions)


@pytest.mark.parametrize("name", [name for name in BOUNDED if name != "strided"])
def test_the_budget_is_used(name: str) -> None:
    """But for what whole numbers leave over."""
    kept = sum(len(retention.kept(100_000)) for retention in SCHEDULES[name](4, 16_384))
    assert 16_384 - 8 <= kept <= 16_384


def test_the_schedules_of_four_layers() -> None:
    sizes = {name: [r.size for r in SCHEDULES[name](4, 16_384)] for name in SCHEDULES}
    assert sizes == {
        "full": [EVERYTHING] * 4,
        "uniform": [4096] * 4,
        "two_scale": [13_312, 1024, 1024, 1024],
        "reverse_two_scale": [1024, 1024, 1024, 13_312],
        "ascending": [1638, 3276, 4915, 6553],
        "descending": [6553, 4915, 3276, 1638],
        "sliding": [4096] * 4,
        "strided": [4096] * 4,
        "random": [4096] * 4,
        "temporal_pruning": [16_384, 0, 0, 0],
    }


def test_what_is_kept_worked_out_by_hand() -> None:
    assert Recent(3).kept(10).tolist() == [7, 8, 9]
    assert Recent(3).kept(2).tolist() == [0, 1]
    assert Strided(4).kept(16).tolist() == [0, 4, 8, 12]
    assert Strided(4).kept(17).tolist() == [0, 8, 16]
    assert Strided(0).kept(9).tolist() == []


def test_a_sample_is_even_over_the_past() -> None:
    """Mean and spread of the places drawn, over many seeds, are those of even draws."""
    places = torch.cat([Sampled(50, seed).kept(1000) for seed in range(100)]).double()
    assert abs(places.mean() - 499.5) < 4 * 288.7 / 5000**0.5
    assert abs(places.std() - 288.7) < 6
    assert len({tuple(Sampled(5, seed).kept(1000).tolist()) for seed in range(20)}) == 20
