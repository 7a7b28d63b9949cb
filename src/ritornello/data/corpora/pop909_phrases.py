"""The phrases that people hear in POP909's songs (``pop909_structure``), laid over the bars of ``pop909_cl``.

Both write the same melody, but count their bars from elsewhere: the labels are moved by the number of 16ths at which
the most notes of the two melodies fall together, each phrase then to the nearest barline. Songs in which less than 0.7
of the notes do so are left without phrases: their typesettings drift apart, or are of different lengths.
"""

from __future__ import annotations

import numpy as np

from ritornello.data.corpora.pop909_cl import shift_16ths
from ritornello.data.corpora.pop909_structure import LABELLERS, Song
from ritornello.errors import UserError
from ritornello.scores.score import Marker, Score

MIN_FOUND = 0.7
"""Share of the melody that must be found again."""


def phrase_markers(score: Score, song: Song, labeller: int = LABELLERS[0]) -> tuple[Marker, ...]:
    """A marker at the first barline of each phrase, such as ``A4``; none where the melodies do not agree.

    A phrase that would begin at the barline of the one before or behind the last is left out.

    Args:
        score: a song of ``pop909_cl``, its melody the first part.
        song: the same song of ``pop909_structure``.
        labeller: 1 or 2.
    """
    if labeller not in LABELLERS:
        raise UserError(f"there is no labeller {labeller}", where=f"song {song.number}", limit="1 or 2")
    written = song.score
    shift, found = shift_16ths(
        score.parts[0].notes, score.ticks_per_beat, written.parts[0].notes, written.ticks_per_beat
    )
    if found < MIN_FOUND:
        return ()
    labelling = song.labellings[LABELLERS.index(labeller)]
    bar_16ths = written.metres[0].bar_ticks(written.ticks_per_beat) * 4 // written.ticks_per_beat
    starts_16ths = shift + bar_16ths * np.append(0, np.cumsum([phrase.bars for phrase in labelling]))[:-1]
    barlines = np.array([start for start, _ in score.bars()])
    markers: dict[int, str] = {}
    for start, phrase in zip((starts_16ths * score.ticks_per_beat / 4).tolist(), labelling, strict=True):
        if start < score.end_ticks:
            place = int(barlines[np.argmin(np.abs(barlines - start))])
            markers.setdefault(place, f"{phrase.label}{phrase.bars}")
    return tuple(Marker(place, text) for place, text in sorted(markers.items()))
