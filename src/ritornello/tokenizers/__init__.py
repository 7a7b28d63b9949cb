"""Token schemes: one a file; this table is the only list of them."""

from __future__ import annotations

from ritornello.tokenizers.chorale import ChoraleTokenizer

TOKENIZERS = {tokenizer.name: tokenizer for tokenizer in (ChoraleTokenizer,)}
"""Name -> class."""
