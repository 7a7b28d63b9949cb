"""The Transformer's sizes, its distant positions, and its positions' meaning."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ritornello.errors import UserError
from ritornello.models.events import EventState
from ritornello.models.transformer import Transformer, TransformerConfig
from ritornello.training.build import build_model

POSITIONS = ("absolute", "relative", "relative_uv", "rotary", "alibi")
SMALL: dict[str, Any] = {
    "vocabulary_size": 11,
    "width": 16,
    "num_heads": 2,
    "num_layers": 2,
    "feedforward_width": 24,
    "max_distance": 40,
}


def small(**values: Any) -> Transformer:
    torch.manual_seed(0)
    return Transformer(TransformerConfig(**{**SMALL, **values})).double().eval()


def far_away(model: Transformer, rows: int) -> EventState:
    """A state that has heard nothing, at position 100,000."""
    state = model.new_state(rows)
    return state._replace(heard=state.heard._replace(position=100_000))


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("horizon", [{"window": 30}, {"block": 20}])
@torch.no_grad()
def test_chunks_equal_the_whole_at_distant_positions(positions: str, horizon: dict[str, int]) -> None:
    """Position 100,000 and more, of which only what lies behind it is carried along."""
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        model = small(positions=positions, **horizon).to(dtype)
        ids = torch.randint(11, (2, 150))
        state = far_away(model, 2)
        whole, _ = model(ids, state)
        pieces = []
        for chunk in ids.split([1, 64, 3, 81, 1], dim=1):
            logits, state = model(chunk, state)
            pieces.append(logits)
        assert state.heard.position == 100_150
        assert (torch.cat(pieces, dim=1) - whole).abs().max() <= tolerance


@pytest.mark.parametrize("positions", POSITIONS)
@torch.no_grad()
def test_only_absolute_positions_tell_where_a_passage_stands(positions: str) -> None:
    model = small(positions=positions, window=30)
    ids = torch.randint(11, (1, 50))
    here, _ = model(ids)
    there, _ = model(ids, far_away(model, 1))
    assert ((here - there).abs().max() < 1e-9) == (positions != "absolute")


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("block", [None, 256])
def test_learns_under_bfloat16(positions: str, block: int | None) -> None:
    """Forward and backward through tiles; the result is near, and every parameter has a gradient."""
    torch.manual_seed(1)
    model = small(positions=positions, window=300, block=block).float()
    ids = torch.randint(11, (1, 600))
    gradients = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits, _ = model(ids)
        torch.nn.functional.cross_entropy(logits[0, :-1].float(), ids[0, 1:]).backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < 0.1 * gradients[0].norm()


@pytest.mark.parametrize("positions", POSITIONS)
def test_counts_its_parameters(positions: str) -> None:
    model = small(positions=positions)
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def test_begins_near_the_even_distribution() -> None:
    model = small(vocabulary_size=391, width=64, num_heads=4)
    ids = torch.randint(391, (1, 200))
    nats = torch.nn.functional.cross_entropy(model(ids)[0][0, :-1], ids[0, 1:])
    assert abs(nats - torch.tensor(391.0).log()) < 0.1


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"width": 100, "num_heads": 8}, "num_heads 8 does not divide width 100"),
        ({"width": 18, "num_heads": 2, "positions": "rotary"}, "even head width, not 9"),
        ({"width": 15, "num_heads": 3, "positions": "absolute"}, "even width, not 15"),
        ({"window": 0}, "model.config.window: Input should be greater than or equal to 1"),
        ({"block": 0}, "model.config.block: Input should be greater than or equal to 1"),
        ({"max_distance": 0}, "model.config.max_distance"),
        ({"dropout": 1.0}, "model.config.dropout: Input should be less than or equal to 0.9"),
        ({"positions": "learned"}, "model.config.positions"),
        ({"condition_sizes": [3]}, "model.config.condition_sizes"),
        ({"width": 2**20, "num_heads": 2**10}, "parameters are too many (limit: 2147483648)"),
        ({"max_distance": 2**40, "positions": "relative"}, "parameters are too many"),
        ({"num_layers": 2**40}, "parameters are too many"),
        ({"windows": 3}, "model.config.windows: Extra inputs are not permitted"),
    ],
)
def test_impossible_sizes_are_one_clear_line(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        build_model("transformer", {**SMALL, **values})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
