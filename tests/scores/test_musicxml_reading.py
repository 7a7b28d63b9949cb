"""MusicXML in."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ritornello.errors import UserError
from ritornello.scores import KeySignature, Marker, Metre, Score, Tempo, read_score
from ritornello.scores.musicxml_reading import parse_musicxml
from ritornello.scores.xml_source import unpack
from tests.scores.files import ATTRIBUTES, measure, musicxml, mxl, note

START, STOP = '<tie type="start"/>', '<tie type="stop"/>'
FERMATA = "<notations><fermata/></notations>"


def rows(score: Score, part: int = 0) -> list[tuple[int, int, int]]:
    """(onset, duration, pitch) in quarters."""
    beat = score.ticks_per_beat
    return [(onset // beat, duration // beat, pitch) for onset, duration, pitch, _ in score.parts[part].notes.rows()]


def test_a_pickup_a_tie_a_fermata_and_signatures() -> None:
    score = parse_musicxml(
        musicxml(
            measure(ATTRIBUTES + note("G", 1), number=0)
            + measure(note("A", 2, after=START))
            + measure(note("A", 1, after=STOP) + note("B", 1, after=FERMATA)),
            header="<work><work-title>Ein <![CDATA[&]]> Lied</work-title></work>",
        )
    )
    assert rows(score) == [(0, 1, 67), (1, 3, 69), (4, 1, 71)]
    assert score.parts[0].fermatas_ticks == (4 * 480,)
    assert score.keys == (KeySignature(0, -2, "minor"),)
    assert (score.pickup_ticks, score.metres, score.title) == (480, (Metre(0, 2, 4),), "Ein & Lied")
    assert score.bars() == [(0, 480), (480, 1440), (1440, 2400)]


def test_repeats_with_first_and_second_endings_and_a_tie_into_the_second() -> None:
    score = parse_musicxml(
        musicxml(
            measure(ATTRIBUTES + note("C", 2, after=START), left='<repeat direction="forward"/>')
            + measure(note("C", 2, after=STOP), left='<ending number="1" type="start"/>',
                      right='<ending number="1" type="stop"/><repeat direction="backward"/>')
            + measure(note("C", 2), left='<ending number="2" type="start"/>',
                      right='<ending number="2" type="discontinue"/>')
            + measure(note("F", 2))
        )
    )  # fmt: skip
    assert rows(score) == [(0, 4, 60), (4, 4, 60), (8, 2, 65)]


def test_a_repeat_sign_inside_a_bar_keeps_the_barlines() -> None:
    score = parse_musicxml(
        musicxml(
            measure(ATTRIBUTES + note("C", 1), number=0)
            + measure(note("D", 2))
            + measure(note("E", 1), right='<repeat direction="backward"/>')
            + measure(note("F", 1))
            + measure(note("G", 2))
        )
    )
    assert [pitch for _, _, pitch in rows(score)] == [60, 62, 64, 60, 62, 64, 65, 67]
    assert [start // 480 for start, _ in score.bars()] == [0, 1, 3, 5, 7, 9]


def test_an_irregular_bar_restates_the_metre() -> None:
    score = parse_musicxml(
        musicxml(measure(ATTRIBUTES + note("C", 2)) + measure(note("D", 3)) + measure(note("E", 2)) * 2)
    )
    assert {0, 2, 5, 7} <= {start // 480 for start, _ in score.bars()}


def test_da_capo_al_fine() -> None:
    score = parse_musicxml(
        musicxml(
            measure(ATTRIBUTES + note("C", 2), right='<repeat direction="backward"/>')
            + measure(note("D", 2) + '<direction><sound fine="yes"/></direction>')
            + measure(note("E", 2) + '<direction><sound dacapo="yes"/></direction>')
        )
    )
    assert [pitch for _, _, pitch in rows(score)] == [60, 60, 62, 64, 60, 62]


def test_dal_segno_al_coda() -> None:
    score = parse_musicxml(
        musicxml(
            measure(ATTRIBUTES + note("C", 2))
            + measure('<sound segno="s"/>' + note("D", 2) + '<sound tocoda="c"/>')
            + measure(note("E", 2) + '<sound dalsegno="s"/>')
            + measure('<sound coda="c"/>' + note("F", 2))
        )
    )
    assert [pitch for _, _, pitch in rows(score)] == [60, 62, 64, 62, 65]


def test_parts_stand_in_the_order_of_the_page_and_a_second_voice_is_a_part() -> None:
    two_voices = note("G", 2, after="<voice>1</voice>") + "<backup><duration>2</duration></backup>"
    two_voices += note("E", 1, after="<voice>2</voice>") + note("D", 1, after="<voice>2</voice>")
    score = parse_musicxml(musicxml(measure(ATTRIBUTES + two_voices), measure(ATTRIBUTES + note("C", 2, octave=3))))
    assert [part.name for part in score.parts] == ["Part 1 1", "Part 1 2", "Part 2"]
    assert rows(score, 1) == [(0, 1, 64), (1, 1, 62)]


OURS = "<software>ritornello</software>"


def two_staves(programs: str) -> Score:
    """A voice on each of two staves, in a file that these programs wrote."""
    upper, lower = "<voice>1</voice><staff>1</staff>", "<voice>5</voice><staff>2</staff>"
    bar = note("C", 2, 5, after=upper) + "<backup><duration>2</duration></backup>" + note("C", 2, 3, after=lower)
    header = f"<identification><encoding>{programs}</encoding></identification>"
    return parse_musicxml(musicxml(measure(ATTRIBUTES + bar), header=header))


def test_a_part_that_ritornello_wrote_is_one_part() -> None:
    score = two_staves(OURS)
    assert [part.name for part in score.parts] == ["Part 1"]
    assert rows(score) == [(0, 2, 48), (0, 2, 72)]


@pytest.mark.parametrize("programs", ["", "<software>MuseScore 4.4</software>", OURS + "<software>music21</software>"])
def test_a_part_that_another_program_wrote_is_divided(programs: str) -> None:
    assert [part.name for part in two_staves(programs).parts] == ["Part 1 1", "Part 1 2"]


def test_ties_of_our_voices_are_joined_where_pitches_are_shared() -> None:
    """A held C, and another C that begins in a second voice at the barline which the first is tied over."""
    one, two = "<voice>1</voice>", "<voice>2</voice>"
    score = parse_musicxml(
        musicxml(
            measure(ATTRIBUTES + note("C", 2, after=START + one))
            + measure(
                note("C", 2, after=STOP + one)
                + "<backup><duration>2</duration></backup>"
                + note("C", 1, after=two)
                + "<forward><duration>1</duration></forward>",
                number=2,
            ),
            header=f"<identification><encoding>{OURS}</encoding></identification>",
        )
    )
    assert rows(score) == [(0, 4, 60), (2, 1, 60)]


def test_a_rare_second_voice_stays_in_its_part() -> None:
    content = "".join(note("G", 1) for _ in range(8)) + "<backup><duration>1</duration></backup>"
    content += note("E", 1, after="<voice>2</voice>")
    score = parse_musicxml(musicxml(measure(ATTRIBUTES + content)))
    assert len(score.parts) == 1
    assert len(score.parts[0].notes) == 9


def test_chords_graces_cues_rests_and_transposition() -> None:
    content = ATTRIBUTES + "<attributes><transpose><chromatic>-2</chromatic></transpose></attributes>"
    content += note("C", 1) + note("E", 1, extra="<chord/>") + note("R", 1)
    content += "<note><grace/><pitch><step>A</step><octave>4</octave></pitch></note>"
    content += note("F", 1, extra="<cue/>") + "<forward><duration>1</duration></forward>"
    content += "<note><pitch><step>B</step><alter>-1</alter><octave>4</octave></pitch><duration>0.5</duration></note>"
    score = parse_musicxml(musicxml(measure(content)))
    assert [row[:3] for row in score.parts[0].notes.rows()] == [(0, 480, 58), (0, 480, 62), (1920, 240, 68)]


def test_tempo_rehearsal_marks_and_a_change_of_metre() -> None:
    mark = "<direction><direction-type><rehearsal>B</rehearsal></direction-type><sound tempo='96'/></direction>"
    time = "<attributes><time><beats>3</beats><beat-type>2</beat-type></time></attributes>"
    score = parse_musicxml(musicxml(measure(ATTRIBUTES + note("C", 2)) + measure(time + mark + note("C", 6))))
    assert score.tempos == (Tempo(960, 96.0),)
    assert score.markers == (Marker(960, "B"),)
    assert score.metres == (Metre(0, 2, 4), Metre(960, 3, 2))


def harmony(root: str, kind: str, extra: str = "", alter: str = "") -> str:
    """A chord symbol; ``extra`` is what follows its kind."""
    root = f"<root><root-step>{root}</root-step>{alter and f'<root-alter>{alter}</root-alter>'}</root>" if root else ""
    return f"<harmony>{root}<kind>{kind}</kind>{extra}</harmony>"


def symbols(*parts: str) -> list[tuple[float, int | None, str]]:
    """(beat, root, quality) of what a file of these parts has."""
    score = parse_musicxml(musicxml(*parts))
    return [(symbol.onset_ticks / score.ticks_per_beat, symbol.root, symbol.quality) for symbol in score.chords]


def test_chord_symbols_with_their_offsets_bass_and_degrees() -> None:
    bass = "<bass><bass-step>E</bass-step></bass>"
    degree = "<degree><degree-value>9</degree-value><degree-alter>0</degree-alter></degree>"
    first = harmony("B", " minor-seventh ", bass, "-1") + note("C", 1) + harmony("C", "dominant", degree)
    late = harmony("", "none") + harmony("F", "major", "<offset>0.5</offset>") + note("D", 2)
    assert symbols(measure(ATTRIBUTES + first + note("C", 1)) + measure(late)) == [
        (0, 10, "minor7"), (1, 0, "dominant7"), (2, None, ""), (2.5, 5, "major"),
    ]  # fmt: skip


def test_chord_symbols_sound_at_each_repeat_and_once_for_all_parts() -> None:
    repeated = measure(ATTRIBUTES + harmony("G", "minor") + note("C", 2), right='<repeat direction="backward"/>')
    part = repeated + measure(harmony("G", "minor") + note("D", 2))
    other = measure(ATTRIBUTES + harmony("G", "minor") + note("C", 1) + harmony("A", "major") + note("C", 1))
    expected = [(0, 7, "minor"), (2, 7, "minor"), (4, 7, "minor")]
    assert symbols(part) == symbols(part, part) == expected
    assert symbols(part, other) == [(0, 7, "minor"), (1, 9, "major"), (2, 7, "minor"), (3, 9, "major"), expected[-1]]


def test_chord_symbols_of_a_transposing_part_sound_at_pitch() -> None:
    transpose = "<attributes><transpose><chromatic>-2</chromatic></transpose></attributes>"
    assert symbols(measure(ATTRIBUTES + transpose + harmony("C", "major") + note("C", 2))) == [(0, 10, "major")]


@pytest.mark.parametrize(
    "element",
    [
        "<harmony/>",
        "<harmony><function>V</function><kind>dominant</kind></harmony>",
        "<harmony><root><root-step>C</root-step></root></harmony>",
        harmony("C", "Tristan"),
        harmony("C", "other"),
        harmony("H", ""),
        harmony("C", "major", "<offset>40</offset>"),
    ],
)
def test_chord_symbols_that_say_nothing_are_left_out(element: str) -> None:
    assert symbols(measure(ATTRIBUTES + element + note("C", 2))) == []


@pytest.mark.parametrize(
    ("element", "says"),
    [
        (harmony("H", "major"), "no such pitch: 'H'"),
        ("<harmony><root/><kind>major</kind></harmony>", "no such pitch: ''"),
        (harmony("C", "major", alter="flat"), "not a number: 'flat'"),
        (harmony("C", "major", alter="nan"), "not a number: 'nan'"),
        (harmony("C", "none", "<offset>x</offset>"), "not a number: 'x'"),
    ],
)
def test_malformed_chord_symbols_are_refused_with_their_bar(element: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        parse_musicxml(musicxml(measure(ATTRIBUTES + element + note("C", 2))))
    assert "bar 1" in str(error.value)


def test_repeats_do_not_multiply_marks_without_end() -> None:
    many = "".join(harmony("C", "major", f"<offset>{n}</offset>") for n in range(20_000))
    bar = ATTRIBUTES.replace("<divisions>1<", "<divisions>100<") + many + note("C", 20_000)
    with pytest.raises(UserError, match="marks"):
        parse_musicxml(musicxml(measure(bar, right='<repeat direction="backward" times="16"/>')))


def test_parts_with_different_divisions_share_a_clock() -> None:
    other = ATTRIBUTES.replace("<divisions>1<", "<divisions>7<")
    score = parse_musicxml(musicxml(measure(ATTRIBUTES + note("C", 2)), measure(other + note("C", 9) + note("D", 5))))
    assert score.ticks_per_beat == 3360
    assert [row[:2] for row in score.parts[1].notes.rows()] == [(0, 4320), (4320, 2400)]


def test_a_packed_file_and_a_document_type_that_is_never_fetched() -> None:
    doctype = '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE score-partwise PUBLIC "x" "http://0.0.0.0/partwise.dtd">'
    document = musicxml(measure(ATTRIBUTES + note("C", 2)), prolog=doctype)
    assert parse_musicxml(unpack(mxl(document), "piece.mxl")).num_notes == 1


def bach_files() -> list[Path]:
    """What music21 carries; its folder is found without importing it."""
    package = importlib.util.find_spec("music21")
    if package is None or not package.submodule_search_locations:
        return []
    return sorted(Path(package.submodule_search_locations[0], "corpus", "bach").glob("*.mxl"))


@pytest.mark.skipif(not bach_files(), reason="music21 is not installed")
def test_a_chorale_as_music21_prints_it() -> None:
    folder = bach_files()[0].parent
    score = read_score(folder / "bwv269.mxl")
    assert [len(part.notes) for part in score.parts] == [62, 79, 81, 80]  # as music21 reads it, repeats expanded
    assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert score.pickup_ticks == 480
    assert len(score.parts[0].fermatas_ticks) == 8


@pytest.mark.skipif(not bach_files(), reason="music21 is not installed")
def test_every_bach_file_of_music21_can_be_read() -> None:
    files = bach_files()
    for file in files[:: 1 + len(files) // 100]:
        assert read_score(file).num_notes > 30, file.name
