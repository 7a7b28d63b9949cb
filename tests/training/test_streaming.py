"""Nats of every token, read in any chunks, and of stretches whose past is forgotten, against one forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ritornello.data.prepared import PreparedLevel
from ritornello.training.build import build_model
from ritornello.training.likelihood import token_nats

SMALL: dict[str, dict[str, Any]] = {
    "transformer": {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 32, "window": 24},
    "lstm": {"width": 12, "num_layers": 2, "keyboard": True},
}


def small(name: str, data: PreparedLevel) -> nn.Module:
    torch.manual_seed(5)
    model = build_model(name, SMALL[name], vocabulary_size=data.vocabulary_size)
    for parameter in model.parameters():  # a head that begins at zero would hear nothing
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def costs(logits_TV: Tensor, targets_T: Tensor) -> np.ndarray:
    return nn.functional.cross_entropy(logits_TV, targets_T, reduction="none").numpy()


@pytest.mark.parametrize("name", SMALL)
@settings(max_examples=12)
@given(draw=st.data())
def test_what_is_forgotten_is_forgotten_where_it_is_said(
    name: str, draw: st.DataObject, prepared_performances: Path
) -> None:
    """Definition: read everything before the stretch, forget it, and read the stretch, each in one forward pass."""
    data = PreparedLevel(prepared_performances, "performance")
    model, pieces = small(name, data), data.of_split("validation")
    stretches: dict[int, dict[int, int]] = {}
    for piece in pieces:
        length = data.entries[piece].length
        starts = draw.draw(st.lists(st.integers(1, length - 2), max_size=3, unique=True))
        stretches[piece] = {start: draw.draw(st.integers(start + 1, length)) for start in starts}
    chunk_tokens, lanes = draw.draw(st.integers(40, 400)), draw.draw(st.integers(1, 3))
    nats = token_nats(model, data, pieces, stretches, batch_tokens=lanes * chunk_tokens, chunk_tokens=chunk_tokens)
    for piece in pieces:
        ids = torch.from_numpy(data.ids(piece))
        with torch.no_grad():
            np.testing.assert_allclose(nats.whole[piece][1:], costs(model(ids[None, :-1])[0][0], ids[1:]), atol=2e-5)
            assert nats.forgetting[piece].keys() == stretches[piece].keys()
            for start, stop in stretches[piece].items():
                found = nats.forgetting[piece][start]
                assert len(found) == stop - start
                if stop - start > 1:
                    state: Any = model.forget(model(ids[None, :start])[1])  # type: ignore[operator]
                    expected = costs(model(ids[None, start : stop - 1], state)[0][0], ids[start + 1 : stop])
                    np.testing.assert_allclose(found[1:], expected, atol=2e-5)


def test_without_positions_a_forgotten_past_never_was(performances: PreparedLevel) -> None:
    """Rotary positions count distances only: after forgetting, the rest is a piece of its own."""
    model, piece = small("transformer", performances), performances.of_split("train")[-1]
    ids = torch.from_numpy(performances.ids(piece))
    nats = token_nats(model, performances, [piece], {piece: {333: len(ids)}}, chunk_tokens=100).forgetting[piece][333]
    with torch.no_grad():
        np.testing.assert_allclose(nats[1:], costs(model(ids[None, 333:-1])[0][0], ids[334:]), atol=2e-5)


@pytest.mark.parametrize("until", [2, 100, 101, 10**6])
def test_reading_may_end_earlier(until: int, performances: PreparedLevel) -> None:
    model, pieces = small("lstm", performances), performances.of_split("train")
    all_of_them = token_nats(model, performances, pieces, chunk_tokens=64).whole
    part = token_nats(model, performances, pieces, until=until, chunk_tokens=64).whole
    for piece in pieces:
        np.testing.assert_allclose(part[piece], all_of_them[piece][:until], atol=1e-5)


def test_progress_ends_at_what_was_announced(performances: PreparedLevel) -> None:
    shown: list[tuple[int, int]] = []
    pieces = performances.of_split("validation")
    stretches = {pieces[0]: {5: 30, 9: 10}}
    token_nats(
        small("lstm", performances), performances, pieces, stretches,
        chunk_tokens=64, on_progress=lambda done, total: shown.append((done, total)),
    )  # fmt: skip
    expected = sum(performances.entries[piece].length - 1 for piece in pieces) + 24 + 0
    assert shown[-1] == (expected, expected)
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert {total for _, total in shown} == {expected}
