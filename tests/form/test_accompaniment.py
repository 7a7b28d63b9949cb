"""What is a tune over chords, in made-up parts and in files of songs and of Bach."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from ritornello.data.corpora import CORPORA
from ritornello.errors import UserError
from ritornello.form.accompaniment import is_tune_over_chords
from ritornello.scores.midi import write_midi
from ritornello.scores.reading import read_score
from ritornello.scores.score import Notes, Part, Score
from tests.form.song import CHORUS, VERSE, song

TUNE = [60, 62, 64, 65, 64, 62, 62, 59] * 4
"""Moves by 2 2 1 1 2 0 3 and on by 1."""
BROKEN = [48, 52, 55, 60, 55, 52] * 5 + [48, 50]
"""Thirds and fourths, and one step at the end."""


def part(pitches: list[int]) -> Part:
    return Part("", Notes.of([(120 * n, 120, pitch, 80) for n, pitch in enumerate(pitches)]))


def struck(pitches: list[int]) -> Part:
    """Triads above these pitches."""
    return Part("", Notes.of([(480 * n, 480, low + up, 80) for n, low in enumerate(pitches) for up in (0, 4, 7)]))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((part(TUNE), part(BROKEN)), True),
        ((part(BROKEN), part(TUNE)), True),
        ((part(TUNE), struck([48, 48, 55, 55, 45, 45, 48, 48])), True),
        ((part(TUNE), part([pitch - 12 for pitch in TUNE])), False),  # two voices
        ((part(BROKEN), part(BROKEN)), False),  # no tune
        ((part(BROKEN),), False),
        ((part(TUNE),), False),
        ((part(TUNE), part(BROKEN[:19])), False),  # too few notes to say anything
        ((), False),
        ((part([]), part([60])), False),
    ],
)
def test_parts_by_how_they_move(parts: tuple[Part, ...], expected: bool) -> None:
    assert is_tune_over_chords(Score(480, parts)) == expected


def test_one_move_in_eight_is_a_step_at_most() -> None:
    """Of 24 moves 2 are steps; then 3, which is no longer below an eighth."""
    leaps = [48, 55] * 12
    assert is_tune_over_chords(Score(480, (part(TUNE), part([*leaps[:-2], 47, 49, 51]))))
    three = [*leaps[:-2], 54, 53, 52]
    assert not is_tune_over_chords(Score(480, (part(TUNE), part(three))))


def test_a_part_of_a_twentieth_says_nothing() -> None:
    """20 notes are less than a twentieth of 420, and one of 400."""
    chords = (BROKEN * 2)[:20]
    assert not is_tune_over_chords(Score(480, (part((TUNE * 20)[:400]), part(chords))))
    assert is_tune_over_chords(Score(480, (part((TUNE * 20)[:380]), part(chords))))


def test_a_song_by_hand_is_one() -> None:
    assert is_tune_over_chords(song(VERSE, CHORUS))


@pytest.mark.parametrize(("corpus", "expected"), [("pop909", 1.0), ("bach_mutopia", 0.0)])
def test_files_of_songs_and_of_bach_are_told_apart(
    corpus: str, expected: float, data_folder: Path, tmp_path: Path
) -> None:
    """Written as MIDI and read again, by less than one error in twenty."""
    found: list[bool] = []
    for piece in islice(CORPORA[corpus].pieces(data_folder), 0, None, 20):
        try:
            write_midi(piece.load(), tmp_path / "piece.mid")
        except UserError:
            continue
        found.append(is_tune_over_chords(read_score(tmp_path / "piece.mid")))
    assert len(found) >= 30
    assert abs(sum(found) / len(found) - expected) < 0.05
