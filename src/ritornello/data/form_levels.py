"""The three levels of a long piece: the structure and phrases of its plan, and its notes in bars under that plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ritornello.data.levels import Encoded, encoded_plans, plan_facts
from ritornello.errors import UserError
from ritornello.form.analyse import analyse
from ritornello.scores.score import Score
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.bars_conditions import CONDITION_SIZES, PLACE_CHANNELS, Guide
from ritornello.tokenizers.structure import top_level

NOTES = "bars_plan"
"""Name of the level of notes."""


def encode_form(score: Score, *, with_phrases: bool) -> dict[str, Encoded]:
    """A piece at all its levels, or, without phrases, its notes alone under the structure alone.

    Chord symbols are not written among the notes: harmony is the plan's to say, and what it costs is counted there.

    Raises:
        UserError: it has no notes, cannot be analysed, or a scheme cannot write it.
    """
    if not score.num_notes:
        raise UserError("has no notes")
    tokenizer, plan = EvenBarsTokenizer(), analyse(score)
    ids = tokenizer.encode(replace(score, chords=())).ids
    guide = Guide(plan if with_phrases else top_level(plan))
    channels, source = guide.conditions(ids, tokenizer.places(ids))
    notes = Encoded(ids.astype(np.uint16), None, channels.astype(np.int16), source.astype(np.int32))
    return {**(encoded_plans(plan) if with_phrases else {}), NOTES: notes}


def form_facts(*, with_phrases: bool) -> dict[str, dict[str, Any]]:
    """What a reader of prepared data must know about each level."""
    vocabulary = EvenBarsTokenizer.vocabulary
    facts: dict[str, Any] = {
        "vocabulary_hash": vocabulary.hash,
        "vocabulary_size": len(vocabulary),
        "condition_sizes": list(CONDITION_SIZES),
        "place_channels": len(PLACE_CHANNELS),
    }
    return {**(plan_facts() if with_phrases else {}), NOTES: facts}
