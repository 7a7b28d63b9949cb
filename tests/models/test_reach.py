"""What a model can hear it learns to use, and what it cannot hear it never knows, at 1, 2, 4 and 8 times a unit.

What is heard is read off the model's own masks; so these tests tie together the masks, the arithmetic and learning.
Whether a cue is heard *in one stage* or only through another position makes a difference where no gradient crosses the
borders of segments: such a position is never taught to pass on what it heard. So there nothing is expected between.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from ritornello.models.events import EventModel
from ritornello.training.build import build_model
from tests.contracts.model_entries import heard
from tests.models.reach import CHANCE, VOCABULARY_SIZE, Sequences, draw_sequences, learn, nats_of_answers

UNIT, SEGMENT = 4, 8
DISTANCES = (UNIT, 2 * UNIT, 4 * UNIT, 8 * UNIT)
NUM_TOKENS = 10 * UNIT
SMALL = {"width": 32, "num_heads": 2, "num_layers": 1, "feedforward_width": 32, "dropout": 0.0}
BAR = 0  # one of the noises


class Case(NamedTuple):
    """A model and what its design claims."""

    model: str
    values: dict[str, Any]
    farthest: int | None
    """Units from which it always hears, and beyond which it never hears; None: it depends on the place."""
    relays: bool = True
    """Whether it learns to pass on what is heard through other positions only."""


CASES = {
    "window": Case("transformer", {"window": UNIT + 1}, 1),
    "window, two layers": Case("transformer", {"window": UNIT + 1, "num_layers": 2}, 2),
    "blocks": Case("transformer", {"block": UNIT}, 1),
    "transformer_xl": Case("transformer_xl", {"segment": SEGMENT, "memory": 2 * UNIT}, 2),
    "dsmr full": Case("dsmr", {"segment": SEGMENT, "schedule": "full"}, 8),
    "fhcr": Case("dsmr", {"segment": SEGMENT, "schedule": "full", "num_kv_heads": 1}, 8),
    "dsmr uniform": Case("dsmr", {"segment": SEGMENT, "schedule": "uniform", "budget": 2 * UNIT}, 2),
    "dsmr two_scale": Case("dsmr", {"segment": SEGMENT, "schedule": "two_scale", "budget": 4 * UNIT, "num_layers": 2},
                           4, relays=False),
    "dsmr sliding": Case("dsmr", {"segment": SEGMENT, "schedule": "sliding", "budget": 2 * UNIT}, 2),
    "dsmr strided": Case("dsmr", {"segment": SEGMENT, "schedule": "strided", "budget": 2 * UNIT}, None),
    "dsmr random": Case("dsmr", {"segment": SEGMENT, "schedule": "random", "budget": 4 * UNIT}, None),
    "dsmr temporal_pruning": Case("dsmr", {"segment": SEGMENT, "schedule": "temporal_pruning", "budget": 4 * UNIT,
                                           "num_layers": 2}, 4),
    "perceiver_ar": Case("perceiver_ar", {"context": 2 * UNIT + 1, "latents": UNIT}, 2),
    "perceiver_s": Case("perceiver_s", {"context": 4 * UNIT + 1, "latents": UNIT, "scales": (None, UNIT + 1)}, 4),
    "museformer": Case("museformer", {"fine_spans": (1, 2), "bar_ids": (BAR,)}, 8),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_learns_what_it_hears_and_nothing_else(name: str) -> None:
    case = CASES[name]
    torch.manual_seed(0)
    model = build_model(case.model, {**SMALL, **case.values}, vocabulary_size=VOCABULARY_SIZE)
    distances = DISTANCES * 128
    sequences, units_B = draw_sequences(NUM_TOKENS, distances), torch.tensor(distances) // UNIT
    hears_B, hears_at_once_B = heard_cues(model, sequences)
    if case.farthest is not None:
        assert torch.equal(hears_B, units_B <= case.farthest)
    known_B = hears_B if case.relays else hears_at_once_B
    learn(model, NUM_TOKENS, DISTANCES * 16, known=sequences.chosen(known_B))
    with torch.no_grad():
        nats_B = nats_of_answers(model, sequences)
    assert nats_B[known_B].mean() < 0.1 * CHANCE
    if not hears_B.all():
        assert nats_B[~hears_B].mean() > 0.9 * CHANCE


def heard_cues(model: EventModel, sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Whether the cue is heard at the question (B,): through all stages, and in one of them alone."""
    through: list[Tensor] = []
    at_once: list[Tensor] = []
    for ids_T, cue, question in zip(*sequences, strict=True):
        through.append(heard(model, ids_T)[question, cue])
        at_once.append(torch.stack([mask_TT[question, cue] for mask_TT in model.hears(ids_T).values()]).any())
    return torch.stack(through), torch.stack(at_once)
