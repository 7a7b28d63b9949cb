"""What has sounded of late, by pitch class: a memory that fades, and how a voice looks at it.

A listener knows the key from the pitch classes heard, and knows a pitch by its place among them,
wherever the key lies. So the memory is read *relative to a pitch*: turned until that pitch's class
is 0 (as input), or against templates (as output), the way Krumhansl and Schmuckler find keys.
Whatever is learned in one key then holds in all twelve.

Shapes: B batch, F frames, V voices, C channels, 12 pitch classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

NUM_CLASSES = 12


def fading_sums(heard_BF12: Tensor, before_BC12: Tensor, fades: tuple[float, ...]) -> Tensor:
    """Per channel the pitch classes heard so far, each weighted by exp(-frames since / fade).

    Args:
        heard_BF12: how often each pitch class sounds in each of F new frames.
        before_BC12: the sums after the frame before the first of them; 0 at the beginning.
        fades: per channel, the number of frames in which a weight falls to 1/e.

    Returns:
        (B, F, C, 12) after each frame; the last of them is ``before_BC12`` for the next call.
    """
    F = heard_BF12.shape[1]
    rates_C11 = 1 / heard_BF12.new_tensor(fades)[:, None, None]
    frames_F = torch.arange(F, dtype=heard_BF12.dtype, device=heard_BF12.device)
    ages_FF = frames_F[:, None] - frames_F
    weights_CFF = torch.where(ages_FF >= 0, torch.exp(-ages_FF.clamp(min=0) * rates_C11), 0.0)
    carried_CF1 = torch.exp(-(frames_F[:, None] + 1) * rates_C11)
    sums_BCF12 = weights_CFF @ heard_BF12[:, None] + carried_CF1 * before_BC12[:, :, None]
    return sums_BCF12.transpose(1, 2)


def class_counts(classes_BFV: Tensor, counted_BFV: Tensor) -> Tensor:
    """How many of the counted voices sound each pitch class: (B, F, 12), dtype of ``counted_BFV``."""
    counts_BF12 = counted_BFV.new_zeros(*classes_BFV.shape[:-1], NUM_CLASSES)
    return counts_BF12.scatter_add(-1, classes_BFV, counted_BFV)


def shares(sums_BFC12: Tensor) -> Tensor:
    """Each channel scaled to the sum 1; 0 where nothing was heard."""
    return sums_BFC12 / (sums_BFC12.sum(dim=-1, keepdim=True) + 1e-6)


def seen_from(chroma_BFC12: Tensor, classes_BF: Tensor) -> Tensor:
    """Chroma turned so that the pitch class given for each frame becomes class 0; same shape."""
    turned_BF12 = (classes_BF[..., None] + torch.arange(NUM_CLASSES, device=classes_BF.device)) % NUM_CLASSES
    return chroma_BFC12.gather(-1, turned_BF12[:, :, None].expand_as(chroma_BFC12))


def match_templates(chroma_BFC12: Tensor, templates_BFC12: Tensor) -> Tensor:
    """How well each pitch class k fits as centre (B, F, 12): the sum over c, i of chroma[c, k + i] template[c, i]."""
    classes = torch.arange(NUM_CLASSES, device=chroma_BFC12.device)
    turned = chroma_BFC12[..., (classes[:, None] + classes) % NUM_CLASSES]
    return torch.einsum("bfcki,bfci->bfk", turned, templates_BFC12)
