"""The three levels as the data sees them: which scheme writes each, and which tokens are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.form.analyse import analyse
from ritornello.form.plan import Plan
from ritornello.scores.score import IntArray, Score
from ritornello.tokenizers.chorale import FRAME_TOKENS, PAD, ChoraleTokenizer
from ritornello.tokenizers.phrase_cursor import PhraseCursor
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.tokenizers.structure import StructureCursor, StructureTokenizer


@dataclass(frozen=True, slots=True)
class Encoded:
    """One piece at one level: ids (T,), scored (T,), conditions (T, C) and source (T,).

    Without ``scored`` every token counts but the first. The last two are None where there is no plan.
    """

    ids: NDArray[np.uint16]
    scored: NDArray[np.bool_] | None = None
    conditions: NDArray[np.int16] | None = None
    source: NDArray[np.int32] | None = None


def encode_levels(score: Score, *, with_plan: bool) -> dict[str, Encoded]:
    """A piece at all its levels; raises UserError when a scheme cannot write it."""
    tokenizer = ChoraleTokenizer()
    notes = tokenizer.encode(score).ids
    scored = notes_scored(notes)
    if not with_plan:
        return {"notes": Encoded(notes.astype(np.uint16), scored)}
    plan = analyse(score)
    channels, source = tokenizer.conditions(plan, len(notes) // FRAME_TOKENS - 2)
    return {
        **encoded_plans(plan),
        "notes": Encoded(notes.astype(np.uint16), scored, channels.astype(np.int16), source.astype(np.int32)),
    }


def encoded_plans(plan: Plan) -> dict[str, Encoded]:
    """The two levels above the notes; raises UserError when their schemes cannot write the plan."""
    structure, phrases = StructureTokenizer(), PhraseTokenizer()
    return {
        "structure": _encoded_plan(structure, structure.encode(plan).ids, StructureCursor()),
        "phrases": _encoded_plan(phrases, phrases.encode(plan).ids, PhraseCursor()),
    }


def level_facts(*, with_plan: bool) -> dict[str, dict[str, Any]]:
    """What a reader of prepared data must know about each level."""
    if not with_plan:
        return {"notes": _facts(ChoraleTokenizer(), with_conditions=False)}
    return {**plan_facts(), "notes": _facts(ChoraleTokenizer(), with_conditions=True)}


def plan_facts() -> dict[str, dict[str, Any]]:
    """The same about the two levels above the notes."""
    schemes = {"structure": StructureTokenizer(), "phrases": PhraseTokenizer()}
    return {level: _facts(scheme, with_conditions=True) for level, scheme in schemes.items()}


def notes_scored(ids: IntArray) -> NDArray[np.bool_]:
    """The header is given and padding means nothing; all else is composed."""
    scored = ids != PAD
    scored[:FRAME_TOKENS] = False
    return scored


def plan_scored(ids: IntArray, cursor: StructureCursor | PhraseCursor) -> NDArray[np.bool_]:
    """Scored are the tokens that the grammar leaves open; for phrases, only after the structure, which is given."""
    scored = np.zeros(len(ids), dtype=bool)
    for place, token in enumerate(ids.tolist()):
        given = isinstance(cursor, PhraseCursor) and cursor.grid is None
        scored[place] = not given and len(cursor.allowed_ids()) > 1
        cursor.feed(token)
    return scored


def _encoded_plan(
    tokenizer: StructureTokenizer | PhraseTokenizer, ids: IntArray, cursor: StructureCursor | PhraseCursor
) -> Encoded:
    conditions = tokenizer.conditions(ids).astype(np.int16)
    return Encoded(ids.astype(np.uint16), plan_scored(ids, cursor), conditions)


def _facts(
    tokenizer: ChoraleTokenizer | StructureTokenizer | PhraseTokenizer, *, with_conditions: bool
) -> dict[str, Any]:
    return {
        "vocabulary_hash": tokenizer.vocabulary.hash,
        "vocabulary_size": len(tokenizer.vocabulary),
        "condition_sizes": list(tokenizer.condition_sizes) if with_conditions else [],
    }
