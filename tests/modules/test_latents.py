"""Which latents pass through a stack together: by formula, and by filling blocks one by one."""

from __future__ import annotations

import pytest

from ritornello.modules.latents import LatentBlocks


def blocks_one_by_one(latents: int, carried: int, num_positions: int) -> list[range]:
    """The block of each position: when one is full, the next begins with the last of its latents."""
    block, found = range(0), []
    for position in range(num_positions):
        if len(block) == latents:
            block = range(block.stop - carried, block.stop)
        block = range(block.start, position + 1)
        found.append(block)
    return found


@pytest.mark.parametrize(("latents", "carried"), [(1, 0), (2, 0), (2, 1), (6, 0), (6, 3), (6, 5), (7, 2)])
def test_blocks_are_those_of_a_memory_that_fills(latents: int, carried: int) -> None:
    blocks, expected = LatentBlocks(latents, carried), blocks_one_by_one(latents, carried, 40)
    assert [blocks.first_heard(position) for position in range(40)] == [block.start for block in expected]
    for position in range(40):
        begins = position - blocks.first_heard(position) in (0, carried) and blocks.start(position) == position
        assert begins == (position == 0 or len(expected[position - 1]) == latents)
        assert blocks.start(position) <= position < blocks.stop(position)
        assert blocks.stop(position) - blocks.first_heard(position) == latents


@pytest.mark.parametrize(("latents", "carried"), [(1, 0), (6, 0), (6, 3), (6, 5), (7, 2)])
def test_needed_are_the_latents_that_later_blocks_begin_with(latents: int, carried: int) -> None:
    blocks, expected = LatentBlocks(latents, carried), blocks_one_by_one(latents, carried, 40)
    for position in range(1, 25):
        later = [block.start for block in expected[position:] if block.start != expected[position - 1].start]
        assert blocks.first_needed(position) == min(later)
    for start in range(25):
        for stop in range(start, 40):
            whole = sum(
                len(expected[p]) == latents and start <= p - blocks.added + 1 for p in range(max(start, latents), stop)
            )
            begins = start > 0 and blocks.start(start) == start
            assert blocks.num_whole(start, stop) == (whole if begins else 0)
