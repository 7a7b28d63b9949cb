"""Who hears what, by hand and in tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.modules.horizons import Blocks, Horizon, Window


def test_a_window_by_hand() -> None:
    assert [Window(3).first_heard(p) for p in range(6)] == [0, 0, 0, 1, 2, 3]


def test_blocks_by_hand() -> None:
    assert [Blocks(3).first_heard(p) for p in range(10)] == [0, 0, 0, 0, 0, 0, 3, 3, 3, 6]


@pytest.mark.parametrize("make", [Window, Blocks])
@given(size=st.integers(1, 20), start=st.integers(0, 50), length=st.integers(0, 60), tile=st.integers(1, 25))
def test_tiles_hold_every_query_once_and_say_what_it_hears(
    make: type, size: int, start: int, length: int, tile: int
) -> None:
    horizon: Horizon = make(size)
    tiles = list(horizon.tiles(start, start + length, tile))
    assert [p for t in tiles for p in range(t.start, t.stop)] == list(range(start, start + length))
    for t in tiles:
        assert 0 < t.stop - t.start <= tile
        for p in range(t.start, t.stop):
            assert max(t.first, p - horizon.reach) == horizon.first_heard(p)


@pytest.mark.parametrize("make", [Window, Blocks])
@given(size=st.integers(1, 20), position=st.integers(0, 200))
def test_what_is_forgotten_is_never_heard_again(make: type, size: int, position: int) -> None:
    horizon: Horizon = make(size)
    assert horizon.first_heard(position) <= horizon.first_heard(position + 1)
