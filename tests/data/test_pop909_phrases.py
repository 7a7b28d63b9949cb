"""The labels of POP909's phrases on the bars of POP909-CL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.pop909_cl import shift_16ths
from ritornello.data.corpora.pop909_phrases import MIN_FOUND, phrase_markers
from ritornello.data.corpora.pop909_structure import Song, parse_labelling, read_song
from ritornello.errors import UserError
from ritornello.scores.score import Marker, Metre, Notes, Part, Score

TUNE = [(4 * n, 4, 60 + (5 * n) % 12, 80) for n in range(24)]
"""Six bars of 4/4 in quarters."""
SONG = Song(
    1,
    Score(4, (Part("MELODY", Notes.of(TUNE)), Part("CHORDS", Notes.of([]))), (Metre(0, 4, 4),), closing_ticks=96),
    (parse_labelling("i2A2B2"), parse_labelling("A4b2")),
    "train",
)


def _typeset(late: int) -> Score:
    """The same, an octave higher and ``late`` quarters later."""
    rows = [(120 * onset + 480 * late, 400, pitch + 12, 90) for onset, _, pitch, _ in TUNE]
    return Score(480, (Part("Melody", Notes.of(rows)),), pickup_ticks=480 * (late % 4))


def test_phrases_are_moved_with_the_melody() -> None:
    # an upbeat of one quarter, then a bar of rest: 480 + 1920, and 3840 ticks for two bars
    markers = phrase_markers(_typeset(5), SONG)
    assert markers == (Marker(2400, "i2"), Marker(6240, "A2"), Marker(10080, "B2"))
    assert phrase_markers(_typeset(5), SONG, labeller=2) == (Marker(2400, "A4"), Marker(10080, "b2"))


def test_phrases_begin_at_barlines() -> None:
    between = replace(_typeset(5), pickup_ticks=0)  # bars at 0, 1920, 3840: the nearest are 480 earlier
    assert [marker.onset_ticks for marker in phrase_markers(between, SONG)] == [1920, 5760, 9600]


def test_another_song_has_none() -> None:
    other = Score(480, (Part("Melody", Notes.of([(480 * n, 480, 60, 90) for n in range(24)])),))
    assert phrase_markers(other, SONG) == ()
    assert phrase_markers(Score(480, (Part("Melody", Notes.of([])),)), SONG) == ()
    with pytest.raises(UserError, match="no labeller 3"):
        phrase_markers(_typeset(5), SONG, labeller=3)


@pytest.mark.data
def test_barlines_agree_with_those_of_the_labels_once_they_stand_where_chords_change(data_folder: Path) -> None:
    folder = corpus_folder(data_folder, "pop909-structure")
    agree: list[tuple[bool, bool]] = []
    num_labelled = num_songs = 0
    for piece in list(CORPORA["pop909_cl"].pieces(data_folder))[::16]:
        try:
            score, song = piece.load(), read_song(folder / piece.id)
        except UserError:
            continue
        num_songs += 1
        markers = phrase_markers(score, song)
        assert {marker.onset_ticks for marker in markers} <= {start for start, _ in score.bars()}
        num_labelled += bool(markers)
        shift, found = shift_16ths(score.parts[0].notes, score.ticks_per_beat, song.score.parts[0].notes, 4)
        length = score.metres[0].bar_ticks(score.ticks_per_beat) * 4 // score.ticks_per_beat
        if found >= MIN_FOUND:
            agree.append((shift % length == 0, (shift - 4 * score.pickup_ticks // score.ticks_per_beat) % length == 0))
    as_they_were, as_they_are = np.mean(agree, axis=0)
    assert as_they_were < 0.75
    assert as_they_are > 0.85
    assert num_labelled > 0.75 * num_songs > 40
