"""Who hears what, by hand and in tiles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ritornello.modules.horizons import Horizon, Segments, Window, heard_by

sizes = st.integers(1, 20)
horizons = st.builds(Window, sizes) | st.builds(Segments, sizes, st.integers(0, 30))


def test_a_window_by_hand() -> None:
    assert [Window(3).first_heard(p) for p in range(6)] == [0, 0, 0, 1, 2, 3]


def test_segments_by_hand() -> None:
    assert [Segments(3, 3).first_heard(p) for p in range(10)] == [0, 0, 0, 0, 0, 0, 3, 3, 3, 6]
    assert [Segments(3, 1).first_heard(p) for p in range(10)] == [0, 0, 0, 2, 2, 2, 5, 5, 5, 8]
    assert [Segments(2, 5).first_heard(p) for p in range(10)] == [0, 0, 0, 0, 0, 0, 1, 1, 3, 3]


def test_a_mask_by_hand() -> None:
    assert heard_by(Segments(2, 1), 5).int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 1, 1],
    ]


@given(horizons, st.integers(0, 50), st.integers(0, 60), st.integers(1, 25))
def test_tiles_hold_every_query_once_and_say_what_it_hears(
    horizon: Horizon, start: int, length: int, tile: int
) -> None:
    tiles = list(horizon.tiles(start, start + length, tile))
    assert [p for t in tiles for p in range(t.start, t.stop)] == list(range(start, start + length))
    for t in tiles:
        assert 0 < t.stop - t.start <= tile
        for p in range(t.start, t.stop):
            assert max(t.first, p - horizon.reach) == horizon.first_heard(p)


@given(horizons, st.integers(0, 200))
def test_what_is_forgotten_is_never_heard_again(horizon: Horizon, position: int) -> None:
    assert horizon.first_heard(position) <= horizon.first_heard(position + 1)
