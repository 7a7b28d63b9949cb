"""Which levels of tokens a corpus can be prepared as, by name.

A scheme turns a Score into one or more levels. Chorales have three (structure, phrases, notes), or
notes alone. A long piece has three likewise (structure, phrases, bars_plan), or its notes under the
structure alone. A performance, and a score of several parts in bars, has one, named like its token
scheme, from BOS to END, all of it scored but BOS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from ritornello.data.form_levels import encode_form, form_facts
from ritornello.data.levels import Encoded, encode_levels, level_facts
from ritornello.errors import UserError
from ritornello.scores.score import Score
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.base import Tokenizer


@dataclass(frozen=True, slots=True)
class Scheme:
    """``encode``: a piece at every level, may raise UserError; ``facts``: what a reader must know of each level."""

    encode: Callable[[Score], dict[str, Encoded]]
    facts: Callable[[], dict[str, dict[str, Any]]]


def _encode_piece(name: str, score: Score) -> dict[str, Encoded]:
    if not score.num_notes:
        raise UserError("has no notes")
    return {name: Encoded(_tokenizer(name).encode(score).ids.astype(np.uint16))}


def _piece_facts(name: str) -> dict[str, dict[str, Any]]:
    vocabulary = _tokenizer(name).vocabulary
    facts: dict[str, Any] = {
        "vocabulary_hash": vocabulary.hash,
        "vocabulary_size": len(vocabulary),
        "condition_sizes": [],
    }
    return {name: facts}


@cache
def _tokenizer(name: str) -> Tokenizer[Score]:
    tokenizer: Any = TOKENIZERS[name]
    return tokenizer()


SCHEMES: dict[str, Scheme] = {
    "chorale": Scheme(partial(encode_levels, with_plan=True), partial(level_facts, with_plan=True)),
    "chorale_notes": Scheme(partial(encode_levels, with_plan=False), partial(level_facts, with_plan=False)),
    "form": Scheme(partial(encode_form, with_phrases=True), partial(form_facts, with_phrases=True)),
    "form_structure": Scheme(partial(encode_form, with_phrases=False), partial(form_facts, with_phrases=False)),
    **{
        name: Scheme(partial(_encode_piece, name), partial(_piece_facts, name))
        for name in ("performance", "note_duration", "bars", "bars_even")
    },
}
