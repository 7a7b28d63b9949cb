"""Every model: its weights of attention are those it hears with, and what a prediction depends on is what it hears."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ritornello.models import attention as attention_module
from ritornello.models import dsmr, museformer
from ritornello.models.attention import attention, heard_places, influence
from ritornello.models.events import EventModel
from ritornello.models.hierarchical import NoteLevel
from ritornello.models.transformer_xl import RecurrentAttention
from ritornello.modules.attention import CausalSelfAttention
from ritornello.modules.cross_attention import CrossAttention
from ritornello.modules.local_attention import LocalSelfAttention
from ritornello.modules.pointed import Pointed, PointedAttention
from ritornello.modules.sections import SectionMemory, SectionState
from ritornello.modules.source import SourceAttention
from tests.contracts.model_entries import ENTRIES, NUM_TOKENS, build, heard, learnable_input

ATTENDING = [name for name, entry in ENTRIES.items() if entry.model != "lstm"]
HEADER = 4
"""The first tokens of a chorale: before its first frame is over nothing is heard of it."""


@pytest.mark.parametrize("name", ATTENDING)
def test_weights_are_shares_of_what_the_masks_let_be_heard(name: str) -> None:
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    weights = attention(model, ids[0], None, conditions)
    assert weights
    for layer, weights_HTT in weights.items():
        assert weights_HTT.shape[1:] == (NUM_TOKENS, NUM_TOKENS)
        assert (weights_HTT >= 0).all()
        totals_HT = weights_HTT.sum(dim=-1)
        if layer in ("source", "sections"):
            assert (totals_HT < 1).all()
            assert (totals_HT > 0).any()
        else:
            first = HEADER if isinstance(model, NoteLevel) else 0
            assert (totals_HT[:, first:] - 1).abs().max() <= 1e-12
            assert not totals_HT[:, :first].any()
        assert not weights_HTT.bool().logical_and(~_may_hear(model, layer, ids[0])).any()


@pytest.mark.parametrize("name", [name for name in ATTENDING if ENTRIES[name].model not in ("notes", "plan", "form")])
def test_every_layer_that_hears_has_its_weights(name: str) -> None:
    """All that a mask lets be heard has some weight in some layer of that stage: no key is forgotten."""
    model = build(name)
    ids, _ = learnable_input(name, seed=5)
    weights = attention(model, ids[0])
    for layer, weights_HTT in weights.items():
        if not (layer.startswith("cross-attention ") and layer != "cross-attention 1"):  # nearer scales
            assert torch.equal(weights_HTT.amax(dim=0) > 0, _may_hear(model, layer, ids[0])), layer


@pytest.mark.parametrize("name", ATTENDING)
@torch.no_grad()
def test_the_weights_are_those_that_logits_are_made_with(name: str) -> None:
    """Each module's result replaced by its plain weights times its values leaves the logits as they are."""
    model, replaced = build(name), 0
    ids, conditions = learnable_input(name, seed=5)
    expected, _ = model(ids, None, conditions)

    def replace(module: nn.Module, arguments: tuple[Any, ...], result: Any) -> Any:
        nonlocal replaced
        replaced += 1
        return FROM_WEIGHTS[type(module)](module, *arguments, result=result)

    for module in {ear.module for ear in model.ears()}:
        module.register_forward_hook(replace)
    again, _ = model(ids, None, conditions)
    assert replaced >= len(model.ears())
    assert (again - expected).abs().max() <= 1e-9


