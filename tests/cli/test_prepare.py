"""``ritornello prepare``: a report on the screen, a bar on terminals only, one line for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.cli import main
from ritornello.data.prepared import PreparedLevel
from ritornello.scores.midi import write_midi
from ritornello.scores.score import Notes, Part, Score


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        notes = Notes.of([(240 * place, 200, 60 + (number * place) % 20, 80) for place in range(40)])
        write_midi(Score(480, (Part("Piano", notes),)), folder / f"{number}.mid")
    (folder / "broken.mid").write_bytes(b"I am no MIDI file")
    (folder / "other.mid").write_bytes(b"Nor am I one")
    return folder


def _run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


def test_a_folder_of_midi_is_one_command(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    code, text, bar = _run(["prepare", str(music), "--out", str(out), "--seed", "4", "--licence", "CC0"], capsys)
    assert (code, bar) == (0, "")
    assert text.splitlines() == [
        f"{out}: 3 pieces of music, 2 refused (2 train, 1 validation)",
        "  2 refused: not a MIDI file (broken.mid)",
    ]
    assert len(PreparedLevel(out, "performance").entries) == 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonsense"], "no such corpus"),
        (["empty"], "holds no music"),
        (["music", "--scheme", "chorale"], "cannot be prepared as"),
        (["maestro"], "RITORNELLO_DATA"),
        (["music/broken.mid"], "no such corpus"),
        (["music", "--workers", "0"], "workers"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    word: str,
    music: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RITORNELLO_DATA", raising=False)
    (tmp_path / "empty").mkdir()
    code, text, line = _run(["prepare", *arguments, "--out", "out"], capsys)
    assert (code, text) == (2, "")
    assert word in line
    assert line.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"empty", music.name}


def test_a_full_disk_is_one_line(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        code, text, line = _run(["prepare", str(music), "--out", str(tmp_path / "out")], capsys)
    assert (code, text, line.count("\n")) == (2, "", 1)
    assert "No space left on device; make room" in line
    assert not (tmp_path / "out").exists()
