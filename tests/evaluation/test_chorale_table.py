"""The command that makes the table: markers, and readers that the project does not use."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import chorales
from benchmarks.page import write_between_markers
from ritornello.errors import UserError
from ritornello.evaluation.copying.chorales import Index
from ritornello.form.analyse import analyse
from ritornello.scores.midi import write_midi
from ritornello.scores.musicxml_writing import write_musicxml
from ritornello.scores.score import KeySignature, Notes, Part, Score

BEAT = 480
VOICES = {
    "Soprano": (67, 72, 71, 69, 72, 71, 72, 72),
    "Alto": (64, 64, 67, 65, 67, 67, 67, 67),
    "Tenor": (60, 60, 62, 60, 64, 62, 64, 64),
    "Bass": (48, 57, 55, 53, 48, 55, 48, 48),
}


def piece() -> Score:
    parts = [
        Part(name, Notes.of([(i * BEAT, BEAT, p, 80) for i, p in enumerate(pitches)]), fermatas_ticks=(7 * BEAT,))
        for name, pitches in VOICES.items()
    ]
    return Score(BEAT, tuple(parts), keys=(KeySignature(0, 0, "major"),))


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    begin, end = "<!-- table: begin -->", "<!-- table: end -->"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    for _ in range(2):
        write_between_markers(page, "table", "new")
        assert page.read_text() == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"


@pytest.mark.parametrize("text", ["", "<!-- table: begin -->", "<!-- table: begin -->" * 2])
def test_a_page_without_a_place_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "results.md"
    page.write_text(text)
    with pytest.raises(UserError, match="no place"):
        write_between_markers(page, "table", "new")
    assert page.read_text() == text


def test_other_readers_find_the_same_notes_and_miss_a_changed_one(tmp_path: Path) -> None:
    pytest.importorskip("mido")
    pytest.importorskip("music21")
    score = piece()
    write_midi(score, tmp_path / "piece.mid")
    write_musicxml(score, tmp_path / "piece.musicxml")
    assert chorales.rereads(tmp_path, score) == {"midi_again": 1.0, "musicxml_again": 1.0}
    soprano = score.parts[0]
    changed = replace(soprano, notes=Notes.columns(*replace_pitch(soprano.notes)))
    other = replace(score, parts=(changed, *score.parts[1:]))
    assert chorales.rereads(tmp_path, other) == {"midi_again": 0.0, "musicxml_again": 0.0}


def replace_pitch(notes: Notes) -> tuple:
    pitch = notes.pitch.copy()
    pitch[0] += 1
    return notes.onset_ticks, notes.duration_ticks, pitch, notes.velocity


def test_every_row_of_the_table_has_its_figure() -> None:
    pytest.importorskip("music21")
    score = piece()
    figures = chorales.measure(score, analyse(score), Index([score]))
    text = chorales.report([figures | {"midi_again": 1.0, "musicxml_again": 1.0}], [figures], "1 piece")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "composed" not in line]
    groups = (chorales.KEYS, chorales.FOUND, chorales.COUNTERPOINT, chorales.TEXTURE, chorales.COPYING)
    assert len(rows) == sum(map(len, groups))
    assert any(line.startswith("| bars verbatim in the training set | 100.0 %") for line in rows)
    assert "four voices, each with notes: 1 of 1" in text
