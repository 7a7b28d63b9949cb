"""All corpora by name."""

from ritornello.data.corpora.base import Corpus
from ritornello.data.corpora.jsb_chorales import JSB_CHORALES

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (JSB_CHORALES,)}
