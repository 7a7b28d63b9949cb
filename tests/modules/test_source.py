"""A source is heard around its place, and never ahead."""

from __future__ import annotations

import torch

from ritornello.modules.memory import empty_cache
from ritornello.modules.source import FRAMES_AFTER, FRAMES_BEFORE, SourceAttention

WIDTH, NUM_FRAMES = 8, 60


def heard_frames(frame: int, source: int) -> list[int]:
    """Which of 60 frames change what is heard after ``frame`` when its source is at ``source``."""
    torch.manual_seed(0)
    attention = SourceAttention(WIDTH, 2).double()
    content = torch.randn(1, NUM_FRAMES, WIDTH, dtype=torch.float64, requires_grad=True)
    cache = attention.remember(content, empty_cache(1, 2, WIDTH // 2, content))
    sources = torch.full((1, NUM_FRAMES), -1)
    sources[0, frame] = source
    heard = attention(torch.randn(1, NUM_FRAMES, WIDTH, dtype=torch.float64), sources, cache)
    others = [f for f in range(NUM_FRAMES) if f != frame]
    assert not heard[0, others].any(), "where no source is named, nothing is heard"
    heard[0, frame].sum().backward()
    assert content.grad is not None
    return content.grad[0].abs().sum(-1).nonzero().flatten().tolist()


def test_hears_the_frames_around_the_source() -> None:
    assert heard_frames(50, 20) == list(range(20 - FRAMES_BEFORE, 20 + FRAMES_AFTER + 1))


def test_hears_nothing_ahead() -> None:
    assert heard_frames(30, 25) == list(range(25 - FRAMES_BEFORE, 31))
    assert heard_frames(10, 40) == []
