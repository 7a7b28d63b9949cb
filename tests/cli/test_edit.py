"""``ritornello edit`` with a model that has learnt nothing: the files, what stays in them, what is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ritornello.cli import main
from ritornello.form.analyse import analyse
from ritornello.form.plan_yaml import read_plan, write_plan
from ritornello.scores import read_score, write_midi, write_musicxml
from ritornello.tokenizers.bars_conditions import CONDITION_SIZES
from ritornello.tokenizers.bars_words import NUM_TOKENS, VOCABULARY
from ritornello.training.build import build_model
from ritornello.training.weights import save_weights
from tests.form.song import CHORUS, VERSE, song
from tests.scores.test_midi_revision import events_of

FILES = {"piece.mid", "piece.musicxml", "piece.png", "piece.wav", "plan.yaml"}
SONG = song(VERSE)
BAR_TICKS = 1920


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    numbers = {"width": 16, "num_layers": 1, "num_heads": 2, "feedforward_width": 16, "window": 64, "source_width": 8}
    model = build_model("form", numbers, vocabulary_size=NUM_TOKENS, condition_sizes=CONDITION_SIZES)
    data: Any = SimpleNamespace(name="bars_plan", vocabulary_hash=VOCABULARY.hash)
    folder = tmp_path_factory.mktemp("levels") / "notes"
    save_weights(folder, "form", model, data, {})
    return folder.parent


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    """The folder of a piece, as compose writes it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    write_midi(SONG, folder / "piece.mid")
    write_plan(analyse(SONG).model_copy(update={"title": "Mine"}), folder / "plan.yaml")
    return folder


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in ("edit", *arguments)])
    return int(stop.value.code or 0)


def test_a_region_of_a_piece_becomes_other_notes(
    piece: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(piece, "--bars", "3-4", "--lock", "piano", "--seed", "5", "--weights", weights) == 0
    assert "bars 3-4 composed again" in capsys.readouterr().out
    out = tmp_path / "edits" / "mine-5"
    assert {file.name for file in out.iterdir()} == FILES
    start, end = 2 * BAR_TICKS, 4 * BAR_TICKS
    old, new = events_of((piece / "piece.mid").read_bytes()), events_of((out / "piece.mid").read_bytes())
    outside = [[[event for event in track if not start <= event[0] <= end] for track in file] for file in (old, new)]
    assert outside[0] == outside[1]
    assert old != new
    score = read_score(out / "piece.mid")
    assert score.parts[1].notes == SONG.parts[1].notes
    assert read_score(out / "piece.musicxml").parts[0].notes.pitch.tolist() == score.parts[0].notes.pitch.tolist()
    assert read_plan(out / "plan.yaml").title == "Mine"


def test_bars_of_a_written_page(weights: Path, tmp_path: Path) -> None:
    """MusicXML has no bytes to keep; its notes stay."""
    write_musicxml(SONG, tmp_path / "page.musicxml")
    before = read_score(tmp_path / "page.musicxml")
    arguments = (tmp_path / "page.musicxml", "--bars", "1", "--style", "song", "--out", tmp_path / "out")
    assert run(*arguments, "--seed", "1", "--weights", weights / "notes") == 0
    after = read_score(tmp_path / "out" / "piece.mid")
    assert after.ticks_per_beat == before.ticks_per_beat
    for old, new in zip(before.parts, after.parts, strict=True):
        assert [row[:3] for row in old.notes.rows() if row[0] >= 4 * before.ticks_per_beat] == [
            row[:3] for row in new.notes.rows() if row[0] >= 4 * before.ticks_per_beat
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one region is needed; give either --section or --bars"),
        (("--bars", "1", "--section", "1"), "one region is needed"),
        (("--bars", "7-9"), "--bars: the piece has no bars 7-9 (limit: bars 1 to 8)"),
        (("--bars", "9-8"), "--bars: no bar (limit: bars 1 to 8)"),
        (("--bars", "two"), "--bars: 'two' are no bars; write 9-16, or 9 for one bar"),
        (("--section", "9"), "--section: no section is called 9; a number from 1 to"),
        (("--bars", "1", "--lock", "flute"), "--lock: no part is called flute; one of 1 MELODY, 2 PIANO"),
        (("--bars", "1", "--lock", "1", "--lock", "2"), "--lock: all parts are locked; leave one open"),
    ],
)
def test_regions_that_are_refused(
    piece: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...],
    message: str,
) -> None:  # fmt: skip
    assert run(piece, *arguments, "--weights", weights, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ritornello: {message}")
    assert error.count("\n") == 1


def test_a_piece_is_never_overwritten(piece: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (piece / "piece.mid").read_bytes()
    assert run(piece, "--bars", "1", "--weights", weights, "--out", piece) == 2
    assert run(piece / "piece.mid", "--bars", "1", "--weights", weights, "--out", piece / ".." / "mine") == 2
    assert "would overwrite the piece" in capsys.readouterr().err
    assert (piece / "piece.mid").read_bytes() == before


def test_the_plan_of_another_piece(piece: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_plan(analyse(song(VERSE, CHORUS)), piece / "plan.yaml")
    assert run(piece, "--bars", "1", "--weights", weights) == 2
    assert "plan.yaml: is of 64 beats, the piece of 3" in capsys.readouterr().err
    (piece / "plan.yaml").write_text("style: song\n")
    assert run(piece, "--bars", "1", "--weights", weights) == 2
    assert "leaves metre, pickup or sections open" in capsys.readouterr().err
