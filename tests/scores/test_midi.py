"""MIDI in and out."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings

from ritornello.scores import Metre, Notes, Part, Score, Tempo
from ritornello.scores.midi import format_midi, parse_midi, read_midi, write_midi
from tests.scores.files import ONE_NOTE, chorale_scores, midi_file, small_score


def without_what_midi_lacks(score: Score) -> Score:
    parts = tuple(replace(part, fermatas_ticks=()) for part in score.parts)
    return replace(score, parts=parts, title="", closing_ticks=0)


def test_one_note() -> None:
    score = parse_midi(midi_file(ONE_NOTE))
    assert score == Score(480, (Part("", Notes.of([(0, 480, 60, 64)])),))


def test_a_score_comes_back() -> None:
    score = without_what_midi_lacks(small_score())
    assert parse_midi(format_midi(score)) == score


@settings(max_examples=60, deadline=None)
@given(chorale_scores())
def test_every_score_comes_back(score: Score) -> None:
    back = parse_midi(format_midi(score))
    expected = without_what_midi_lacks(score)
    assert back.parts == expected.parts
    assert back.keys == expected.keys
    assert back.tempos == expected.tempos
    assert back.markers == expected.markers
    assert back.bars() == expected.bars()
    first_bar = score.metres[0].bar_ticks(480)
    if [metre.onset_ticks for metre in score.metres[1:]] != [first_bar]:  # one bar, then a longer metre: also a pickup
        assert back.pickup_ticks == expected.pickup_ticks


def test_a_pickup_is_a_first_short_metre() -> None:
    changes = [
        m for m in mido.MidiFile(file=io.BytesIO(format_midi(small_score()))).tracks[0] if m.type == "time_signature"
    ]
    assert [(m.numerator, m.denominator, m.time) for m in changes] == [(1, 4, 0), (3, 4, 480)]


def test_a_first_metre_that_is_no_pickup() -> None:
    score = replace(small_score(), pickup_ticks=0, metres=(Metre(0, 2, 4), Metre(1920, 3, 4)))
    back = parse_midi(format_midi(score))
    assert (back.pickup_ticks, back.metres) == (0, score.metres)


def test_one_named_track_a_voice_and_markers_for_sections() -> None:
    file = mido.MidiFile(file=io.BytesIO(format_midi(small_score())))
    assert [track.name for track in file.tracks] == ["Soprano", "Bass"]
    messages = [message for track in file.tracks for message in track]
    assert [m.text for m in messages if m.type == "marker"] == ["A", "B"]
    assert {m.program for m in messages if m.type == "program_change"} == {52}
    assert [m.key for m in messages if m.type == "key_signature"] == ["Gm"]
    assert [mido.tempo2bpm(m.tempo) for m in messages if m.type == "set_tempo"] == [pytest.approx(72)]


def test_the_same_score_gives_the_same_bytes(tmp_path: Path) -> None:
    write_midi(small_score(), tmp_path / "a.mid")
    write_midi(small_score(), tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    assert read_midi(tmp_path / "a.mid").num_notes == small_score().num_notes


def test_no_voice_lands_on_the_drums() -> None:
    part = Part("voice", Notes.of([(0, 480, 60, 64)]))
    score = parse_midi(format_midi(Score(480, (part,) * 40)))
    assert len(score.parts) == 40


def test_percussion_is_left_out() -> None:
    drums = ONE_NOTE.replace(b"\x90", b"\x99").replace(b"\x80", b"\x89")
    assert len(parse_midi(midi_file(ONE_NOTE, drums)).parts) == 1


def test_a_piece_without_a_metre_is_in_common_time() -> None:
    assert parse_midi(midi_file(ONE_NOTE)).metres == (Metre(0, 4, 4),)


def test_tempos_keep_their_places() -> None:
    score = replace(without_what_midi_lacks(small_score()), tempos=(Tempo(0, 66.0), Tempo(1440, 99.5)))
    assert parse_midi(format_midi(score)).tempos == score.tempos
