"""Windows with context: what is only heard counts as if it had been read, and gradients flow through it."""

from __future__ import annotations

import pytest
import torch

from ritornello.data.prepared import PreparedLevel
from ritornello.data.windows import WindowLoader
from ritornello.models.transformer import Transformer, TransformerConfig
from ritornello.training.likelihood import summed_nats


@pytest.mark.parametrize("segmentation", ["random_start", "effective", "cropped"])
def test_the_loss_is_that_of_the_last_tokens_of_each_row_read_at_once(
    segmentation: str, performances: PreparedLevel
) -> None:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocabulary_size=performances.vocabulary_size,
        width=16,
        num_layers=2,
        num_heads=2,
        feedforward_width=32,
        window=250,
    )
    model = Transformer(config).double().eval()
    batch = WindowLoader(
        performances, seed=2, batch_tokens=400, window_tokens=30, context_tokens=300, segmentation=segmentation
    ).batch(1)
    assert (len(set(batch.context_tokens)) > 1) == (segmentation != "cropped")
    nats, state = summed_nats(model, batch)
    assert state is None
    nats.backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    expected = torch.zeros((), dtype=torch.float64)
    for ids, scored in zip(batch.ids_BT, batch.scored_BT, strict=True):
        log_probabilities_TV = model(ids[None, :-1])[0][0].log_softmax(-1)
        costs_T = -log_probabilities_TV.gather(1, ids[1:, None])[:, 0]
        expected = expected + costs_T[scored[1:]].sum()
    expected.backward()
    assert nats.item() == pytest.approx(expected.item(), rel=1e-6)
    for name, parameter in model.named_parameters():
        assert torch.allclose(found[name], parameter.grad, atol=1e-5), name  # type: ignore[arg-type]
