"""Against sums written out, and against transposition."""

from __future__ import annotations

import math

import torch

from ritornello.modules.chroma import class_counts, fading_sums, match_templates, seen_from, shares

FADES = (3.0, 1e9)


def test_fading_sums_are_the_sums_written_out() -> None:
    heard = torch.rand(2, 7, 12, dtype=torch.float64)
    before = torch.rand(2, 2, 12, dtype=torch.float64)
    sums = fading_sums(heard, before, FADES)
    for channel, fade in enumerate(FADES):
        for frame in range(7):
            expected = before[:, channel] * math.exp(-(frame + 1) / fade)
            for earlier in range(frame + 1):
                expected = expected + heard[:, earlier] * math.exp(-(frame - earlier) / fade)
            assert torch.allclose(sums[:, frame, channel], expected, atol=1e-12)


def test_fading_sums_go_on_where_they_stopped() -> None:
    heard, nothing = torch.rand(2, 9, 12, dtype=torch.float64), torch.zeros(2, 2, 12, dtype=torch.float64)
    whole = fading_sums(heard, nothing, FADES)
    first = fading_sums(heard[:, :4], nothing, FADES)
    second = fading_sums(heard[:, 4:], first[:, -1], FADES)
    assert torch.allclose(torch.cat([first, second], dim=1), whole, atol=1e-12)


def test_silent_voices_are_not_counted() -> None:
    classes, counted = torch.tensor([[[0, 4, 4, 7]]]), torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    assert class_counts(classes, counted)[0, 0].tolist() == [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]


def test_shares_sum_to_one_or_to_nothing() -> None:
    sums = torch.tensor([[2.0, 6.0], [0.0, 0.0]])
    assert torch.allclose(shares(sums), torch.tensor([[0.25, 0.75], [0.0, 0.0]]), atol=1e-5)


def test_seen_from_brings_the_pitch_class_to_zero() -> None:
    chroma = torch.zeros(1, 1, 1, 12)
    chroma[..., 9] = 1.0
    seen = seen_from(chroma, torch.tensor([[7]]))
    assert seen.flatten().nonzero().item() == 2


def test_transposed_music_fits_the_same_template_transposed() -> None:
    chroma, templates = torch.rand(1, 3, 2, 12), torch.rand(1, 3, 2, 12)
    fit = match_templates(chroma, templates)
    moved = match_templates(chroma.roll(5, -1), templates)
    assert torch.allclose(moved, fit.roll(5, -1), atol=1e-6)
    centre = sum(chroma[0, 1, c, (4 + i) % 12] * templates[0, 1, c, i] for c in range(2) for i in range(12))
    assert torch.allclose(fit[0, 1, 4], torch.as_tensor(centre))
