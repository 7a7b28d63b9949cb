"""Logits over pitches from intervals: what is learned of a step or a third holds wherever it is sung.

Shapes: B batch, F frames, R references, C chroma channels, P pitches, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.modules.chroma import NUM_CLASSES, match_templates
from ritornello.modules.voices import SILENCE


class PitchHead(nn.Module):
    """Logits for *hold*, *rest*, and every pitch.

    The logit of a pitch is a sum: one number for the pitch itself; one for its interval from each
    reference pitch (where the voice is, the voices above it); and how well what has sounded fits a
    template centred on its pitch class. The numbers and templates are linear in the state.

    **Source**: relative *pitch* besides relative time is what carries the best published likelihood of
    chorales (Music Transformer, arXiv 1809.04281); there it enters attention, here the output.
    """

    def __init__(
        self, width: int, num_pitches: int, lowest_class: int, reaches: tuple[int, ...], num_chroma: int
    ) -> None:
        """Reference r tells intervals up to ``reaches[r]`` semitones apart; wider ones are as those."""
        super().__init__()
        self.num_pitches, self.reaches, self.num_chroma = num_pitches, reaches, num_chroma
        intervals = [2 * reach + 1 for reach in reaches]
        self.parts = [2, num_pitches, *intervals, num_chroma * NUM_CLASSES]
        self.project = nn.Linear(width, sum(self.parts))
        nn.init.normal_(self.project.weight, std=0.02)
        nn.init.zeros_(self.project.bias)
        pitches_P = torch.arange(num_pitches)
        self.register_buffer("pitches_P", pitches_P + 1, persistent=False)
        self.register_buffer("classes_P", (pitches_P + lowest_class) % NUM_CLASSES, persistent=False)
        self.pitches_P: Tensor
        self.classes_P: Tensor

    def forward(self, state_BFW: Tensor, references_BFR: Tensor, chroma_BFC12: Tensor) -> Tensor:
        """Logits (B, F, 2 + P); a reference is 1 + pitch index, or SILENCE, which judges nothing."""
        others_BF2, logits_BFP, *intervals, templates = self.project(state_BFW).split(self.parts, dim=-1)
        for reference_BF, judged, reach in zip(references_BFR.unbind(-1), intervals, self.reaches, strict=True):
            place_BFP = (self.pitches_P - reference_BF[..., None]).clamp(-reach, reach) + reach
            logits_BFP = logits_BFP + judged.gather(-1, place_BFP) * (reference_BF != SILENCE)[..., None]
        fit_BF12 = match_templates(chroma_BFC12.to(templates.dtype), templates.unflatten(-1, (-1, NUM_CLASSES)))
        return torch.cat([others_BF2, logits_BFP + fit_BF12[..., self.classes_P]], dim=-1)
