"""Perceiver AR: what it computes, written out; prefixes; its sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ritornello.errors import UserError
from ritornello.models import perceiver_ar
from ritornello.models.perceiver_ar import PerceiverAr, PerceiverArConfig
from ritornello.modules import cross_attention, fused
from ritornello.training.build import build_model
from tests.models.perceiver_reference import reference_logits

CONTEXT, LATENTS = 17, 6
SMALL: dict[str, Any] = {
    "vocabulary_size": 11,
    "width": 16,
    "num_layers": 2,
    "num_heads": 2,
    "feedforward_width": 24,
    "context": CONTEXT,
    "latents": LATENTS,
    "carried": 3,
    "rotary_fraction": 0.5,
}


def small(**values: Any) -> PerceiverAr:
    torch.manual_seed(0)
    model = PerceiverAr(PerceiverArConfig(**{**SMALL, **values})).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("carried", [0, 3, 4, 5])
@pytest.mark.parametrize("values", [{}, {"num_cross_heads": 4, "rotary_fraction": 1.0}])
@torch.no_grad()
def test_equals_the_model_written_out(carried: int, values: dict[str, Any]) -> None:
    """At block borders and between them, before and past the context."""
    model, ids = small(carried=carried, **values), torch.randint(11, (1, 30))
    logits, _ = model(ids)
    for position in (0, 1, 5, 6, 7, 8, 9, 12, 16, 17, 18, 29):
        expected = reference_logits(model, ids[0, : position + 1])
        assert (logits[0, position] - expected).abs().max() < 1e-12, position


@pytest.mark.parametrize("prefix", [1, 2, 16, 17, 25])
@torch.no_grad()
def test_after_a_prefix_the_queries_are_the_positions_after_it(prefix: int) -> None:
    """In one piece or in chunks, the prefix too; as many as fit in one block, and more."""
    model, ids = small(), torch.randint(11, (2, prefix + 10))
    state = model.absorb(ids[:, 1:prefix], model.absorb(ids[:, :1])) if prefix > 1 else model.absorb(ids[:, :1])
    logits, _ = model(ids[:, prefix:], state)
    first, state = model(ids[:, prefix : prefix + 4], state)
    second, _ = model(ids[:, prefix + 4 :], state)
    assert (torch.cat([first, second], dim=1) - logits).abs().max() < 1e-12
    for place in range(10):
        for row in range(2):
            expected = reference_logits(model, ids[row, : prefix + place + 1], first_latent=prefix)
            assert (logits[row, place] - expected).abs().max() < 1e-12, place


@pytest.mark.parametrize("joined", [3, 5, 20])
@torch.no_grad()
def test_a_memory_in_two_pieces_is_as_one(joined: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps and chunks, past the context, wherever the pieces meet; and both remember them alike."""
    monkeypatch.setattr(cross_attention, "joined_every", lambda _: joined)
    model, ids = small(), torch.randint(11, (2, 45))
    whole, _ = model(ids)
    state = model.new_state(2)
    for position in range(45):
        logits, state = model(ids[:, position : position + 1], state)
        assert (logits[:, 0] - whole[:, position]).abs().max() < 1e-12, position
        (pieces,), (expected,) = state.heard.heard, model(ids[:, : position + 1])[1].heard.heard
        for ours, theirs in zip([*pieces.old, *pieces.recent], [*expected.old, *expected.recent], strict=True):
            assert ours.shape == theirs.shape
            assert not ours.numel() or (ours - theirs).abs().max() < 1e-12
        assert pieces.recent.length == min(CONTEXT - 1, (position + 1) % joined)


@torch.no_grad()
def test_a_prefix_in_the_midst_begins_the_blocks_anew() -> None:
    model, ids = small(), torch.randint(11, (1, 24))
    _, state = model(ids[:, :8])
    logits, _ = model(ids[:, 12:], model.absorb(ids[:, 8:12], state))
    for place in (0, 5, 6, 11):
        expected = reference_logits(model, ids[0, : 12 + place + 1], first_latent=12)
        assert (logits[0, place] - expected).abs().max() < 1e-12, place


