"""Attention in tiles through the fused kernel equals attention written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.modules import fused
from ritornello.modules.fused import AlibiAttention, fused_attention
from ritornello.modules.horizons import Horizon, Segments, Window
from ritornello.modules.positions import alibi_slopes

HEADS, HEAD_WIDTH = 3, 4


@given(
    length=st.integers(1, 40),
    past=st.integers(0, 30),
    horizon=st.builds(Window, st.integers(1, 40)) | st.builds(Segments, st.integers(1, 40), st.integers(0, 40)),
    tile=st.integers(1, 12),
    with_slopes=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_equals_attention_written_out(length: int, past: int, horizon: Horizon, tile: int, with_slopes: bool) -> None:
    """Forward and backward, under any horizon, with keys carried along."""
    torch.manual_seed(length)
    start = 7 + past
    carried = min(past, start - horizon.first_heard(start))
    sizes = (length, carried + length, carried + length)
    qkv = [torch.randn(2, HEADS, n, HEAD_WIDTH, dtype=torch.float64, requires_grad=True) for n in sizes]
    attend = AlibiAttention(HEADS) if with_slopes else fused_attention
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "TILE", tile)
        ours = attend(*qkv, horizon, start)
    queries = torch.arange(start, start + length)[:, None]
    keys = torch.arange(start - carried, start + length)
    first = torch.tensor([horizon.first_heard(int(p)) for p in queries])[:, None]
    logits = qkv[0] @ qkv[1].mT * HEAD_WIDTH**-0.5
    if with_slopes:
        logits = logits - torch.tensor(alibi_slopes(HEADS), dtype=torch.float64)[:, None, None] * (queries - keys)
    logits = logits.masked_fill((keys > queries) | (keys < first), float("-inf"))
    theirs = logits.softmax(dim=-1) @ qkv[2]
    weights = torch.randn_like(ours)
    assert (ours - theirs).abs().max() < 1e-10
    gradients = [torch.autograd.grad((x * weights).sum(), qkv) for x in (ours, theirs)]
    assert all((a - b).abs().max() < 1e-10 for a, b in zip(*gradients, strict=True))
