"""How fermatas are held."""

from __future__ import annotations

from dataclasses import replace

from ritornello.audio.performance import DEFAULT_BPM, performed
from ritornello.scores import Notes, Part, Score, Tempo

BEAT = 480


def four_quarters(fermatas: tuple[int, ...] = (), tempos: tuple[Tempo, ...] = (Tempo(0, 90.0),)) -> Score:
    upper = Notes.of([(n * BEAT, BEAT, 60 + n, 64) for n in range(4)])
    lower = Notes.of([(0, 2 * BEAT, 48, 64), (2 * BEAT, 2 * BEAT, 50, 64)])
    return Score(BEAT, (Part("Soprano", upper, fermatas_ticks=fermatas), Part("Bass", lower)), tempos=tempos)


def test_only_the_last_chord_is_held_without_fermatas() -> None:
    score = performed(four_quarters())
    assert score.tempos == (Tempo(0, 90.0), Tempo(3 * BEAT, 45.0), Tempo(4 * BEAT, 90.0))
    assert score.parts == four_quarters().parts


def test_a_fermata_slows_its_chord_and_the_voices_that_end_with_it_breathe() -> None:
    score = performed(four_quarters((BEAT,)))
    assert [(tempo.onset_ticks // BEAT, tempo.beats_per_minute) for tempo in score.tempos] == [
        (0, 90.0), (1, 60.0), (2, 90.0), (3, 45.0), (4, 90.0)
    ]  # fmt: skip
    assert score.parts[0].notes.duration_ticks.tolist() == [BEAT, BEAT - 60, BEAT, BEAT]
    assert score.parts[1].notes.duration_ticks.tolist() == [2 * BEAT - 60, 2 * BEAT]


def test_a_tempo_that_changes_during_a_fermata_holds_after_it() -> None:
    tempos = (Tempo(0, 90.0), Tempo(BEAT + 1, 120.0))
    score = performed(four_quarters((BEAT,), tempos))
    assert {t.onset_ticks: t.beats_per_minute for t in score.tempos} | {BEAT: 60.0, 2 * BEAT: 120.0} == {
        t.onset_ticks: t.beats_per_minute for t in score.tempos
    }


def test_without_a_tempo_a_chorale_walks() -> None:
    assert performed(four_quarters(tempos=())).tempos[0] == Tempo(0, DEFAULT_BPM)


def test_fermatas_over_rests_and_behind_the_end_do_nothing() -> None:
    score = four_quarters((10 * BEAT,))
    assert performed(score).tempos == performed(four_quarters()).tempos


def test_tiny_notes_keep_some_length() -> None:
    part = Part("Soprano", Notes.of([(0, 1, 60, 64), (BEAT, BEAT, 60, 64)]), fermatas_ticks=(0,))
    score = performed(replace(four_quarters(), parts=(part,)))
    assert score.parts[0].notes.duration_ticks.min() == 1
