"""A mistake by the user is one clear line on stderr and exit code 2; nothing is half-written."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ritornello.cli import main


def midi(track: bytes, length: int | None = None) -> bytes:
    size = len(track) if length is None else length
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", size) + track


NOTE = b"\x00\x90\x3c\x40"
END = b"\x00\xff\x2f\x00"
BROKEN_FILES = {
    "text.mid": b"I am no MIDI file",
    "empty.mid": b"",
    "cut.mid": midi(NOTE, length=900),
    "silent.mid": midi(END),
    "endless.mid": midi(NOTE + b"\x87\xff\xff\xff\x7f\x80\x3c\x40" + END),
    "long.mid": midi(NOTE + (b"\xff\xff\xff\x7f\xb0\x07\x40") * 8 + b"\xff\xff\xff\x7f\x80\x3c\x40" + END),
    "entity.musicxml": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<score-partwise version="4.0"><part-list/><movement-title>&x;</movement-title></score-partwise>',
    "empty.musicxml": b"",
    "empty.krn": b"",
}


def line_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command that must fail."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    captured = capsys.readouterr()
    assert stop.value.code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize("name", BROKEN_FILES)
@pytest.mark.parametrize("verb", ["analyse", "render"])
def test_a_broken_file(name: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / name
    file.write_bytes(BROKEN_FILES[name])
    assert name in line_of([verb, str(file), "--out", str(tmp_path / "out")], capsys)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--form", "A0 B4"], "0 bars"),
        (["--form", "loud"], "loud"),
        (["--form", ""], "form"),
        (["--form", "A4 B99999"], "bars"),
        (["--key", "H minor"], "H minor"),
        (["--key", "G## major"], "G##"),
        (["--form", "A4", "--plan-from", "x.mid"], "--form"),
        (["--plan", "missing.yaml"], "missing.yaml"),
        (["--seed", "-1"], "--seed"),
        (["--loud"], "--loud"),
        (["--weights", "missing"], "missing"),
    ],
)
def test_a_wrong_option(
    options: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert word in line_of(["compose", *options], capsys)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        ("sectoins: [{label: A, bars: 4}]", "sectoins"),
        ("sections: [{label: A, bars: 0}]", "bars"),
        ("key: H minor", "H minor"),
        ("sections: [", "plan.yaml"),
        ("- 1", "plan.yaml"),
        ("metre: 4/5", "metre"),
    ],
)
def test_a_wrong_plan(plan: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(plan)
    assert word in line_of(["compose", "--plan", str(file), "--out", str(tmp_path / "out")], capsys)


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot write" in line_of(["compose", "--seed", "1", "--out", str(tmp_path / "file" / "piece")], capsys)


def test_an_unknown_corpus_and_a_wrong_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "vogler" in line_of(["prepare", "vogler", "--out", str(tmp_path / "data")], capsys)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("modle: {}\n")
    assert "modle" in line_of(["train", str(recipe), "--out", str(tmp_path / "run")], capsys)
    assert "missing.yaml" in line_of(["train", "missing.yaml", "--out", str(tmp_path / "run")], capsys)
    assert "nowhere" in line_of(["evaluate", "nowhere", "--data", str(tmp_path)], capsys)


def test_ctrl_c_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether typer raises or returns a code."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ritornello.cli.piece_folder.claim_folder", stopped)
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "pieces", "--reference", "others"])
    assert stop.value.code == 130
    assert capsys.readouterr().err == "ritornello: stopped; what was finished before is kept\n"
