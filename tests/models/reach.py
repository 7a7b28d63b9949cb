"""A corpus whose only predictable event lies at a known distance, and what a model makes of it.

A sequence is noise, but for one *cue*, one of ``NUM_VALUES`` tokens; for one *question*, always the same token; and
for the *answer* after the question, which is the cue again. So the answer is known to whoever hears the cue at the
question, and costs all others ``CHANCE`` nats. Where the cue stands is drawn by chance; the distance is given.

Shapes: B sequences, T tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

NUM_NOISES, NUM_VALUES = 4, 4
QUESTION = NUM_NOISES + NUM_VALUES
VOCABULARY_SIZE = QUESTION + 1
CHANCE = math.log(NUM_VALUES)


class Sequences(NamedTuple):
    """Sequences and where their events stand."""

    ids_BT: Tensor
    cues_B: Tensor
    """Positions."""
    questions_B: Tensor
    """Positions; the answer comes next."""

    def chosen(self, rows: Tensor) -> Sequences:
        """Some of them (indices, or a mask)."""
        return Sequences(self.ids_BT[rows], self.cues_B[rows], self.questions_B[rows])


def draw_sequences(num_tokens: int, distances: Sequence[int]) -> Sequences:
    """A sequence for each distance (tokens from cue to question, 1 to ``num_tokens`` - 2)."""
    distances_B, rows_B = torch.tensor(distances), torch.arange(len(distances))
    room_B = num_tokens - 1 - distances_B
    cues_B = (torch.rand(len(distances)) * room_B).long()
    questions_B = cues_B + distances_B
    ids_BT = torch.randint(NUM_NOISES, (len(distances), num_tokens))
    ids_BT[rows_B, cues_B] = ids_BT[rows_B, questions_B + 1] = torch.randint(NUM_NOISES, QUESTION, rows_B.shape)
    ids_BT[rows_B, questions_B] = QUESTION
    return Sequences(ids_BT, cues_B, questions_B)


def nats_of_answers(model: Any, sequences: Sequences) -> Tensor:
    """(B,)."""
    rows_B, questions_B = torch.arange(len(sequences.ids_BT)), sequences.questions_B
    logits_BTV, _ = model(sequences.ids_BT)
    answers_B = sequences.ids_BT[rows_B, questions_B + 1]
    return cross_entropy(logits_BTV[rows_B, questions_B], answers_B, reduction="none")


def learn(model: Any, num_tokens: int, distances: Sequence[int], *, known: Sequences, most_steps: int = 500) -> None:
    """From new sequences at every step, from their answers alone, until the answers of ``known`` are known."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0, betas=(0.9, 0.98))
    for step in range(1, 1 + most_steps):
        nats_of_answers(model, draw_sequences(num_tokens, distances)).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 20 == 0:
            with torch.no_grad():
                if nats_of_answers(model, known).mean() < 0.03 * CHANCE:
                    return
