"""The inside of a frame: a mark, then the voices from the top down, each hearing those above it.

Shapes: B batch, F frames, V voices, D width, W slot width, C chroma channels, N features, P pitches, M marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.chroma import NUM_CLASSES, seen_from
from ritornello.modules.dropout import Dropout
from ritornello.modules.features import FeatureSum
from ritornello.modules.feedforward import FeedForward
from ritornello.modules.pitches import PitchHead
from ritornello.modules.voices import HOLD, NO_LEAP, SILENCE, Voices

NUM_AGES = 32
"""Frames since a note began: 0 to 30, or more."""
MAX_LEAP = 13
NUM_LEAPS = 2 * MAX_LEAP + 2
"""Semitones up or down by which a note was reached, or no note before it."""
MAX_INTERVAL = 48
NUM_INTERVALS = 2 * MAX_INTERVAL + 2
"""Semitones between two notes, or one of them silent."""
NUM_SOURCE_FEATURES = 2 + NUM_LEAPS
"""What a voice of the source does: hold, rest, or strike, seen from where the own voice is."""
_OWN_REACH = 24


class Alphabet(NamedTuple):
    """What can stand in a frame."""

    num_marks: int
    num_voices: int
    num_pitches: int
    lowest_class: int
    """Pitch class of the lowest pitch."""


class Surroundings(NamedTuple):
    """What is known when F frames begin."""

    frame_BFD: Tensor
    """The backbone's state."""
    before: Voices
    """(B, F, V) as the voices were one frame earlier."""
    chroma_BFC12: Tensor
    """What has sounded, and what the plan names, by pitch class."""
    features_BFN: Tensor
    """Integer features of the frame as a whole."""
    source_BFV: Tensor
    """Feature of each voice: what the source does here, see ``source_feature``."""

    def then(self, later: Surroundings) -> Surroundings:
        """These frames and later ones."""
        return Surroundings(
            torch.cat([self.frame_BFD, later.frame_BFD], dim=1),
            Voices(*(torch.cat(rows, dim=1) for rows in zip(self.before, later.before, strict=True))),
            torch.cat([self.chroma_BFC12, later.chroma_BFC12], dim=1),
            torch.cat([self.features_BFN, later.features_BFN], dim=1),
            torch.cat([self.source_BFV, later.source_BFV], dim=1),
        )

    def since(self, frame: int) -> Surroundings:
        """The frames from ``frame`` on."""
        return Surroundings(
            self.frame_BFD[:, frame:],
            Voices(*(row[:, frame:] for row in self.before)),
            self.chroma_BFC12[:, frame:],
            self.features_BFN[:, frame:],
            self.source_BFV[:, frame:],
        )


