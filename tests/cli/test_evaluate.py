"""``ritornello evaluate``: the report it writes, and options that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.cli import main
from ritornello.scores import Notes, Part, Score, write_midi


def folder(path: Path) -> Path:
    path.mkdir()
    for number in range(2):
        rows = [(331 * n, 200, 60 + (n * (3 + number)) % 13, 64) for n in range(40)]
        write_midi(Score(480, (Part("", Notes.of(rows)),)), path / f"{number}.mid")
    return path


def test_a_report_is_written_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs, out = folder(tmp_path / "my pieces"), folder(tmp_path / "theirs"), tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(ours), "--reference", str(theirs), "--out", str(out), "--workers", "1"])
    assert stop.value.code == 0
    told = capsys.readouterr().out
    assert told.rstrip().endswith(str(out / "report.html"))
    assert "pieces measured" in told
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "report.md", "report.json", "notes.txt"} <= names
    assert not [name for name in names if name.startswith(".")]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"ritornello evaluate &#x27;{ours}&#x27; --reference {theirs} --out {out} --seed 0" in page
    assert "1.0 s" not in page.partition("How this was made")[2]  # how long it took is told, not written


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--reference", "missing"], "missing"),
        (["--reference", "theirs", "--data", "x"], "--data"),
        (["--reference", "theirs", "--context"], "--context"),
        (["--reference", "theirs", "--json", "x.json"], "--json"),
        (["--reference", "theirs", "--window", "2048"], "--window"),
        (["--reference", "theirs", "--seed", "-1"], "--seed"),
        (["--reference", "empty"], "empty"),
        (["--reference", "theirs", "--training", "missing"], "missing"),
        (["--data", "x", "--out", "report"], "--out"),
        (["--data", "x", "--training", "x"], "--training"),
        ([], "--reference"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_files(
    options: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "ours")
    folder(tmp_path / "theirs")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "ours", *options])
    captured = capsys.readouterr()
    assert stop.value.code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert word in captured.err
    assert not [path for path in (tmp_path / "report").rglob("*") if path.is_file()]
