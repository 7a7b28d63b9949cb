"""Museformer: against a dense reference, token by token; what it hears, forgets and states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.models.museformer import Museformer, MuseformerConfig, MuseformerState
from ritornello.modules import fine_and_coarse, gathered

TINY = {"vocabulary_size": 20, "width": 16, "num_heads": 2, "feedforward_width": 24, "fine_spans": (1, 2, 4)}
KINDS: dict[str, dict[str, Any]] = {
    "bars": {"bar_ids": (3, 8, 9, 14, 17)},
    "stretches": {"first_shift": 10, "num_shifts": 4, "span_steps": 4},
    "long stretches": {"first_shift": 10, "num_shifts": 4, "span_steps": 30},
    "one span": {"first_shift": 10, "num_shifts": 4, "span_steps": 9999},
}


def build(kind: str, num_layers: int = 2, **values: Any) -> Museformer:
    torch.manual_seed(0)
    config = MuseformerConfig.model_validate({**TINY, "num_layers": num_layers, **KINDS[kind], **values})
    model = Museformer(config)
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.double().eval()


def random_ids(seed: int, rows: int = 3, length: int = 60) -> Tensor:
    return torch.randint(20, (rows, length), generator=torch.Generator().manual_seed(seed))


def spans_of(model: Museformer, ids_BT: Tensor) -> Tensor:
    return model.config.span_rule.count(ids_BT, torch.zeros(len(ids_BT), dtype=torch.int64))[0]  # type: ignore[attr-defined]


def turned(x_HK: Tensor, position: int) -> Tensor:
    """By complex numbers."""
    half = x_HK.shape[-1] // 2
    angles = position * 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    z = torch.complex(x_HK[:, :half], x_HK[:, half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([z.real, z.imag], dim=-1)


def heard(q_HK: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """One query, its keys and values one by one."""
    logits = torch.stack([(q_HK * key).sum(-1) for key, _ in pairs]) / q_HK.shape[-1] ** 0.5
    return (logits.softmax(dim=0)[..., None] * torch.stack([value for _, value in pairs])).sum(0).flatten()


def reference(model: Museformer, ids_T: Tensor) -> Tensor:
    """Logits (T, V) of one piece, by the words of the paper: no tiles, no tables, no state."""
    stack, config = model.stack, model.config
    spans = spans_of(model, ids_T[None])[0].tolist()
    last = {span: t for t, span in enumerate(spans) if span != spans[-1]}  # of the spans that are over
    tokens = list(model.embedding(ids_T))
    summaries = dict.fromkeys(last, stack.summary_D)
    H = config.num_heads
    for layer in stack.layers:

        def projected(x_D: Tensor, position: int, layer: Any = layer) -> tuple[Tensor, Tensor, Tensor]:
            q, k, v = layer.project_in(layer.attention_norm(x_D)).view(3, H, -1)
            return turned(q, position), turned(k, position), v

        def after(x_D: Tensor, heard_D: Tensor, layer: Any = layer) -> Tensor:
            x_D = x_D + layer.project_out(heard_D)
            return x_D + layer.feedforward(layer.feedforward_norm(x_D))

        of_tokens = [projected(x, t) for t, x in enumerate(tokens)]
        coarse, next_summaries = {}, {}
        for span, x in summaries.items():
            q, k, v = projected(x, last[span])
            said = heard(q, [*(pair[1:] for t, pair in enumerate(of_tokens) if spans[t] == span), (k, v)])
            key, value = layer.project_summary(said).view(2, H, -1)
            coarse[span] = turned(key, last[span]), value
            next_summaries[span] = after(x, said)
        next_tokens = []
        for t, x in enumerate(tokens):
            fine = {spans[t] - distance for distance in (0, *config.fine_spans)}
            pairs = [pair[1:] for j, pair in enumerate(of_tokens[: t + 1]) if spans[j] in fine]
            pairs += [pair for span, pair in coarse.items() if span < spans[t] and span not in fine]
            next_tokens.append(after(x, heard(of_tokens[t][0], pairs)))
        tokens, summaries = next_tokens, next_summaries
    return model.head(stack.norm(torch.stack(tokens)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@torch.no_grad()
def test_rows_with_other_spans_are_what_the_paper_says(kind: str, num_layers: int) -> None:
    model, ids = build(kind, num_layers), random_ids(1)
    logits, _ = model(ids)
    for row, ids_T in zip(logits, ids, strict=True):
        assert (row - reference(model, ids_T)).abs().max() <= 1e-12


@given(tile=st.integers(1, 9), pairs=st.integers(1, 300), step=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
@torch.no_grad()
def test_tiles_of_any_size_and_number_together(tile: int, pairs: int, step: int, seed: int) -> None:
    model, ids = build("long stretches"), random_ids(seed)
    usual, _ = model(ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fine_and_coarse, "TILE", tile)
        patch.setattr(gathered, "MOST_PAIRS", pairs)
        patch.setattr(gathered, "STEP", step)
        other, _ = model(ids)
    assert (usual - other).abs().max() <= 1e-12