class SlotDecoder(nn.Module):
    """Logits for every slot of a frame, given the slots before it.

    One small network serves all slots; the mark and each voice have their own way in and out.
    """

    def __init__(
        self,
        width: int,
        slot_width: int,
        num_layers: int,
        alphabet: Alphabet,
        num_chroma: int,
        frame_sizes: Sequence[int],
        dropout: float,
        feature_dropout: float,
    ) -> None:
        """``width`` is the backbone's, ``frame_sizes`` are those of ``Surroundings.features_BFN``."""
        super().__init__()
        num_marks, num_voices, num_pitches, lowest_class = alphabet
        self.num_slots, self.lowest_class = 1 + num_voices, lowest_class
        own, above = [num_pitches + 1, NUM_AGES], [num_pitches + 1, NUM_INTERVALS, NUM_LEAPS + 1]
        voices = [[NUM_SOURCE_FEATURES, num_marks, *own, *above * voice] for voice in range(num_voices)]
        self.features = nn.ModuleList(
            FeatureSum([*frame_sizes, *sizes], slot_width, feature_dropout) for sizes in [own * num_voices, *voices]
        )
        self.from_frame = nn.Linear(width, self.num_slots * slot_width)
        self.from_chroma = nn.ModuleList(
            nn.Linear(num_chroma * NUM_CLASSES, slot_width, bias=False) for _ in range(num_voices)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(slot_width) for _ in range(num_layers))
        self.layers = nn.ModuleList(FeedForward(slot_width, 2 * slot_width, dropout) for _ in range(num_layers))
        self.norm_out = nn.LayerNorm(slot_width)
        self.dropout = Dropout(dropout)
        self.mark_head = nn.Linear(slot_width, num_marks)
        self.pitch_heads = nn.ModuleList(
            PitchHead(slot_width, num_pitches, lowest_class, (_OWN_REACH, *[MAX_INTERVAL] * voice), num_chroma)
            for voice in range(num_voices)
        )

    def forward(self, marks_BF: Tensor, now: Voices, known: Surroundings, slots: range) -> list[Tensor]:
        """Logits of each of ``slots``: (B, F, M) for the mark (slot 0), (B, F, 2 + P) for a voice.

        Args:
            marks_BF: the mark of each frame; used by later slots only.
            now: (B, F, V) the voices in each frame; each is used by later slots only.
            known: what is known when the frames begin.
            slots: which slots, consecutive.
        """
        from_frame = self.from_frame(known.frame_BFD).unflatten(-1, (self.num_slots, -1))
        own_class_BFV = (known.before.pitch_BFV - 1 + self.lowest_class) % NUM_CLASSES
        inputs: list[Tensor] = []
        for slot in slots:
            features_BFN = _features(slot, marks_BF, now, known)
            state_BFW = from_frame[:, :, slot] + self.features[slot](features_BFN)
            if slot:
                voice = slot - 1
                seen = seen_from(known.chroma_BFC12, own_class_BFV[..., voice])
                state_BFW = state_BFW + self.from_chroma[voice](seen.flatten(-2))
            inputs.append(state_BFW)
        states = torch.stack(inputs, dim=2)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            states = states + self.dropout(layer(norm(states)))
        states = self.norm_out(states)
        return [self._logits(slot, state, now, known) for slot, state in zip(slots, states.unbind(2), strict=True)]

    def _logits(self, slot: int, state_BFW: Tensor, now: Voices, known: Surroundings) -> Tensor:
        if not slot:
            return self.mark_head(state_BFW)
        voice = slot - 1
        references = torch.cat([known.before.pitch_BFV[..., voice : voice + 1], now.pitch_BFV[..., :voice]], dim=-1)
        return self.pitch_heads[voice](state_BFW, references, known.chroma_BFC12)


def _features(slot: int, marks_BF: Tensor, now: Voices, known: Surroundings) -> Tensor:
    """Integer features (B, F, N) of a slot: the frame's own, then those of the mark or of a voice."""
    before = known.before
    ages_BFV = before.age_BFV.clamp(max=NUM_AGES - 1)
    if not slot:
        return torch.cat([known.features_BFN, torch.stack([before.pitch_BFV, ages_BFV], -1).flatten(-2)], dim=-1)
    voice = slot - 1
    own_BF = before.pitch_BFV[..., voice]
    columns = [known.source_BFV[..., voice], marks_BF, own_BF, ages_BFV[..., voice]]
    for above in range(voice):
        pitch_BF, leap_BF = now.pitch_BFV[..., above], leap_feature(now.leap_BFV[..., above])
        moved_BF = torch.where(now.age_BFV[..., above] > 0, NUM_LEAPS, leap_BF)  # held notes do not leap
        columns += [pitch_BF, interval_feature(pitch_BF, own_BF), moved_BF]
    return torch.cat([known.features_BFN, torch.stack(columns, dim=-1)], dim=-1)


def leap_feature(leap: Tensor) -> Tensor:
    """A leap as an integer in [0, NUM_LEAPS)."""
    return torch.where(leap == NO_LEAP, NUM_LEAPS - 1, leap.clamp(-MAX_LEAP, MAX_LEAP) + MAX_LEAP)


def interval_feature(pitch: Tensor, other: Tensor) -> Tensor:
    """Semitones from ``other`` up to ``pitch`` as an integer in [0, NUM_INTERVALS)."""
    silent = (pitch == SILENCE) | (other == SILENCE)
    interval = (pitch - other).clamp(-MAX_INTERVAL, MAX_INTERVAL) + MAX_INTERVAL
    return torch.where(silent, NUM_INTERVALS - 1, interval)


def source_feature(event: Tensor, own_pitch: Tensor) -> Tensor:
    """What the source does as an integer in [0, NUM_SOURCE_FEATURES), seen from where the own voice is."""
    leap = torch.where(own_pitch == SILENCE, NO_LEAP, event - own_pitch)
    struck = 2 + leap_feature(leap)
    return torch.where(event == HOLD, 0, torch.where(event == SILENCE, 1, struck))
