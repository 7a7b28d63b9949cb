"""What all models of events share: the keyboard as an option."""

from __future__ import annotations

import pytest

from ritornello.errors import UserError
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.build import build_model

VOCABULARY = len(PerformanceTokenizer.vocabulary)


@pytest.mark.parametrize("positions", ["rotary", "relative_uv"])
def test_the_number_of_parameters_is_the_stated_one(positions: str) -> None:
    values = {
        "width": 16,
        "num_layers": 2,
        "num_heads": 2,
        "feedforward_width": 24,
        "positions": positions,
        "keyboard": True,
    }
    model = build_model("transformer", values, vocabulary_size=VOCABULARY)
    assert model.config.num_parameters == sum(parameter.numel() for parameter in model.parameters())


def test_a_vocabulary_without_the_events_is_refused() -> None:
    with pytest.raises(UserError, match="388 performance events"):
        build_model("transformer", {"keyboard": True}, vocabulary_size=373)
