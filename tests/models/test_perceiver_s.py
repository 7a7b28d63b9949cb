"""PerceiverS: what it computes, written out; Perceiver AR is the case of one scale; its sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ritornello.errors import UserError
from ritornello.models.perceiver_ar import PerceiverAr, PerceiverArConfig
from ritornello.models.perceiver_s import PerceiverS, PerceiverSConfig
from ritornello.training.build import build_model
from tests.models.perceiver_reference import reference_logits

SMALL: dict[str, Any] = {
    "vocabulary_size": 11,
    "width": 16,
    "num_layers": 1,
    "num_heads": 2,
    "num_cross_heads": 2,
    "feedforward_width": 24,
    "context": 17,
    "latents": 6,
    "carried": 3,
}


def small(**values: Any) -> PerceiverS:
    torch.manual_seed(0)
    model = PerceiverS(PerceiverSConfig(**{**SMALL, **values})).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("scales", [(None, 5), (4, None, 9), (17, 1)])
@torch.no_grad()
def test_equals_the_model_written_out(scales: tuple[int | None, ...]) -> None:
    model, ids = small(scales=scales), torch.randint(11, (1, 30))
    sizes = tuple(17 if scale is None else scale for scale in scales)
    logits, _ = model(ids)
    after, _ = model(ids[:, 20:], model.absorb(ids[:, :20]))
    for position in (0, 4, 5, 6, 17, 29):
        expected = reference_logits(model, ids[0, : position + 1], scales=sizes)
        assert (logits[0, position] - expected).abs().max() < 1e-12, position
    for position in (20, 25, 26, 29):
        expected = reference_logits(model, ids[0, : position + 1], first_latent=20, scales=sizes)
        assert (after[0, position - 20] - expected).abs().max() < 1e-12, position


@torch.no_grad()
def test_one_scale_is_perceiver_ar() -> None:
    one, ids = small(scales=(None,)), torch.randint(11, (2, 40))
    other = PerceiverAr(PerceiverArConfig(**SMALL)).double().eval()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(ids)[0], other(ids)[0])
    assert one.state_bytes(2, 40) == other.state_bytes(2, 40)


def test_a_scale_remembers_no_more_than_it_hears() -> None:
    """The default adds 1,023 positions to what Perceiver AR remembers."""
    config = {"vocabulary_size": 391, "width": 64}
    both = PerceiverS(PerceiverSConfig(**config)).state_bytes(1, 40_000)
    assert both - PerceiverAr(PerceiverArConfig(**config)).state_bytes(1, 40_000) == 4 * 64 * 2 * 1023


@pytest.mark.parametrize("scales", [(None,), (None, 5), (4, None, 9)])
def test_counts_its_parameters(scales: tuple[int | None, ...]) -> None:
    model = small(scales=scales)
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"scales": []}, "model.config.scales: Tuple should have at least 1 item"),
        ({"scales": [None] * 65}, "model.config.scales: Tuple should have at most 64 items"),
        ({"scales": [None, 0]}, "Input should be greater than or equal to 1"),
        ({"scales": [None, 18]}, "a scale of 18 does not fit into a context of 17"),
        ({"carried": 6}, "carried 6 must be fewer than latents 6"),
    ],
)
def test_impossible_sizes_are_one_clear_line(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        build_model("perceiver_s", {**SMALL, **values})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
