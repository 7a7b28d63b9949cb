"""Memory as a value."""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

from ritornello.modules.horizons import Window
from ritornello.modules.memory import KVCache, LongCache, attended_in_pieces, empty_cache, joined_every


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
