"""Likelihood: sums worked out by hand, padding and headers never counted, one piece as good as many."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ritornello.data.prepared import PreparedLevel
from ritornello.training.build import build_model
from ritornello.training.figures import Likelihood
from ritornello.training.likelihood import likelihood, likelihood_of_mixture, num_scored, summed_nats
from ritornello.training.recipe import Recipe

VOICES = ("soprano", "alto", "tenor", "bass")


class Uniform(nn.Module):
    """Every token is as likely as every other."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.size = vocabulary_size
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, ids_BT: Tensor, state: None = None, _conditions: object = None) -> tuple[Tensor, None]:
        return torch.zeros(*ids_BT.shape, self.size), state


@pytest.fixture
def data(prepared_toy: Path) -> PreparedLevel:
    return PreparedLevel(prepared_toy, "notes")


@pytest.fixture
def tiny(tiny_recipe: Recipe, data: PreparedLevel) -> nn.Module:
    torch.manual_seed(4)
    return build_model(tiny_recipe.model.name, {}, vocabulary_size=data.vocabulary_size, condition_sizes=())


def test_uniform_model_costs_the_logarithm_of_the_vocabulary(data: PreparedLevel) -> None:
    result = likelihood(Uniform(data.vocabulary_size), data, data.of_split("validation"))
    assert result.protocol == "whole pieces, teacher-forced, no plan"
    for group in (*VOICES, "marks"):
        assert result.of(group) == pytest.approx(math.log(data.vocabulary_size), rel=1e-6)


def test_every_voice_step_is_counted_once(data: PreparedLevel) -> None:
    pieces = data.of_split("validation")
    result = likelihood(Uniform(data.vocabulary_size), data, pieces)
    frames = [data.entries[i].length // 5 - 2 for i in pieces]  # without header and END
    assert result.tokens[:, 1:].tolist() == [[n] * 4 for n in frames]
    assert result.tokens[:, 0].tolist() == [n + 1 for n in frames]  # END is a mark


def test_mean_over_pieces_by_hand() -> None:
    nats, tokens = np.array([[9.0, 1, 2, 3, 4], [9, 0, 0, 0, 2]]), np.array([[1, 10, 10, 10, 10], [1, 1, 1, 1, 1]])
    nothing = np.zeros(0)
    result = Likelihood(
        "by hand", ("marks", *VOICES), ("long", "short"), nats, tokens, nothing, nothing, np.zeros(2), np.zeros(2)
    )
    assert result.headline == pytest.approx(12 / 44)
    assert result.mean_over_pieces == pytest.approx((10 / 40 + 2 / 4) / 2)


def test_figures_do_not_depend_on_the_batches(data: PreparedLevel, tiny: nn.Module) -> None:
    pieces = data.of_split("train")
    many = likelihood(tiny, data, pieces, batch_tokens=2000)
    single = likelihood(tiny, data, pieces, batch_tokens=1)
    np.testing.assert_allclose(many.nats, single.nats, rtol=1e-5)
    assert many.pieces == tuple(data.entries[i].id for i in pieces)


def test_model_is_left_in_the_mode_it_was_in(data: PreparedLevel, tiny: nn.Module) -> None:
    tiny.train()
    one, other = (likelihood(tiny, data, data.of_split("validation")).headline for _ in range(2))
    assert one == other, "dropout was on"
    assert tiny.training


def test_mixture_of_one_is_the_plain_figure(data: PreparedLevel, tiny: nn.Module) -> None:
    pieces = data.of_split("validation")
    plain, mixture = likelihood(tiny, data, pieces), likelihood_of_mixture(tiny, data, pieces, (0, 0))
    np.testing.assert_allclose(plain.nats, mixture.nats, rtol=1e-5)


def test_mixture_is_no_worse_than_the_mean_of_its_members(data: PreparedLevel, tiny: nn.Module) -> None:
    pieces = data.of_split("validation")[:1]
    members = [likelihood_of_mixture(tiny, data, pieces, (0, 0)).headline]
    mixture = likelihood_of_mixture(tiny, data, pieces, (-1, 1))
    assert "mixture of transpositions -1 to 1" in mixture.protocol
    assert abs(mixture.headline - members[0]) < 0.5
    assert mixture.headline != members[0]


def test_loss_is_the_mean_over_scored_tokens(data: PreparedLevel, tiny: nn.Module) -> None:
    pieces = data.of_split("validation")
    batch = next(data.whole_batches(pieces, 10**6))
    expected = likelihood(tiny, data, pieces).of(*VOICES, "marks")
    assert summed_nats(tiny.eval(), batch)[0].item() / num_scored(batch) == pytest.approx(expected, rel=1e-5)


def test_unscored_tokens_have_no_gradient(data: PreparedLevel) -> None:
    batch = next(data.whole_batches(data.of_split("validation"), 10**6))
    logits = torch.zeros(*batch.ids_BT[:, 1:].shape, data.vocabulary_size, requires_grad=True)
    loss, _ = summed_nats(lambda *_: (logits, None), batch)  # type: ignore[arg-type]
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad.abs().sum(-1) > 0).equal(batch.scored_BT[:, 1:])


def test_minus_infinity_on_padding_is_harmless(data: PreparedLevel) -> None:
    class Masked(Uniform):
        def forward(self, ids_BT: Tensor, state: None = None, conditions: object = None) -> tuple[Tensor, None]:
            logits, state = super().forward(ids_BT, state, conditions)
            logits[..., 0] = -math.inf  # PAD is impossible; it is never scored
            return logits, state

    result = likelihood(Masked(data.vocabulary_size), data, data.of_split("validation"))
    assert result.headline == pytest.approx(math.log(data.vocabulary_size - 1), rel=1e-6)
