"""Token schemes: one a file; this table is the only list of them."""

from __future__ import annotations

from ritornello.tokenizers.bars import BarsTokenizer, EvenBarsTokenizer
from ritornello.tokenizers.chorale import ChoraleTokenizer
from ritornello.tokenizers.note_duration import NoteDurationTokenizer
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.tokenizers.structure import StructureTokenizer

TOKENIZERS = {
    StructureTokenizer.name: StructureTokenizer,
    PhraseTokenizer.name: PhraseTokenizer,
    ChoraleTokenizer.name: ChoraleTokenizer,
    BarsTokenizer.name: BarsTokenizer,
    EvenBarsTokenizer.name: EvenBarsTokenizer,
    PerformanceTokenizer.name: PerformanceTokenizer,
    NoteDurationTokenizer.name: NoteDurationTokenizer,
}
"""Name -> class, from the top down."""
