"""Sets: what is found in a folder, what is left out and why, and what a draw is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.errors import UserError
from ritornello.evaluation.report import sets
from ritornello.evaluation.report.sets import drawn, find_pieces, look_into
from ritornello.scores import Metre, Notes, Part, Score, write_midi, write_musicxml


def score(pitch: int = 60, *, numerator: int = 4) -> Score:
    rows = [(480 * n, 480, pitch + n % 5, 64) for n in range(16)]
    return Score(480, (Part("", Notes.of(rows)),), metres=(Metre(0, numerator, 4),))


def midi(path: Path, pitch: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_midi(score(pitch), path)
    return path


def test_a_folder_is_searched_through_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.MID", "a.mid", "deep/er/c.midi", ".hidden.mid", ".hidden/d.mid", "._a.mid"):
        midi(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no music")
    found = find_pieces(tmp_path)
    assert [piece.name for piece in found.pieces] == ["a.mid", "b.MID", "deep/er/c.midi"]
    assert found.twins == ()


def test_twins_are_one_piece_in_the_format_that_says_most(tmp_path: Path) -> None:
    midi(tmp_path / "x" / "piece.mid")
    write_musicxml(score(), tmp_path / "x" / "piece.musicxml")
    midi(tmp_path / "y" / "piece.mid")
    found = find_pieces(tmp_path)
    assert [piece.name for piece in found.pieces] == ["x/piece.musicxml", "y/piece.mid"]
    assert found.twins == ("x/piece.mid",)


def test_a_plan_belongs_to_the_one_piece_of_its_folder(tmp_path: Path) -> None:
    for name in ("alone/piece.mid", "alone/piece.musicxml", "shared/one.mid", "shared/two.mid"):
        midi(tmp_path / name) if name.endswith("mid") else write_musicxml(score(), tmp_path / name)
    for folder in ("alone", "shared"):
        (tmp_path / folder / "plan.yaml").write_text("key: C major\n")
    assert [piece.plan and piece.plan.parent.name for piece in find_pieces(tmp_path).pieces] == ["alone", None, None]
    assert find_pieces(tmp_path / "alone" / "piece.mid").pieces[0].plan == tmp_path / "alone" / "plan.yaml"


def test_names_are_printable_whatever_the_files_are_called(tmp_path: Path) -> None:
    midi(tmp_path / "two\nlines\x1b[31m.mid")
    assert find_pieces(tmp_path).pieces[0].name == "two\\nlines\\x1b[31m.mid"


def test_an_empty_folder_a_missing_one_and_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no music"):
        find_pieces(tmp_path)
    with pytest.raises(UserError, match="no such"):
        find_pieces(tmp_path / "missing")
    for name in "abc":
        midi(tmp_path / f"{name}.mid")
    monkeypatch.setattr(sets, "MOST_FILES", 2)
    with pytest.raises(UserError, match="2 files"):
        find_pieces(tmp_path)


def test_what_cannot_be_read_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.mid").write_bytes(b"I am no MIDI file")
    midi(tmp_path / "good.mid")
    bad, good = (look_into(piece) for piece in find_pieces(tmp_path).pieces)
    assert "MIDI" in bad.reason
    assert (good.reason, good.written, len(good.sha256)) == ("", True, 64)

    def broken(path: Path) -> Score:
        raise ZeroDivisionError(f"a fault\nwith {path.name}")

    monkeypatch.setattr(sets, "read_score", broken)
    assert look_into(good.piece).reason == "its reader failed: ZeroDivisionError: a fault with good.mid"


def test_a_draw_keeps_the_order_and_follows_the_seed() -> None:
    items = [f"{n:03d}" for n in range(100)]
    first = drawn(items, 10, 1)
    assert first == sorted(first)
    assert len(set(first)) == 10
    assert first == drawn(items, 10, 1) != drawn(items, 10, 2)
    assert drawn(items, 100, 1) == drawn(items, 200, 1) == items
