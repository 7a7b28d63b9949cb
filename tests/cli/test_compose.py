"""``ritornello compose`` with the shipped weights: the whole line, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.cli import main
from ritornello.form.plan_yaml import read_plan
from ritornello.form.shorthand import format_form
from ritornello.form.voices import frames_of
from ritornello.scores import read_score

FILES = {"piece.mid", "piece.musicxml", "piece.png", "piece.wav", "plan.yaml"}


def test_a_form_in_a_key_becomes_five_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compose", "--form", "A2 A2 B3", "--key", "g minor", "--seed", "5", "--out"]
    for name in ("one", "two"):
        with pytest.raises(SystemExit) as stop:
            main([*arguments, str(tmp_path / name)])
        assert stop.value.code == 0
    assert "A2 A2 B3 in g minor" in capsys.readouterr().out
    assert {file.name for file in (tmp_path / "one").iterdir()} == FILES
    for file in FILES - {"piece.png"}:  # a picture's bytes may depend on the fonts of the machine, not on the run
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    plan = read_plan(tmp_path / "one" / "plan.yaml")
    assert format_form(plan.sections or ()) == "A2 A2 B3"
    pitches, _ = frames_of(read_score(tmp_path / "one" / "piece.musicxml"))
    pickup, section = round(4 * (plan.pickup_beats or 0)), round(4 * 2 * plan.bar_beats)
    assert len(pitches) == pickup + 7 * round(4 * plan.bar_beats)
    assert (pitches >= 0).all()
    assert (pitches[:section] == pitches[section : 2 * section]).mean() > 0.95  # but for the join, the same music
    assert {int(p) % 12 for p in pitches[-1]} == {7, 10, 2}
    assert int(pitches[-1, 3]) % 12 == 7
