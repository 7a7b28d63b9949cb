"""Attention to a memory and to the own segment, against torch's with a mask written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from ritornello.modules import recurrent_attention as recurrent_attention_module
from ritornello.modules.memory import KVCache
from ritornello.modules.recurrent_attention import recurrent_attention


@pytest.mark.parametrize("in_tiles", [False, True])
@pytest.mark.parametrize("reach", [None, 3, 8])
@given(M=st.integers(0, 9), past=st.integers(0, 4), T=st.integers(1, 6), groups=st.sampled_from([1, 2, 4]))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equals_one_attention_with_a_mask(
    monkeypatch: pytest.MonkeyPatch, in_tiles: bool, reach: int | None, M: int, past: int, T: int, groups: int
) -> None:
    monkeypatch.setattr(recurrent_attention_module, "TILE", 2)
    monkeypatch.setattr(recurrent_attention_module, "MOST_LOGITS", 0 if in_tiles else 1000)
    torch.manual_seed(0)
    B, G, K, S = 2, 4 // groups, 6, past + T
    q = torch.randn(B, 4, T, K, dtype=torch.float64, requires_grad=True)
    keys, values = (torch.randn(B, G, M + S, K, dtype=torch.float64, requires_grad=True) for _ in range(2))
    distances = torch.arange(M + past, M + S)[:, None] - torch.arange(M + S)
    unheard = (distances < 0) if reach is None else (distances < 0) | (distances > reach)
    loudness = torch.randn(4, dtype=torch.float64, requires_grad=True)
    louder = torch.cat([loudness[:, None, None].expand(-1, T, M), torch.zeros(4, T, S, dtype=torch.float64)], dim=2)
    mask = louder.masked_fill(unheard, float("-inf"))
    repeated = [t.repeat_interleave(groups, dim=1) for t in (keys, values)]
    expected = scaled_dot_product_attention(q, *repeated, attn_mask=mask)
    memory, own = (KVCache(keys[:, :, part], values[:, :, part]) for part in (slice(M), slice(M, None)))
    heard = recurrent_attention(q, memory, own, reach, loudness)
    assert (heard - expected).abs().max() < 1e-12
    weights = torch.randn_like(heard)
    for ours, theirs in zip(
        torch.autograd.grad((heard * weights).sum(), (q, keys, values, loudness)),
        torch.autograd.grad((expected * weights).sum(), (q, keys, values, loudness)),
        strict=True,
    ):
        assert (ours - theirs).abs().max() < 1e-12
