"""A head that judges intervals alone moves with its references."""

from __future__ import annotations

import torch

from ritornello.modules.pitches import PitchHead
from ritornello.modules.voices import SILENCE

NUM_PITCHES, LOWEST_CLASS = 30, 6


def head() -> PitchHead:
    torch.manual_seed(0)
    made = PitchHead(8, NUM_PITCHES, LOWEST_CLASS, (12, 20), num_chroma=1)
    torch.nn.init.normal_(made.project.weight)
    torch.nn.init.zeros_(made.project.weight[2 : 2 + NUM_PITCHES].detach())  # the part that knows the pitch itself
    return made


def test_transposed_surroundings_give_transposed_logits() -> None:
    state, chroma, references = torch.randn(1, 1, 8), torch.rand(1, 1, 1, 12), torch.tensor([[[10, 14]]])
    logits = head()(state, references, chroma)[0, 0]
    moved = head()(state, references + 3, chroma.roll(3, -1))[0, 0]
    assert torch.allclose(moved[:2], logits[:2])
    assert torch.allclose(moved[2 + 3 :], logits[2:-3], atol=1e-5)


def test_a_silent_reference_judges_nothing() -> None:
    state, chroma = torch.randn(1, 1, 8), torch.zeros(1, 1, 1, 12)
    silent = torch.full((1, 1, 2), SILENCE)
    assert torch.equal(head()(state, silent, chroma)[0, 0, 2:], torch.zeros(NUM_PITCHES))


def test_pitch_classes_begin_at_the_lowest() -> None:
    """Pitch index 0 has class 6, so chroma of class 6 alone, on a template of 0 alone, favours indices 0, 12, 24."""
    made = PitchHead(1, NUM_PITCHES, LOWEST_CLASS, (), num_chroma=1)
    torch.nn.init.zeros_(made.project.weight)
    made.project.weight.data[2 + NUM_PITCHES] = 1.0
    chroma = torch.zeros(1, 1, 1, 12)
    chroma[..., 6] = 1.0
    logits = made(torch.ones(1, 1, 1), torch.zeros(1, 1, 0, dtype=torch.int64), chroma)[0, 0, 2:]
    assert logits.nonzero().flatten().tolist() == [0, 12, 24]
