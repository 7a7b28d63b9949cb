"""Memory as a value."""

from __future__ import annotations

import torch

from ritornello.modules.memory import empty_cache


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
