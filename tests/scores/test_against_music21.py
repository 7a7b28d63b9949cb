"""Our reading and writing of MusicXML beside music21's, on chorales that it carries."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from ritornello.scores import Score, read_score, write_musicxml
from tests.scores.files import small_score

music21 = pytest.importorskip("music21", reason="music21 is not installed")

Rows = list[list[tuple[Fraction, Fraction, int]]]
"""Per part (onset, duration, pitch) in quarters."""


def our_rows(score: Score) -> Rows:
    beat = score.ticks_per_beat
    return [[(Fraction(o, beat), Fraction(d, beat), p) for o, d, p, _ in part.notes.rows()] for part in score.parts]


def their_rows(stream: Any) -> Rows:
    parts = [part.stripTies().flatten().notes for part in stream.parts]
    return [
        sorted((Fraction(note.offset), Fraction(note.quarterLength), note.pitch.midi) for note in notes)
        for notes in parts
    ]


@pytest.fixture(scope="module")
def bach() -> Path:
    package = importlib.util.find_spec("music21")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0], "corpus", "bach")


@pytest.mark.parametrize("name", ["bwv269", "bwv66.6", "bwv8.6", "bwv119.9"])  # repeats, plain, endings, an odd bar
def test_reading_and_writing_a_chorale(name: str, bach: Path, tmp_path: Path) -> None:
    score = read_score(bach / f"{name}.mxl")
    theirs = music21.converter.parse(bach / f"{name}.mxl", forceSource=True).expandRepeats()
    assert our_rows(score) == their_rows(theirs)
    write_musicxml(score, tmp_path / "piece.musicxml")
    assert their_rows(music21.converter.parse(tmp_path / "piece.musicxml", forceSource=True)) == our_rows(score)


def test_what_music21_sees_on_our_page(tmp_path: Path) -> None:
    write_musicxml(small_score(), tmp_path / "piece.musicxml")
    stream = music21.converter.parse(tmp_path / "piece.musicxml", forceSource=True)
    upper, lower = stream.parts
    assert [part.partName for part in stream.parts] == ["Soprano", "Bass"]
    assert upper.measure(0).paddingLeft == 2
    assert [note.nameWithOctave for note in lower.flatten().notes] == ["G3", "G3", "E3", "F#3", "G2"]
    fermatas = [n.offset for n in upper.flatten().notes if any("Fermata" in e.classes for e in n.expressions)]
    assert fermatas == [2, 7]
    assert str(next(iter(stream.recurse().getElementsByClass("Key")))) == "g minor"
    assert [mark.content for mark in stream.recurse().getElementsByClass("RehearsalMark")] == ["A", "B"]
    assert next(iter(stream.recurse().getElementsByClass("MetronomeMark"))).number == 72