def test_gradients_reach_the_prefix() -> None:
    """All of it that lies in the context, through keys and values alone."""
    model, ids, inputs = small(), torch.randint(11, (1, 26)), list[Tensor]()
    model.embedding.register_forward_hook(lambda *call: inputs.append(call[-1]))
    logits, _ = model(ids[:, 20:], model.absorb(ids[:, :20]))
    prefix, latents = torch.autograd.grad(logits[0, -1].square().sum(), inputs)
    reached = torch.cat([prefix, latents], dim=1)[0].abs().sum(-1) > 0
    first = 20 - CONTEXT + 1  # the farthest that the first latent hears
    assert reached.tolist() == [position >= first for position in range(26)]


@pytest.mark.parametrize(("carried", "together"), [(3, 1), (3, 40), (0, 40), (5, 40)])
@torch.no_grad()
def test_blocks_side_by_side_are_blocks_one_by_one(
    carried: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many: the constant bounds memory and nothing else."""
    model, ids = small(carried=carried), torch.randint(11, (2, 61))
    at_once, _ = model(ids)
    monkeypatch.setattr(perceiver_ar, "LATENTS_TOGETHER", together)
    assert (model(ids)[0] - at_once).abs().max() < 1e-12


@torch.no_grad()
def test_distant_positions_are_as_near_ones() -> None:
    """Position 100,002 and more, a multiple of a block: there a piece begins as at 0."""
    model, ids = small(), torch.randint(11, (1, 40))
    start = 100_002
    there = model.new_state(1)._replace(heard=model.stack.new_state(1)._replace(position=start, first_latent=start))
    assert (model(ids)[0] - model(ids, there)[0]).abs().max() < 1e-9


@torch.no_grad()
def test_after_forgetting_only_later_positions_are_heard() -> None:
    """And blocks begin where they would have begun: so two memories that heard the same in a context agree."""
    model, ids = small(), torch.randint(11, (1, 60))
    whole, _ = model(ids)
    for middle in range(30):
        _, state = model(ids[:, :middle]) if middle else (None, model.new_state(1))
        after, end = model(ids[:, middle:], model.forget(state))
        alone = reference_logits(model, ids[0, middle : middle + 1])
        assert (after[0, 0] - alone).abs().max() < 1e-12
        beyond = 2 * LATENTS + CONTEXT
        assert (after[0, beyond:] - whole[0, middle + beyond :]).abs().max() < 1e-12
        assert end.heard.position == 60


def test_a_dropped_prefix_position_is_not_heard() -> None:
    """Exactly the share asked for, drawn anew each time, in training alone, and none of the call's own positions."""
    model, ids, inputs = small(context=64, prefix_dropout=0.7).train(), torch.randint(11, (2, 46)), list[Tensor]()
    model.stack.dropout.rate = 0.0
    model.embedding.register_forward_hook(lambda *call: inputs.append(call[-1]))
    drawn = []
    for _ in range(6):
        inputs.clear()
        logits, _ = model(ids[:, 40:], model.absorb(ids[:, :40]))
        gradients = torch.autograd.grad(logits[:, -1].square().sum(), inputs)
        prefix, latents = (gradient.abs().sum(-1) > 0 for gradient in gradients)
        assert latents.all()
        assert prefix.sum(1).tolist() == [12, 12]
        drawn.append(tuple(prefix[0].tolist()))
    assert len(set(drawn)) == 6
    with torch.no_grad():
        logits, _ = model.eval()(ids[:, 40:], model.absorb(ids[:, :40]))
        expected = reference_logits(model, ids[0], first_latent=40)
    assert (logits[0, -1] - expected).abs().max() < 1e-12


@torch.no_grad()
def test_what_is_left_of_a_prefix_is_heard_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its context and at its distance, in tiles of any size."""
    model, ids = small(prefix_dropout=0.5, dropout=0.0).train(), torch.randint(11, (1, 30))
    state = model.absorb(ids[:, :20])  # of which 4 to 19 are remembered
    kept = torch.tensor([15, 1, 4, 6, 5, 9, 12, 13])
    monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.cat([kept, torch.arange(n - 8)]))
    monkeypatch.setattr(fused, "TILE", 3)
    logits, _ = model(ids[:, 20:], state)
    dropped = frozenset(range(20)) - frozenset((4 + kept).tolist())
    for place in range(10):
        expected = reference_logits(model, ids[0, : 20 + place + 1], first_latent=20, dropped=dropped)
        assert (logits[0, place] - expected).abs().max() < 1e-12, place


@pytest.mark.parametrize("prefix_dropout", [0.0, 0.5])
def test_learns_under_bfloat16(prefix_dropout: float) -> None:
    model = small(context=300, latents=40, carried=20, prefix_dropout=prefix_dropout, dropout=0.0).float().train()
    ids = torch.randint(11, (1, 400))
    gradients = []
    for enabled in (False, True):
        model.zero_grad()
        torch.manual_seed(2)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits, _ = model(ids[:, 300:], model.absorb(ids[:, :300]))
        torch.nn.functional.cross_entropy(logits[0, :-1].float(), ids[0, 301:]).backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < 0.1 * gradients[0].norm()


@pytest.mark.parametrize("keyboard", [False, True])
def test_counts_its_parameters(keyboard: bool) -> None:
    model = small(vocabulary_size=391, keyboard=keyboard)
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def test_a_prefix_is_followed_on_the_keyboard() -> None:
    model, ids = small(vocabulary_size=391, keyboard=True), torch.randint(391, (2, 20))
    absorbed, (_, heard) = model.absorb(ids), model(ids)
    for ours, theirs in zip(absorbed.keyboard, heard.keyboard, strict=True):
        assert ours == theirs if isinstance(ours, int) else torch.equal(ours, theirs)


def test_the_paper_s_context_is_bounded_memory() -> None:
    """At its end, keys and values of 32,767 positions and never more than a block in every layer beside that."""
    model = PerceiverAr(PerceiverArConfig(vocabulary_size=391, width=64, num_layers=3))
    far, row = 2 * 32767, 4 * 64
    sizes = [model.state_bytes(1, length) // row for length in range(33_000, 36_000)]
    assert min(sizes) == far + 512  # a block begins: half of the latents are carried
    assert max(sizes) == far + 511 + 2 * 3 * 1023


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"width": 18, "num_heads": 4}, "num_heads 4 does not divide width 18"),
        ({"num_cross_heads": 3}, "num_cross_heads 3 does not divide width 16"),
        ({"width": 18}, "num_heads 2: rotary positions need an even head width, not 9"),
        ({"num_heads": 8, "rotary_fraction": 0.25}, "num_heads 8: rotary_fraction 0.25 of 2 channels is no pair"),
        ({"carried": 6}, "carried 6 must be fewer than latents 6"),
        ({"carried": -1}, "model.config.carried"),
        ({"latents": 0}, "model.config.latents"),
        ({"context": 0}, "model.config.context"),
        ({"rotary_fraction": 0}, "model.config.rotary_fraction"),
        ({"prefix_dropout": 1.0}, "model.config.prefix_dropout: Input should be less than or equal to 0.9"),
        ({"num_layers": 2**40}, "parameters are too many (limit: 2147483648)"),
        ({"condition_sizes": [3]}, "model.config.condition_sizes"),
        ({"scales": [3]}, "model.config.scales: Extra inputs are not permitted"),
    ],
)
def test_impossible_sizes_are_one_clear_line(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        build_model("perceiver_ar", {**SMALL, **values})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
