"""The three trained levels as generation uses them, and where they are loaded from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

from ritornello.models.base import LanguageModel
from ritornello.tokenizers.chorale import ChoraleTokenizer
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.tokenizers.structure import StructureTokenizer

LEVELS = {"structure": StructureTokenizer, "phrases": PhraseTokenizer, "notes": ChoraleTokenizer}
"""Name of a level, which is also the name of its weights folder -> its scheme, from the top down."""


@dataclass(frozen=True, slots=True)
class Levels:
    """One model a level, each over the vocabulary of its scheme in LEVELS."""

    structure: LanguageModel
    phrases: LanguageModel
    notes: LanguageModel


def load_levels(folder: Path | None = None) -> Levels:
    """Loads the weights folders ``structure``, ``phrases`` and ``notes`` of ``folder``; None = the shipped ones.

    Raises:
        UserError: one of them is missing, damaged, or made for another vocabulary.
    """
    from ritornello.training.weights import load_weights  # so that composing with other models needs no training code

    root = Path(str(files("ritornello"))) / "weights" if folder is None else folder
    models = {name: load_weights(root / name, scheme.vocabulary.hash) for name, scheme in LEVELS.items()}
    return Levels(**{name: cast("LanguageModel", model) for name, model in models.items()})
