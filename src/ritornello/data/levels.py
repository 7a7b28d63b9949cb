"""The three levels as the data sees them: which scheme writes each, and which tokens are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray, Score
from ritornello.tokenizers.chorale import FRAME_TOKENS, PAD, ChoraleTokenizer


@dataclass(frozen=True, slots=True)
class Encoded:
    """One piece at one level: ids (T,), scored (T,), conditions (T, C) and source (T,) or None."""

    ids: NDArray[np.uint16]
    scored: NDArray[np.bool_]
    conditions: NDArray[np.int16] | None = None
    source: NDArray[np.int32] | None = None


def encode_levels(score: Score, *, with_plan: bool) -> dict[str, Encoded]:
    """A piece at all its levels; raises UserError when a scheme cannot write it."""
    tokenizer = ChoraleTokenizer()
    notes = tokenizer.encode(score).ids
    scored = notes_scored(notes)
    if not with_plan:
        return {"notes": Encoded(notes.astype(np.uint16), scored)}
    from ritornello.form.analyse import analyse

    plan = analyse(score)
    channels, source = tokenizer.conditions(plan, len(notes) // FRAME_TOKENS - 2)
    return {"notes": Encoded(notes.astype(np.uint16), scored, channels.astype(np.int16), source.astype(np.int32))}


def level_facts(*, with_plan: bool) -> dict[str, dict[str, Any]]:
    """What a reader of prepared data must know about each level."""
    return {"notes": _facts(ChoraleTokenizer(), with_conditions=with_plan)}


def _facts(tokenizer: ChoraleTokenizer, *, with_conditions: bool) -> dict[str, Any]:
    return {
        "vocabulary_hash": tokenizer.vocabulary.hash,
        "vocabulary_size": len(tokenizer.vocabulary),
        "condition_sizes": list(tokenizer.condition_sizes) if with_conditions else [],
    }


def notes_scored(ids: IntArray) -> NDArray[np.bool_]:
    """The header is given and padding means nothing; all else is composed."""
    scored = ids != PAD
    scored[:FRAME_TOKENS] = False
    return scored
