"""GiantMIDI-Piano: 10,855 piano works transcribed from recordings by a network (Kong et al., TISMIR 2022).

**Source**: github.com/bytedance/GiantMIDI-Piano; the folder ``midis`` of the release, or a zip of it,
below the data folder as ``giantmidi-piano``.
**Licence**: CC BY 4.0.
**Split**: none is official; as for any folder, by piece from a seed, near-duplicates on one side.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.files import music_files, piece_of_file


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the pieces by file name."""
    for name, path in music_files(corpus_folder(root, "giantmidi-piano"), (".mid", ".midi")):
        yield piece_of_file(name, path)


GIANTMIDI = Corpus(
    "giantmidi", "CC BY 4.0", pieces, PERFORMANCE_SCHEMES, "https://github.com/bytedance/GiantMIDI-Piano"
)
