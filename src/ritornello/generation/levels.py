"""The trained models as generation uses them: three levels for each style of a Plan, or one for performances."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

from ritornello.errors import UserError
from ritornello.form.style import Style
from ritornello.models.base import LanguageModel
from ritornello.scores.score import Score
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.base import EventScheme, Vocabulary
from ritornello.tokenizers.chorale import ChoraleTokenizer
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.tokenizers.structure import StructureTokenizer

LEVELS = ("structure", "phrases", "notes")
"""The levels from the top down; each is also the name of its weights folder."""
_NOTES = {"chorale": ChoraleTokenizer, "song": EvenBarsTokenizer, "bach": EvenBarsTokenizer}


@dataclass(frozen=True, slots=True)
class Levels:
    """One model a level, each over the vocabulary of its scheme (``vocabularies_of``)."""

    structure: LanguageModel
    phrases: LanguageModel
    notes: LanguageModel


def vocabularies_of(style: Style) -> dict[str, Vocabulary]:
    """Name of a level -> the vocabulary of its scheme; the upper two have the same in every style."""
    schemes = (StructureTokenizer, PhraseTokenizer, _NOTES[style])
    return {name: scheme.vocabulary for name, scheme in zip(LEVELS, schemes, strict=True)}


def load_levels(folder: Path | None = None, style: Style = "chorale") -> Levels:
    """Loads the weights folders ``structure``, ``phrases`` and ``notes`` of ``folder``; None = the shipped ones.

    Raises:
        UserError: one of them is missing, damaged, or made for another vocabulary.
    """
    from ritornello.training.weights import load_weights  # so that composing with other models needs no training code

    root = Path(str(files("ritornello"))) / "weights" / style if folder is None else folder
    missing = [name for name in LEVELS if not (root / name).is_dir()]
    if missing:
        what, mend = f"has no folder {missing[0]}", f"train the levels of {style} and name their folder with --weights"
        raise UserError(what, where=str(root), mend=mend)
    models = {name: load_weights(root / name, vocabulary.hash) for name, vocabulary in vocabularies_of(style).items()}
    return Levels(**{name: cast("LanguageModel", model) for name, model in models.items()})


def load_notes(folder: Path | None = None, style: Style = "song") -> LanguageModel:
    """Loads the note level alone.

    Args:
        folder: that of the levels, or a weights folder or run of a note level; None = the shipped one.
        style: of the pieces.

    Raises:
        UserError: there is none, it is damaged, or made for another vocabulary.
    """
    from ritornello.training.weights import find_weights, load_weights

    root = Path(str(files("ritornello"))) / "weights" / style if folder is None else folder
    found = root / "notes" if (root / "notes").is_dir() else find_weights(root)
    return cast("LanguageModel", load_weights(found, vocabularies_of(style)["notes"].hash))


@dataclass(frozen=True, slots=True)
class Performer:
    """A model of performances, and the scheme of its tokens."""

    model: LanguageModel
    scheme: EventScheme[Score]


def is_performer(folder: Path) -> bool:
    """Whether a folder is, or a run has, the weights of one model, not a folder of the three levels of LEVELS.

    Raises:
        UserError: it is neither, or the weights are of one of the three levels.
    """
    from ritornello.training.weights import find_weights, read_facts

    if any((folder / name).is_dir() for name in LEVELS):
        return False
    level = read_facts(find_weights(folder)).get("level")
    if level in LEVELS:
        mend = f"name the folder that holds {', '.join(LEVELS)}"
        raise UserError(f"is one of three levels ({level})", where=str(folder), mend=mend)
    return True


def load_performer(folder: Path) -> Performer:
    """Loads a model of performances from a weights folder or a run.

    Raises:
        UserError: there is none, it is damaged, or it is made for a scheme that is not known.
    """
    from ritornello.training.weights import find_weights, load_weights, read_facts

    found = find_weights(folder)
    level = read_facts(found).get("level")
    tokenizer = TOKENIZERS.get(str(level))
    if tokenizer is None or not hasattr(tokenizer, "strikes_V"):
        raise UserError(f"its tokens are of an unknown scheme ({level})", where=str(folder), mend="train again")
    scheme = cast("EventScheme[Score]", tokenizer())
    return Performer(cast("LanguageModel", load_weights(found, scheme.vocabulary.hash)), scheme)
