"""Scores on the grid of 16ths."""

from __future__ import annotations

import dataclasses

import numpy as np

from ritornello.form.voices import fermata_frames, frames_of
from ritornello.scores.score import Notes, Part, Score
from tests.form.music import TICKS, chorale, pitch


def test_four_parts_are_the_voices() -> None:
    score = chorale(["c5/.5 c5/.5", "e4", "g3", "r/.5 c3/.5"])
    frames = frames_of(score)
    assert frames.pitch.tolist() == [[72, 64, 55, -1]] * 2 + [[72, 64, 55, 48]] * 2
    assert frames.struck.tolist() == [
        [True, True, True, False],
        [False, False, False, False],
        [True, False, False, True],
        [False, False, False, False],
    ]


def test_order_of_parts_does_not_matter() -> None:
    score = chorale(["c5", "e4", "g3", "c3"])
    turned = dataclasses.replace(score, parts=score.parts[::-1])
    nameless = dataclasses.replace(turned, parts=tuple(dataclasses.replace(p, name="") for p in turned.parts))
    for other in (turned, nameless):
        assert np.array_equal(frames_of(other).pitch, frames_of(score).pitch)


def test_notes_shorter_than_a_frame() -> None:
    """Of two 32nds the first sounds; a note after them is not lost."""
    rows = [(0, 60, 72, 80), (60, 60, 74, 80), (120, 120, 76, 80)]
    score = Score(TICKS, (Part("Soprano", Notes.of(rows)), *chorale(["c5"] * 4).parts[1:]))
    assert frames_of(score).pitch[:3, 0].tolist() == [72, 76, -1]


def test_a_later_note_ends_an_earlier_one() -> None:
    rows = [(0, 960, 72, 80), (240, 240, 74, 80)]
    score = Score(TICKS, (Part("Soprano", Notes.of(rows)), *chorale(["c5/2"] * 4).parts[1:]))
    assert frames_of(score).pitch[:, 0].tolist() == [72, 72, 74, 74, -1, -1, -1, -1]


def test_other_textures_are_read_from_the_outside() -> None:
    chord = Score(TICKS, (Part("Piano", Notes.of([(0, 480, p, 80) for p in (40, 50, 55, 60, 70)])),))
    assert frames_of(chord).pitch[0].tolist() == [70, 60, 50, 40]
    three = chorale(["c5", "e4", "c3"])
    assert frames_of(three).pitch[0].tolist() == [72, 64, -1, 48]
    assert frames_of(three).struck[:2].tolist() == [[True, True, False, True], [False] * 4]
    line = chorale(["c5 r d5/2"])
    assert frames_of(line).pitch[::4].tolist() == [[72, -1, -1, -1], [-1] * 4, [74, -1, -1, -1], [74, -1, -1, -1]]
    assert frames_of(Score(TICKS, ())).pitch.shape == (0, 4)
    assert frames_of(Score(TICKS, (Part("empty", Notes.of([])),))).pitch.shape == (0, 4)


def test_fermatas_of_the_soprano_count() -> None:
    score = chorale(["c5 d5; e5 f5;", "c5; d5 e5 f5", "c5 d5 e5 f5", "c3 c3 c3 c3"])
    assert fermata_frames(score) == [4, 12]
    assert fermata_frames(dataclasses.replace(score, parts=(Part("x", score.parts[0].notes), *score.parts[1:]))) == [0]
    assert pitch("b-3") == 58
