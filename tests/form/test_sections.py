"""Sections and motifs in pieces whose phrases are put together by hand."""

from __future__ import annotations

import pytest

from ritornello.form.analyse import analyse
from ritornello.form.motifs import compare
from ritornello.form.shorthand import format_form
from ritornello.form.voices import frames_of
from tests.form.music import chorale

# Two bars each, in C, with a fermata on the seventh beat.
ONE = ["e4 f4 g4 e4 d4 d4 c4/2;", "c4 c4 d4 c4 c4 b3 c4/2;", "g3 a3 b3 g3 a3 g3 e3/2;", "c3 f3 g3 c3 f3 g3 c3/2;"]
TWO = ["g4 a4 b4 c5 a4 a4 g4/2;", "e4 f4 d4 e4 e4 f#4 g4/2;", "c4 c4 g3 g3 c4 c4 b3/2;", "c3 f3 g3 c3 a3 d3 g3/2;"]
THREE = ["c5 b4 a4 g4 f4 d4 e4/2;", "e4 d4 c4 d4 c4 b3 c4/2;", "g3 g3 f3 g3 a3 g3 g3/2;", "c3 g3 f3 b2 f2 g2 c3/2;"]
FOUR = ["a4 a4 g4 f4 e4 e4 d4/2;", "f4 f4 e4 d4 c4 c4 b3/2;", "c4 c4 c4 a3 g3 a3 g3/2;", "f3 f3 c3 d3 c3 f3 g3/2;"]
TWO_VARIED = [TWO[0], "d4 d4 d4 c4 c4 d4 d4/2;", "b3 a3 g3 g3 e4 c4 b3/2;", "g3 f3 g3 e3 a3 f#3 g3/2;"]


def piece(*phrases: list[str]) -> list[str]:
    return [" ".join(parts) for parts in zip(*phrases, strict=True)]


@pytest.mark.parametrize(
    ("phrases", "form"),
    [
        ([ONE, TWO, ONE, TWO, THREE, FOUR], "A4 A4 B4"),
        ([ONE, TWO, ONE, TWO_VARIED, THREE, FOUR], "A4 A'4 B4"),
        ([ONE, TWO, ONE, TWO, THREE, FOUR, ONE, TWO], "A4 A4 B4 A4"),
        ([ONE, TWO, ONE, TWO, THREE, FOUR, ONE, TWO_VARIED], "A4 A4 B4 A'4"),
        ([ONE, TWO, ONE, TWO, THREE, FOUR, THREE, FOUR], "A4 A4 B4 B4"),
        ([ONE, TWO, THREE], "A6"),
        ([TWO, ONE, THREE, FOUR], "A4 B4"),
        ([TWO, THREE, ONE, THREE, FOUR, ONE], "A6 B6"),
        ([ONE], "A2"),
        ([ONE, ONE], "A4"),
    ],
)
def test_forms(phrases: list[list[str]], form: str) -> None:
    plan = analyse(chorale(piece(*phrases)))
    assert format_form(plan.sections or ()) == form


def test_a_pickup_belongs_to_its_section() -> None:
    """Every section begins a beat before the barline; the last is held to the end of the last bar."""
    turned = [[f"{line.split()[0]} " + " ".join(line.split()[1:]) for line in phrase] for phrase in (ONE, TWO)]
    voices = piece(*turned, *turned, THREE, FOUR)
    plan = analyse(chorale(voices, pickup_beats=1))
    assert format_form(plan.sections or ()) == "A4 A4 B4"
    assert [phrase.beats for phrase in plan.phrases] == [8, 8, 8, 8, 8, 9]
    assert plan.pickup_beats == 1


def test_motifs() -> None:
    plan = analyse(chorale(piece(ONE, TWO, ONE, TWO_VARIED)))
    motifs = [phrase.motif for phrase in plan.phrases]
    assert [m.relation for m in motifs if m] == ["new", "new", "exact", "varied"]
    assert [m.source for m in motifs if m] == [None, None, 0, 1]
    assert [m.semitones for m in motifs if m] == [0, 0, 0, 0]


def test_a_sequence_is_transposed() -> None:
    """The same phrase a whole tone higher, then within the key, where major thirds turn minor."""
    exact = ["f#4 g4 a4 f#4 e4 e4 d4/2;", "d4 d4 e4 d4 d4 c#4 d4/2;", "a3 b3 c#4 a3 b3 a3 f#3/2;", ONE[3]]
    diatonic = ["f4 g4 a4 f4 e4 e4 d4/2;", *exact[1:]]
    for second, relation in ((exact, "transposed"), (diatonic, "varied")):
        motif = analyse(chorale(piece(ONE, second))).phrases[1].motif
        assert motif is not None
        assert (motif.relation, motif.source, motif.semitones) == (relation, 0, 2)


def test_likeness() -> None:
    frames = frames_of(chorale(piece(ONE, TWO, ONE)))
    same = compare(frames, (64, 96), (0, 32))
    assert (same.similarity, same.semitones, same.exact) == (1.0, 0, True)
    assert compare(frames, (32, 64), (0, 32)).similarity < 0.7
    assert not compare(frames, (32, 64), (0, 32)).exact
