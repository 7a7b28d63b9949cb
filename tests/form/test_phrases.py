"""Phrase ends by fermatas, and without them."""

from __future__ import annotations

import dataclasses

from ritornello.form.grid import grid_of_score
from ritornello.form.phrases import phrase_spans
from ritornello.form.voices import fermata_frames, frames_of
from ritornello.scores.score import Score
from tests.form.music import chorale
from tests.form.test_sections import FOUR, ONE, THREE, TWO, piece


def spans(score: Score) -> list[tuple[int, int, int]]:
    return [tuple(span) for span in phrase_spans(frames_of(score), grid_of_score(score), fermata_frames(score))]


def test_a_phrase_ends_with_its_fermata_note() -> None:
    score = chorale(["c5 d5 e5; d5 c5 d5 e5/1.5; r/.5", "c4/8", "c4/8", "c3/8"])
    assert spans(score) == [(0, 12, 8), (12, 32, 24)]


def test_what_follows_the_last_fermata_is_a_phrase_if_it_is_long_enough() -> None:
    assert spans(chorale(["c5 d5 e5/2; d5 c5 d5 e5;" + " g5", *["c4/9"] * 3])) == [(0, 16, 8), (16, 36, 28)]
    assert spans(chorale(["c5 d5 e5/2; d5 c5 d5 e5;" + " g5" * 4, *["c4/12"] * 3]))[-1] == (32, 48, 44)


def test_two_fermatas_close_together_are_one_end() -> None:
    score = chorale(["c5 d5 e5 f5; e5; d5 c5 b4 c5/4;", *["c4/12"] * 3])
    assert spans(score) == [(0, 20, 16), (20, 48, 32)]


def test_without_fermatas_the_signs_of_an_end_decide() -> None:
    score = chorale(piece(ONE, TWO, THREE, FOUR, ONE))
    bare = dataclasses.replace(score, parts=tuple(dataclasses.replace(part, fermatas_ticks=()) for part in score.parts))
    assert [end for _, end, _ in spans(bare)] == [32, 64, 96, 128, 160]
    assert spans(bare) == spans(score)


def test_no_soprano_and_no_music() -> None:
    assert spans(chorale(["r/8", "c4 d4 e4 f4 g4 a4 b4 c5", "r/8", "r/8"])) == [(0, 32, 28)]
    assert spans(Score(480, ())) == []
