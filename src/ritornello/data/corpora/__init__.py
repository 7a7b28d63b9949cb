"""All corpora by name; a path to a folder of music is a corpus too."""

from __future__ import annotations

from pathlib import Path

from ritornello.data.corpora.bach_370 import BACH_370
from ritornello.data.corpora.base import Corpus
from ritornello.data.corpora.folder import folder_corpus, is_music_folder
from ritornello.data.corpora.giantmidi import GIANTMIDI
from ritornello.data.corpora.jsb_chorales import JSB_CHORALES
from ritornello.data.corpora.maestro import MAESTRO, TABLE, maestro_at
from ritornello.data.corpora.maestro_tokens388 import MAESTRO_TOKENS388
from ritornello.data.corpora.music21_bach import MUSIC21_BACH
from ritornello.data.corpora.mutopia import BACH_MUTOPIA, MUTOPIA
from ritornello.data.corpora.pop909 import POP909
from ritornello.data.corpora.pop909_cl import POP909_CL
from ritornello.errors import UserError

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        *(MUSIC21_BACH, BACH_370, JSB_CHORALES),
        *(MAESTRO, MAESTRO_TOKENS388, GIANTMIDI, POP909),
        *(POP909_CL, MUTOPIA, BACH_MUTOPIA),
    )
}


def corpus_named(name: str) -> Corpus:
    """The corpus of that name, or the one at a path; a folder with MAESTRO's table is MAESTRO, split and all.

    Raises:
        UserError: there is neither such a corpus nor such a folder.
    """
    if name in CORPORA:
        return CORPORA[name]
    path = Path(name).expanduser()
    if (path / TABLE).is_file():
        return maestro_at(path)
    if is_music_folder(path):
        return folder_corpus(path)
    raise UserError(
        f"no such corpus: {name!r}", where="corpus", mend=f"a folder of MIDI, or one of {', '.join(CORPORA)}"
    )
