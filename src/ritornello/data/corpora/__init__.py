"""All corpora by name."""

from ritornello.data.corpora.bach_370 import BACH_370
from ritornello.data.corpora.base import Corpus
from ritornello.data.corpora.jsb_chorales import JSB_CHORALES
from ritornello.data.corpora.music21_bach import MUSIC21_BACH

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (MUSIC21_BACH, BACH_370, JSB_CHORALES)}
