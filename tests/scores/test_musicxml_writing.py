"""MusicXML out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ritornello.scores import KeySignature, Marker, Metre, Notes, Part, Score, Tempo, write_musicxml
from ritornello.scores.chord_kinds import KINDS
from ritornello.scores.musicxml_reading import parse_musicxml
from ritornello.scores.musicxml_writing import format_musicxml
from ritornello.scores.notation import Measure, note_value, written_bars
from ritornello.scores.score import ChordSymbol
from tests.scores.files import chorale_scores, keyboard_parts, small_score


def tree(score: Score) -> ET.Element:
    return ET.fromstring(format_musicxml(score))


def voice(rows: list[tuple[int, int]], metre: Metre, bars: int = 1) -> Score:
    """One voice of Cs at these (onset, duration) in 16ths."""
    notes = Notes.of([(onset * 120, duration * 120, 60, 64) for onset, duration in rows])
    return Score(480, (Part("Alto", notes),), (metre,), closing_ticks=bars * metre.bar_ticks(480))


def values(score: Score) -> list[str]:
    """Written values of the first part, such as ``quarter.`` or ``eighth~`` (tied on) or ``half rest``."""
    words: list[str] = []
    for note in tree(score).iterfind("part[1]/measure/note"):
        word = (note.findtext("type") or "bar") + "." * len(note.findall("dot"))
        word += "~" * (note.find("tie[@type='start']") is not None)
        words.append(word + " rest" * (note.find("rest") is not None))
    return words


def test_the_small_score_as_a_page() -> None:
    root = tree(small_score())
    first, *_, last = root.findall("part[1]/measure")
    assert (first.get("number"), first.get("implicit"), last.get("number")) == ("0", "yes", "3")
    assert root.findtext("work/work-title") == "Of <two> & voices"
    assert [part.findtext("part-name") for part in root.iterfind("part-list/score-part")] == ["Soprano", "Bass"]
    assert [root.findtext(f"part[{n}]/measure[1]/attributes/clef/sign") for n in (1, 2)] == ["G", "F"]
    assert first.findtext("attributes/key/fifths") == "-2"
    assert [mark.text for mark in root.iter("rehearsal")] == ["A", "B"]
    assert first.find("direction/sound").attrib == {"tempo": "72"}  # type: ignore[union-attr]
    assert last.findtext("barline/bar-style") == "light-heavy"
    assert len(list(root.iter("fermata"))) == 3


def test_pitches_are_spelled_in_the_key_and_accidentals_shown_once() -> None:
    notes = tree(small_score()).findall("part/measure/note")
    spelled = [(n.findtext("pitch/step"), n.findtext("pitch/alter"), n.findtext("accidental")) for n in notes]
    assert spelled.count(("F", "1", "sharp")) == 2  # the raised 7th of g minor
    assert ("B", "-1", None) in spelled
    assert ("E", None, "natural") in spelled  # the raised 6th


@pytest.mark.parametrize(
    ("rows", "metre", "expected"),
    [
        ([(0, 16)], Metre(0, 4, 4), ["whole"]),
        ([(0, 12)], Metre(0, 4, 4), ["half.", "quarter rest"]),
        ([(0, 12)], Metre(0, 3, 4), ["half."]),
        ([(0, 2), (2, 4), (6, 2)], Metre(0, 2, 4), ["eighth", "quarter", "eighth"]),
        ([(0, 6), (6, 4), (10, 6)], Metre(0, 4, 4), ["quarter.", "eighth~", "eighth", "quarter."]),
        ([(0, 5)], Metre(0, 2, 4), ["quarter~", "16th", "16th rest", "eighth rest"]),
        ([(0, 6), (6, 6)], Metre(0, 6, 8), ["quarter.", "quarter."]),
        ([(0, 12)], Metre(0, 6, 8), ["half."]),
        ([(4, 4)], Metre(0, 4, 4), ["quarter rest", "quarter", "half rest"]),
        ([(0, 24), (24, 8)], Metre(0, 4, 4), ["whole~", "half", "half"]),
        ([(16, 4)], Metre(0, 4, 4), ["bar rest", "quarter", "quarter rest", "half rest"]),
    ],
)
def test_note_values(rows: list[tuple[int, int]], metre: Metre, expected: list[str]) -> None:
    bars = -(-max(onset + duration for onset, duration in rows) * 120 // metre.bar_ticks(480))
    assert values(voice(rows, metre, bars)) == expected


def test_beams_join_the_short_notes_of_a_beat() -> None:
    root = tree(voice([(0, 2), (2, 2), (4, 3), (7, 1), (8, 4), (12, 2)], Metre(0, 4, 4)))
    beams = [[beam.text for beam in note.findall("beam")] for note in root.iter("note")]
    assert beams == [["begin"], ["end"], ["begin"], ["end", "backward hook"], [], [], []]


def test_triplets() -> None:
    notes = Notes.of([(0, 160, 60, 64), (160, 160, 62, 64), (320, 160, 64, 64), (480, 320, 65, 64), (800, 160, 64, 64)])
    root = tree(Score(480, (Part("Alto", notes),), (Metre(0, 2, 4),)))
    assert [n.findtext("type") for n in root.iter("note")] == ["eighth"] * 3 + ["quarter", "eighth"]
    assert {n.findtext("time-modification/actual-notes") for n in root.iter("note")} == {"3"}


def test_a_chord_and_a_second_voice() -> None:
    notes = Notes.of([(0, 960, 60, 64), (0, 960, 64, 64), (480, 480, 72, 64)])
    back = parse_musicxml(format_musicxml(Score(480, (Part("Piano", notes),), (Metre(0, 2, 4),))))
    assert sorted(row for part in back.parts for row in part.notes.rows()) == sorted(notes.rows())


@settings(max_examples=60, deadline=None)
@given(chorale_scores())
def test_every_score_comes_back(score: Score) -> None:
    back = parse_musicxml(format_musicxml(score))
    assert [part.notes for part in back.parts] == [part.notes for part in score.parts]
    assert [part.program for part in back.parts] == [part.program for part in score.parts]
    assert [part.fermatas_ticks for part in back.parts] == [part.fermatas_ticks for part in score.parts]
    assert (back.keys, back.tempos, back.markers) == (score.keys, score.tempos, score.markers)
    assert back.bars() == score.bars()
    assert back.end_ticks == score.end_ticks


def harmonies(score: Score, chords: tuple[ChordSymbol, ...]) -> list[str]:
    """The elements with what moves to them and back, of the first part."""
    score = replace(score, chords=chords)
    tags = {"harmony", "forward", "backup"}
    elements = [element for element in tree(score).iterfind("part[1]/measure/*") if element.tag in tags]
    assert not tree(score).findall("part[2]//harmony")
    return ["".join(ET.tostring(element, encoding="unicode").split("\n")).replace("  ", "") for element in elements]


def test_chord_symbols_as_elements() -> None:
    chords = (ChordSymbol(480, 10, "major7"), ChordSymbol(1440, 6, "half-diminished7"), ChordSymbol(3360, None))
    above = '<harmony placement="above"><root>'
    flat, sharp = "<root-alter>-1</root-alter>", "<root-alter>1</root-alter>"
    assert harmonies(small_score(), chords) == [
        f'{above}<root-step>B</root-step>{flat}</root><kind text="maj7">major-seventh</kind></harmony>',
        "<forward><duration>480</duration></forward>",  # inside the half note that begins at 960
        f'{above}<root-step>F</root-step>{sharp}</root><kind text="m7b5">half-diminished</kind></harmony>',
        "<backup><duration>480</duration></backup>",
        f'{above}<root-step text="">C</root-step></root><kind text="N.C.">none</kind></harmony>',
    ]


def test_chord_symbols_are_all_that_is_new_where_there_are_some() -> None:
    """The bytes of a score without them are pinned, and a score with them has only them besides."""
    plain = format_musicxml(small_score())
    assert hashlib.sha256(plain).hexdigest() == "3ceed3b97e8da168a9d8035c35595db18dc12d18066ed1549629d3703470ceaa"
    root = tree(replace(small_score(), chords=tuple(ChordSymbol(tick, 7, "minor") for tick in (0, 480, 2880))))
    for bar in root.iter("measure"):
        for harmony in bar.findall("harmony"):
            bar.remove(harmony)
    ET.indent(root)
    assert ET.tostring(root) == ET.tostring(tree(small_score()))


@st.composite
def scores_with_chords(draw: st.DrawFn) -> Score:
    score = draw(chorale_scores())
    places = draw(st.sets(st.integers(0, (score.end_ticks - 1) // 240)))
    names = st.one_of(st.just((None, "")), st.tuples(st.integers(0, 11), st.sampled_from([*KINDS])))
    return replace(score, chords=tuple(ChordSymbol(240 * place, *draw(names)) for place in sorted(places)))


@settings(max_examples=60, deadline=None)
@given(scores_with_chords())
def test_chord_symbols_come_back(score: Score) -> None:
    back = parse_musicxml(format_musicxml(score))
    assert back.chords == score.chords
    assert replace(back, chords=()) == parse_musicxml(format_musicxml(replace(score, chords=())))


def test_chord_symbols_of_a_performance_keep_their_beats() -> None:
    notes = Notes.of([(0, 401, 60, 64), (403, 1133, 64, 64)])  # at 384 ticks, off every 32nd
    chords = (ChordSymbol(0, 0, "major"), ChordSymbol(768, 9, "minor7"))
    for ticks_per_beat in (384, 100):
        score = Score(ticks_per_beat, (Part("Piano", notes),), chords=chords, closing_ticks=1600)
        back = parse_musicxml(format_musicxml(score))
        beats = [symbol.onset_ticks / back.ticks_per_beat for symbol in back.chords]
        assert beats == [0, 768 / ticks_per_beat]


@settings(max_examples=60, deadline=None)
@given(chorale_scores())
def test_every_bar_is_full_in_written_values(score: Score) -> None:
    for measure in tree(score).iterfind("part/measure"):
        notes = [note for note in measure.findall("note") if note.findtext("voice") == "1"]
        assert all(note.find("type") is not None or note.find("rest[@measure='yes']") is not None for note in notes)
    for measures in zip(*(part.findall("measure") for part in tree(score).findall("part")), strict=True):
        lengths = {sum(int(d.text or 0) for d in measure.iterfind("note/duration")) for measure in measures}
        assert len(lengths) == 1


def test_a_performance_is_rounded_to_notes() -> None:
    generator = np.random.default_rng(1)
    rows = [(int(t), int(d), 60 + i % 12, 80) for i, (t, d) in enumerate(generator.integers(1, 5_000, (40, 2)))]
    score = Score(384, (Part("Piano", Notes.of(rows)),), tempos=(Tempo(0, 120.0),))
    back = parse_musicxml(format_musicxml(score))
    assert back.num_notes > 30


def test_no_notes_and_no_parts_are_written_too() -> None:
    assert len(list(tree(Score(480, (Part("", Notes.of([])),), closing_ticks=1920)).iter("note"))) == 1
    assert tree(Score(480, ())).find("part") is None


def test_characters_that_xml_forbids_are_dropped() -> None:
    score = replace(small_score(), title="a\x00b\ud800", markers=(Marker(0, "\x1b"),))
    assert tree(score).findtext("work/work-title") == "ab"


def test_the_same_score_gives_the_same_bytes(tmp_path: Path) -> None:
    write_musicxml(small_score(), tmp_path / "a.musicxml")
    assert (tmp_path / "a.musicxml").read_bytes() == format_musicxml(small_score())


def test_a_key_change_takes_effect_at_its_bar() -> None:
    score = replace(small_score(), keys=(KeySignature(0, -2, "minor"), KeySignature(1920, 3, "major")))
    assert parse_musicxml(format_musicxml(score)).keys == score.keys


def test_note_value_knows_what_has_none() -> None:
    assert note_value(600, 480) is None
    assert note_value(480 * 3 // 2, 480) is not None


def test_voices_fill_their_bars() -> None:
    measures = [Measure(0, 1920, Metre(0, 4, 4), 480, 0)]
    [bar] = written_bars([(480, 960, (60,))], measures, ())
    assert [(note.onset_ticks, note.offset_ticks) for note in bar] == [(0, 480), (480, 960), (960, 1920)]


def rows(part: Part) -> list[tuple[int, int, int, int]]:
    return sorted(part.notes.rows())


@settings(max_examples=100, deadline=None)
@given(st.lists(keyboard_parts(), min_size=1, max_size=3), st.sampled_from([Metre(0, 4, 4), Metre(0, 6, 8)]))
def test_polyphonic_parts_come_back(parts: list[Part], metre: Metre) -> None:
    """One Part each, with every note, on one staff or two; parts without notes are left out."""
    parts = [replace(part, name=f"Part {number}") for number, part in enumerate(parts) if len(part.notes)]
    assume(parts)
    score = Score(480, tuple(parts), (metre,))
    back = parse_musicxml(format_musicxml(score))
    assert [(part.name, part.program, rows(part)) for part in back.parts] == [
        (part.name, part.program, rows(part)) for part in parts
    ]
    assert parse_musicxml(format_musicxml(back)) == back


def duet() -> Score:
    """A melody above a piano of two hands: a chord in each, a held bass, F sharp in two voices."""
    piano = [(0, 480, 76, 64), (0, 480, 67, 64), (0, 1920, 43, 64), (0, 480, 55, 64), (480, 960, 50, 64),
             (480, 1440, 71, 64), (960, 480, 66, 64), (1440, 480, 66, 64), (1440, 480, 54, 64)]  # fmt: skip
    melody = Part("Melody", Notes.of([(0, 1920, 79, 64)]))
    return Score(480, (melody, Part("Piano", Notes.of(piano), 0, (1440,))), closing_ticks=1920)


def test_two_hands_are_two_staves() -> None:
    root = tree(duet())
    piano = root.findall("part")[1]
    assert piano.findtext("measure/attributes/staves") == "2"
    clefs = [(clef.get("number"), clef.findtext("sign"), clef.findtext("line")) for clef in piano.iter("clef")]
    assert clefs == [("1", "G", "2"), ("2", "F", "4")]
    notes = piano.findall("measure/note")
    assert all((note.findtext("staff") == "1") == (int(note.findtext("voice") or 0) < 5) for note in notes)
    assert {note.findtext("staff") for note in notes} == {"1", "2"}
    assert {int(note.findtext("voice") or 0) for note in notes} == {1, 2, 5, 6}
    tags = [child.tag for child in notes[0]]
    assert tags.index("voice") < tags.index("type") < tags.index("staff")
    melody = root.find("part")
    assert melody is not None
    assert not [*melody.iter("staff"), *melody.iter("staves")]


def test_every_voice_of_two_staves_fills_its_bar() -> None:
    for measure in tree(duet()).iterfind("part[2]/measure"):
        cursor = 0
        for element in measure:
            if element.tag == "backup":
                assert cursor == int(element.findtext("duration") or 0) == 1920
                cursor = 0
            elif element.tag == "note" and element.find("chord") is None:
                cursor += int(element.findtext("duration") or 0)
        assert cursor == 1920


def test_a_brace_stands_outside_the_bracket() -> None:
    piano_between = replace(duet(), parts=(*duet().parts, duet().parts[0]))
    tags = [(child.tag, child.get("type")) for child in next(tree(piano_between).iter("part-list"))]
    start, stop, one = ("part-group", "start"), ("part-group", "stop"), ("score-part", None)
    assert tags == [start, one, stop, one, start, one, stop]


def test_of_two_staves_only_the_leading_voice_shows_rests() -> None:
    rests = [note for note in tree(duet()).iterfind("part[2]/measure/note") if note.find("rest") is not None]
    hidden = {note.findtext("voice") for note in rests if note.get("print-object") == "no"}
    assert hidden
    assert hidden.isdisjoint({note.findtext("voice") for note in rests if note.get("print-object") is None})


def test_accidentals_of_two_staves_follow_time_and_staff() -> None:
    """The later F sharp in the first voice needs no sign; that of the other staff has its own."""
    notes = tree(duet()).findall("part[2]/measure/note")
    sharps = [note for note in notes if note.findtext("pitch/step") == "F"]
    signs = [(note.findtext("staff"), note.find("accidental") is not None) for note in sharps]
    assert sorted(signs) == [("1", False), ("1", True), ("2", True)]