@pytest.mark.parametrize("name", ATTENDING)
@pytest.mark.parametrize("chunk", [1, 6, 25])
def test_chunks_and_chosen_positions_change_nothing(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    whole = attention(model, ids[0], None, conditions)
    asked = torch.tensor([0, 6, 7, 13, 29, 40])
    monkeypatch.setattr(attention_module, "CHUNK_TOKENS", chunk)
    chosen = attention(model, ids[0], asked, conditions)
    assert list(chosen) == list(whole)
    for layer, weights_HAT in chosen.items():
        assert (weights_HAT - whole[layer][:, asked]).abs().max() <= 1e-11


@pytest.mark.parametrize("name", ATTENDING)
def test_places_heard_are_means_under_the_weights(name: str) -> None:
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    asked, places = (
        torch.tensor([5, 17, 33, 46]),
        torch.stack([torch.arange(NUM_TOKENS), torch.arange(NUM_TOKENS) ** 2]),
    )
    means = heard_places(model, ids[0], asked, places.T, conditions)
    for layer, weights_HAT in attention(model, ids[0], asked, conditions).items():
        expected = weights_HAT @ places.T.double() / weights_HAT.sum(dim=-1, keepdim=True)
        assert torch.allclose(means[layer], expected, rtol=1e-12, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", ENTRIES)
def test_listening_leaves_the_model_as_it_was(name: str) -> None:
    model = build(name).train()
    ids, conditions = learnable_input(name, seed=5)
    attention(model, ids[0], torch.tensor([7]), conditions)
    influence(model, ids[0], torch.tensor([7]), conditions)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("name", ENTRIES)
def test_influence_is_shared_out_over_what_is_heard(name: str) -> None:
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    asked = torch.tensor([3, 4, 20, 24, 33, 45])
    shares_AT = influence(model, ids[0], asked, conditions)
    assert shares_AT.shape == (len(asked), NUM_TOKENS)
    if isinstance(model, NoteLevel):
        assert not shares_AT[0].any()
        shares_AT, asked = shares_AT[1:], asked[1:]
        expected_AT = torch.arange(NUM_TOKENS) < (asked[:, None] + 1) // model.frame_tokens * model.frame_tokens
    else:
        expected_AT = heard(model, ids[0])[asked]
    assert torch.equal(shares_AT > 0, expected_AT)
    assert (shares_AT.sum(dim=1) - 1).abs().max() <= 1e-12


@pytest.mark.parametrize("name", ENTRIES)
def test_a_shorter_reach_leaves_the_shares_of_the_last_tokens_as_they_are(name: str) -> None:
    model = build(name)
    ids, conditions = learnable_input(name, seed=5)
    whole_AT = influence(model, ids[0], torch.tensor([33, 40]), conditions)
    near_AT = influence(model, ids[0], torch.tensor([33, 40]), conditions, reach=16)  # from 25 on, for frames too
    assert not near_AT[:, :25].any()
    expected_AT = whole_AT[:, 25:] / whole_AT[:, 25:].sum(dim=1, keepdim=True)
    assert (near_AT[:, 25:] - expected_AT).abs().max() <= 1e-9
    assert not influence(model, ids[0], torch.tensor([3, 40]), conditions, reach=16)[0].any()


@pytest.mark.parametrize("name", ["lstm", "transformer rotary window", "dsmr two_scale", "transformer_xl"])
def test_influence_is_what_a_small_change_does(name: str) -> None:
    """Against differences instead of gradients, along the gradient's own direction and one that is random."""
    model, position, step = build(name), 33, 1e-6
    ids, _ = learnable_input(name, seed=5)
    shares_T = influence(model, ids[0], torch.tensor([position]))[0]
    changes_TD = torch.zeros(NUM_TOKENS, model.config.width, dtype=torch.float64)

    def log_probability(token: int, channel: int, by: float) -> Tensor:
        def nudge(module: nn.Module, arguments: Any, vectors: Tensor) -> Tensor:
            del module, arguments
            nudged = vectors.clone()
            nudged[0, token, channel] += by
            return nudged

        hook = model.entrance[0].register_forward_hook(nudge)
        with torch.no_grad():
            logits, _ = model(ids)
        hook.remove()
        return logits[0, position].log_softmax(-1)[ids[0, position + 1]]

    tokens = (0, 18, 26, 30, 33)
    for token in tokens:
        for channel in range(model.config.width):
            both = (log_probability(token, channel, by) for by in (step, -step))
            changes_TD[token, channel] = (next(both) - next(both)) / (2 * step)
    norms = changes_TD.norm(dim=-1)[list(tokens)]
    assert torch.allclose(norms / norms.sum(), shares_T[list(tokens)] / shares_T[list(tokens)].sum(), atol=1e-6)


def _may_hear(model: Any, layer: str, ids_T: Tensor) -> Tensor:
    """What the masks let a layer hear (T, T): its stage, or all stages together where none has its name."""
    if isinstance(model, NoteLevel):
        positions = torch.arange(NUM_TOKENS)
        return positions < ((positions + 1) // model.frame_tokens * model.frame_tokens)[:, None]
    if not isinstance(model, EventModel):
        return heard(model, ids_T)
    stages = model.hears(ids_T)
    own = [mask for stage, mask in stages.items() if layer.startswith(stage)]
    return own[0] if own else heard(model, ids_T)


def _self_attention(module: CausalSelfAttention, x: Tensor, cache: Any, *, result: Any) -> Any:
    heard = module.weights(x, cache, _all(x)) @ result[1].values_BHSK
    return module.project_out(_joined(heard)), result[1]


def _source(module: SourceAttention, x: Tensor, source: Tensor, cache: Any, *, result: Any) -> Any:
    del result
    return module.project_out(_joined(module.weights(x, source, cache, _all(x)) @ cache.values_BHSK))


def _pointed(module: PointedAttention, x: Tensor, pointed: Pointed, *, result: Any) -> Any:
    """A place may be heard by several pointers, moved by one of them: so offset by offset, which sum to the places."""
    del result
    weights, all_weights = module.offset_weights(x, pointed.tokens_BTO), module.weights(x, pointed, _all(x))
    spread = torch.zeros_like(all_weights).scatter_add(
        -1, pointed.places_BTO[:, None].expand(-1, module.num_heads, -1, -1), weights
    )
    assert (spread - all_weights).abs().max() <= 1e-12
    values = module.content(pointed.tokens_BTO).chunk(2, dim=-1)[1].unflatten(-1, (module.num_heads, -1))
    return module.project_out(torch.einsum("bhto,btohk->bthk", weights, values).flatten(2))


def _sections(module: SectionMemory, x: Tensor, section: Tensor, state: SectionState, *, result: Any) -> Any:
    """Each answer as one softmax over the tokens of its section."""
    logits, values = module.asked(x)
    section = module.sections(section, state)
    numbers = torch.arange(int(section.max()))
    is_there = (section[:, None] == numbers[:, None])[..., None, None]  # (B, N, T, 1, 1)
    shares = logits[:, None].masked_fill(~is_there, float("-inf")).softmax(dim=2).nan_to_num(0)
    answers = torch.einsum("bntqh,bthk->bnqhk", shares, values).flatten(3).flatten(1, 2)
    heard_values = module.project_summary(module.summary_norm(answers)).chunk(2, dim=-1)[1]
    heard_values = heard_values.unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
    weights = module.weights(x, section, state, _all(x))
    return module.project_out(_joined(weights @ heard_values)), result[1]


def _local(module: LocalSelfAttention, x: Tensor, cache: Any, start: int, by: Any, *, result: Any) -> Any:
    heard = module.weights(x, cache, start, by, _all(x)) @ cache.joined(module._asked(x, by)[1]).values_BHSK
    return module.project_out(_joined(heard)), result[1]


def _recurrent(module: RecurrentAttention, heard: Tensor, new: int, distances: Any, start: int, *, result: Any) -> Any:
    del result
    values = module._asked(heard, new, distances)[2]
    return module.project_out(_joined(module.weights(heard, new, distances, start, torch.arange(new)) @ values))


def _cross(module: CrossAttention, z: Tensor, x: Tensor, cache: Any, start: int, by: Any, *, result: Any) -> Any:
    values = cache.joined(module._keys_and_values(x, by)).values_BHSK
    z = z + module.project_out(_joined(module.weights(z, x, cache, start, by, _all(x)) @ values))
    return z + module.feedforward(module.feedforward_norm(z)), result[1]


def _dsmr(module: dsmr.Layer, x: Tensor, memory: Any, by: Any, *, result: Any) -> Any:
    values = memory.finished.extended(*result[1].own).values_BHSK
    weights = module.weights(x, memory, by, _all(x))
    heard = weights @ values.repeat_interleave(weights.shape[1] // values.shape[1], dim=1)
    z = x + module.project_out(_joined(heard))
    return z + module.feedforward(module.feedforward_norm(z)), result[1]


def _museformer(module: museformer.Layer, x: Tensor, memory: Any, to: Any, by: Any, *, result: Any) -> Any:
    num_tokens, D = len(x) - len(to.slots_P), x.shape[-1]
    spans_HPR, tokens_HNR = module.weights(x, memory, to, by, torch.arange(num_tokens))
    asked = module._asked(module.attention_norm(x), memory, to, by)
    heard = []
    for weights, table in ((tokens_HNR, asked.tokens_RE), (spans_HPR, asked.spans_RE)):
        if weights is not None:
            values_HRK = table[:, D:].view(len(table), module.num_heads, -1).transpose(0, 1)
            heard.append((weights @ values_HRK).transpose(0, 1).flatten(1))
    z = x + module.project_out(torch.cat(heard))
    return z + module.feedforward(module.feedforward_norm(z)), result[1]


FROM_WEIGHTS: dict[type[nn.Module], Any] = {
    CausalSelfAttention: _self_attention,
    SourceAttention: _source,
    PointedAttention: _pointed,
    SectionMemory: _sections,
    LocalSelfAttention: _local,
    RecurrentAttention: _recurrent,
    CrossAttention: _cross,
    dsmr.Layer: _dsmr,
    museformer.Layer: _museformer,
}
"""What each kind of module hands on, made of its plain weights."""


def _all(x_BTD: Tensor) -> Tensor:
    return torch.arange(x_BTD.shape[1])


def _joined(heard_BHTK: Tensor) -> Tensor:
    return heard_BHTK.transpose(1, 2).flatten(2)
