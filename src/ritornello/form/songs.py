"""Songs and all other long pieces: their passages, found by what returns, as a Plan has them.

Used for whatever is no chorale: a chorale has four parts, and fermatas or no more bars than the longest chorales have.
A piece of fewer bars than two usual phrases has no returns to go by and is read as chorales are. Chord symbols make a
lead sheet of any length, unless four parts have fermatas.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ritornello.form.bars import bars_of
from ritornello.form.grid import Range
from ritornello.form.motifs import compare
from ritornello.form.plan import MAX_SECTIONS, Motif
from ritornello.form.repetition import repetition_of
from ritornello.form.returns import Passage, passages_of
from ritornello.form.segments import segments_of
from ritornello.form.voices import VOICES, Frames
from ritornello.scores.score import Score

FEWEST_BARS = 16
LONGEST_CHORALE_BARS = 72
"""The longest of the 370 has 67, repeats written out."""


def is_chorale(score: Score, num_bars: int, fermatas: Sequence[int]) -> bool:
    """Whether phrases are to be found by fermatas and cadences rather than by returns."""
    of_four = len(score.parts) == len(VOICES)
    if num_bars < 1 or (of_four and len(fermatas) > 1):
        return True
    return not score.chords and (num_bars < FEWEST_BARS or (of_four and num_bars <= LONGEST_CHORALE_BARS))


def passages_in(score: Score, bar_frames: int, num_bars: int) -> list[Passage]:
    """The passages of a score of at least one bar, no more than a Plan can have sections."""
    bars = bars_of(score, bar_frames, num_bars)
    repetition = repetition_of(bars)
    segments = segments_of(bars, repetition)
    return passages_of(bars, repetition, _few_enough(segments))


def motifs_of_passages(frames: Frames, ranges: Sequence[Range], passages: Sequence[Passage]) -> list[Motif]:
    """What each passage takes from its source.

    Args:
        frames: of the score.
        ranges: frames of the passages.
        passages: as ``passages_in`` finds them.
    """
    motifs: list[Motif] = []
    for own, passage in zip(ranges, passages, strict=True):
        if passage.source is None:
            motifs.append(Motif())
        elif passage.semitones == 0 and compare(frames, own, ranges[passage.source]).exact:
            motifs.append(Motif(relation="exact", source=passage.source))
        else:
            transposed = passage.semitones != 0 and passage.same_tune
            relation = "transposed" if transposed else "varied"
            motifs.append(Motif(relation=relation, source=passage.source, semitones=passage.semitones))
    return motifs


def _few_enough(segments: Sequence[Range]) -> list[Range]:
    """Joins the two neighbours that are shortest together until a Plan can hold the segments."""
    joined = list(segments)
    while len(joined) > MAX_SECTIONS:
        sizes = [later[1] - earlier[0] for earlier, later in itertools.pairwise(joined)]
        at = sizes.index(min(sizes))
        joined[at : at + 2] = [(joined[at][0], joined[at + 1][1])]
    return joined
