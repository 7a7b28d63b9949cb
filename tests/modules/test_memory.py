"""Memory as a value."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ritornello.modules.fused import FusedAttention
from ritornello.modules.horizons import Horizon, Segments, Window
from ritornello.modules.local_attention import LocalSelfAttention
from ritornello.modules.memory import (
    KVCache,
    LongCache,
    attended_in_pieces,
    empty_cache,
    empty_long_cache,
    is_step,
    joined_every,
)


@torch.no_grad()
def test_what_is_forgotten_is_freed() -> None:
    """The last positions of a long chunk do not keep all of it alive."""
    chunk = torch.randn(2, 3, 100, 4)
    cache = empty_cache(2, 3, 4, chunk).extended(chunk, chunk)
    for kept in (100, 60, 10, 0):
        last = cache.last(kept)
        assert torch.equal(last.keys_BHSK, chunk[:, :, 100 - kept :])
        assert last.keys_BHSK.untyped_storage().nbytes() <= 2 * last.keys_BHSK.numel() * 4
    assert torch.equal(cache.keys_BHSK, chunk)


@torch.no_grad()
def test_two_pieces_are_as_one_and_a_step_does_not_copy_the_old_one() -> None:
    """Over a window of 40 that moves: 8 positions between copies."""
    every = joined_every(Window(40))
    assert every == 8  # the root of 2 * 39 is 8.8
    keys, values, query = torch.randn(3, 2, 3, 100, 4, dtype=torch.float64)
    cache = LongCache.of(KVCache(keys[:, :, :30], values[:, :, :30]), 30, every)
    for stop in range(31, 101):
        new, before = KVCache(keys[:, :, stop - 1 : stop], values[:, :, stop - 1 : stop]), cache.old
        first = max(0, stop - 40)
        if stop % every:
            cache = cache.extended(new)
            expected = scaled_dot_product_attention(query[:, :, :1], keys[:, :, first:stop], values[:, :, first:stop])
            assert (attended_in_pieces(query[:, :, :1], cache) - expected).abs().max() < 1e-14
        else:
            cache = LongCache.of(cache.joined(new), stop, every)
        cache = cache.last(39)
        assert cache.recent.length == stop % every
        assert torch.equal(cache.joined().keys_BHSK, keys[:, :, max(0, stop - 39) : stop])
        if stop % every:
            assert cache.old.keys_BHSK.untyped_storage().data_ptr() == before.keys_BHSK.untyped_storage().data_ptr()


@torch.no_grad()
@pytest.mark.parametrize("horizon", [Window(40), Segments(16, 16)])
def test_a_few_positions_at_once_are_as_one_after_the_other(horizon: Horizon) -> None:
    """Whatever the chunks."""
    attention = LocalSelfAttention(12, 3, horizon, FusedAttention()).double()
    x_BTD = torch.randn(2, 90, 12, dtype=torch.float64)
    begin = empty_long_cache(2, 3, 4, x_BTD)
    single, cache = list[torch.Tensor](), begin
    for start in range(90):
        heard, cache = attention(x_BTD[:, start : start + 1], cache, start, None)
        single.append(heard)
    expected = torch.cat(single, dim=1)
    for size in (2, 5, 8, 13):
        cache, start = begin, 0
        while start < 90:
            stop = min(90, start + size)
            heard, cache = attention(x_BTD[:, start:stop], cache, start, None)
            assert (heard - expected[:, start:stop]).abs().max() < 1e-12
            start = stop


def test_a_chunk_to_learn_from_is_no_step() -> None:
    assert not is_step(1, 2, 8)
    with torch.no_grad():
        assert is_step(1, 2, 8)
        assert not is_step(7, 8, 8)
        assert not is_step(1, 3, 8)
