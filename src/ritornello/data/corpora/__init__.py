"""All corpora by name."""

from ritornello.data.corpora.bach_370 import BACH_370
from ritornello.data.corpora.base import Corpus
from ritornello.data.corpora.jsb_chorales import JSB_CHORALES
from ritornello.data.corpora.music21_bach import MUSIC21_BACH
from ritornello.errors import UserError

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (MUSIC21_BACH, BACH_370, JSB_CHORALES)}


def corpus_named(name: str) -> Corpus:
    """The corpus of that name, or the one that a path names; raises UserError when there is neither."""
    if name in CORPORA:
        return CORPORA[name]
    raise UserError(f"no such corpus: {name!r}", where="corpus", mend=f"a folder, or one of {', '.join(CORPORA)}")
