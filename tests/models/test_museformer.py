"""Museformer: against the paper written out, token by token; what it hears, forgets and states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ritornello.models.attention import attention
from ritornello.models.museformer import Museformer, MuseformerConfig
from ritornello.modules import fine_and_coarse, gathered
from ritornello.modules.spans import SpanRule

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


def rule_of(model: Museformer) -> SpanRule:
    assert isinstance(model.config, MuseformerConfig)
    return model.config.span_rule


def spans_of(model: Museformer, ids_T: Tensor) -> list[int]:
    return rule_of(model).count(ids_T[None], torch.tensor([0]))[0][0].tolist()


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


def reference(model: Museformer, ids_T: Tensor, spans: list[int]) -> Tensor:
    """Logits (T, V) of one piece, by the words of the paper: no tiles, no tables, no state."""
    stack, config = model.stack, model.config
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
        assert (row - reference(model, ids_T, spans_of(model, ids_T))).abs().max() <= 1e-12


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("middle", [1, 23, 24, 25, 26])
@torch.no_grad()
def test_what_was_forgotten_counts_for_nothing_but_the_spans(kind: str, middle: int) -> None:
    """The rest is a piece of its own, whose first span is what is left of the one that was going on."""
    model, ids = build(kind), random_ids(2)
    _, state = model(ids[:, :middle])
    rest, _ = model(ids[:, middle:], model.forget(state))
    for row, ids_T in zip(rest, ids, strict=True):
        # positions are relative, so it does not matter that the reference begins at 0
        assert (row - reference(model, ids_T[middle:], spans_of(model, ids_T)[middle:])).abs().max() <= 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_come_from_fine_tokens_alone_where_summaries_are_mute(kind: str) -> None:
    """In one layer; and from all tokens before where they are not."""
    model, (ids,) = build(kind, num_layers=1), random_ids(3, rows=1)
    spans_to_summaries, fine_and_coarse_TT = model.hears(ids).values()
    spans = spans_of(model, ids)
    fine = [[spans[t] - spans[j] in (0, 1, 2, 4) and j <= t for j in range(len(spans))] for t in range(len(spans))]
    assert learned_from(model, ids) == torch.ones(60, 60).tril().bool().tolist()
    assert ((fine_and_coarse_TT.int() @ spans_to_summaries.int()) > 0).tolist() == learned_from(model, ids)
    model.get_parameter("stack.layers.0.project_summary.weight").data.zero_()
    assert learned_from(model, ids) == fine
    for t in range(len(spans)):
        only_coarse = fine_and_coarse_TT[t] & ~torch.tensor(fine[t])
        ends = {j for j in range(t) if spans[j + 1] > spans[j] and spans[t] - spans[j] not in (1, 2, 4)}
        assert set(only_coarse.nonzero()[:, 0].tolist()) == ends


def learned_from(model: Museformer, ids_T: Tensor) -> list[list[bool]]:
    """Row t: the tokens from which a gradient of the logits at t comes."""
    inputs: list[Tensor] = []
    hook = model.embedding.register_forward_hook(lambda *call: inputs.append(call[-1]))
    logits, _ = model(ids_T[None])
    hook.remove()
    rows = [torch.autograd.grad(row.square().sum(), inputs, retain_graph=True)[0] for row in logits[0]]
    return [(row[0] != 0).any(dim=-1).tolist() for row in rows]


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_little_is_computed_that_nobody_hears(kind: str) -> None:
    """Every tile gathers what its last query hears and not a key more; tiles are filled up by an eighth at most."""
    model, ids = build(kind), random_ids(4, rows=4, length=700)
    spans = torch.tensor([spans_of(model, row) for row in ids])
    to = fine_and_coarse.hearing(spans, 300, (1, 2, 4), rule_of(model))
    asked = to.tokens.queries.tolist()
    expected = {}
    for row in range(4):
        ends = [j for j in range(699) if spans[row, j + 1] > spans[row, j]]
        for t in range(300):
            near = (spans[row, 400 + t] - spans[row, : 401 + t]).tolist()
            fine = sum(distance in (0, 1, 2, 4) for distance in near)
            expected[row * 300 + t] = fine + sum(j < 400 + t and near[j] not in (0, 1, 2, 4) for j in ends)
    place, computed, needed = 0, 0, 0
    for (G, Q, M), heard_G1QM in to.tokens.groups:
        counts_GQ = heard_G1QM.sum(-1)[:, 0].tolist()
        for counts in counts_GQ:
            most = max(expected[asked[place + q]] for q in range(Q))
            for count in counts:
                if to.tokens.places_P[asked[place]] == place:  # not one that fills up
                    assert count == expected[asked[place]]
                place += 1
            needed += Q * most
        computed += G * Q * M
    assert computed <= 9 / 8 * needed


@torch.no_grad()
def test_performances_with_a_keyboard() -> None:
    """Any chunks, with performance events and the defaults for spans."""
    config = {"vocabulary_size": 391, "width": 16, "num_heads": 2, "num_layers": 2, "feedforward_width": 24}
    torch.manual_seed(0)
    model = Museformer(MuseformerConfig.model_validate({**config, "keyboard": True})).double().eval()
    ids = torch.randint(3, 391, (2, 120))
    whole, _ = model(ids)
    state, chunks = None, []
    for chunk in ids.split([1, 1, 50, 7, 61], dim=1):
        logits, state = model(chunk, state)
        chunks.append(logits)
    assert (torch.cat(chunks, dim=1) - whole).abs().max() <= 1e-12
    assert sum(p.numel() for p in model.parameters()) == model.config.num_parameters


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_parameters_is_exact(kind: str) -> None:
    model = build(kind, num_layers=3)
    assert sum(parameter.numel() for parameter in model.parameters()) == model.config.num_parameters


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_trains_and_steps_in_half_the_bytes(kind: str) -> None:
    model, ids = build(kind).float(), random_ids(7)
    exact, _ = model(ids)
    with torch.autocast("cpu", torch.bfloat16):
        logits, state = model(ids[:, :40])
        later, state = model(ids[:, 40:], state)
        loss = torch.nn.functional.cross_entropy(torch.cat([logits, later], dim=1).flatten(0, 1), ids.flatten())
        loss.backward()
    assert (torch.cat([logits, later], dim=1) - exact).abs().max() < 0.2
    silent = {name for name, p in model.named_parameters() if p.grad is None}
    assert not silent or (kind == "one span" and all("summary" in name for name in silent))  # of which none is over
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    assert {tensor.dtype for layer in state.heard.layers for tensor in layer} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"width": 18}, "even head width"),
        ({"fine_spans": (0, 1)}, "must rise"),
        ({"fine_spans": (1, 4, 4)}, "must rise"),
        ({"bar_ids": (3, 20)}, "vocabulary of 20"),
        ({"first_shift": 17}, "shifts 17 to 20"),
        ({"span_steps": 3}, "skip a span"),
    ],
)
def test_what_cannot_be_built(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        MuseformerConfig.model_validate({**TINY, **KINDS["stretches"], **values})


@torch.no_grad()
def test_without_fine_spans_only_the_own_is_heard_finely() -> None:
    for kind in KINDS:
        model, (ids,) = build(kind, fine_spans=()), random_ids(8, rows=1)
        assert (model(ids[None])[0][0] - reference(model, ids, spans_of(model, ids))).abs().max() <= 1e-12


def test_what_goes_to_a_summary_is_shared_out_over_its_span() -> None:
    """Span by span, from the weights of tokens and of summaries; what a summary heard of itself stands at its end."""
    torch.manual_seed(3)
    config = MuseformerConfig(
        vocabulary_size=20, width=8, num_layers=1, num_heads=2, feedforward_width=8, fine_spans=(1,), bar_ids=(0,)
    )
    model = Museformer(config).double().eval()
    ids = torch.tensor([5, 6, 0, 7, 8, 9, 0, 4, 0, 3, 2])  # spans 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3
    kept: list[Any] = []
    layer = model.get_submodule("stack.layers.0")
    hook = layer.register_forward_pre_hook(lambda *call: kept.append(call[1]))
    weights_HTT = attention(model, ids)["layer 1"]
    hook.remove()
    with torch.no_grad():
        spans_HPR, tokens_HNR = layer.weights(*kept[0], torch.tensor([10]))
    expected_HT = torch.zeros(2, 11, dtype=torch.float64)
    for token in (6, 7, 8, 9, 10):  # its own span and the one before
        expected_HT[:, token] = tokens_HNR[:, 0, token]
    for summary, span in ((0, [0, 1]), (1, [2, 3, 4, 5])):  # rows behind the eleven tokens, in both tables
        share_R = spans_HPR[:, summary].mean(dim=0)
        for token in span:
            expected_HT[:, token] += tokens_HNR[:, 0, 11 + summary] * share_R[token]
        expected_HT[:, span[-1]] += tokens_HNR[:, 0, 11 + summary] * share_R[11 + summary]
    assert torch.allclose(weights_HTT[:, 10], expected_HT, rtol=0, atol=1e-12)
