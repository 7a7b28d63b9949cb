"""``ritornello render`` draws a finished piece under the plan that lies beside it, any other file as it is heard."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ritornello.cli import main
from ritornello.form.analyse import analyse
from ritornello.form.plan import Section
from ritornello.form.plan_yaml import write_plan
from ritornello.scores import write_midi
from tests.form.song import VERSE, song

SONG = song(VERSE)


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    """A finished piece; its plan calls everything Z, as no analysis does."""
    plan = analyse(SONG)
    sections = tuple(section.model_copy(update={"label": f"Z{section.label[1:]}"}) for section in plan.sections or ())
    folder = tmp_path / "mine"
    folder.mkdir()
    write_midi(SONG, folder / "piece.mid")
    write_plan(plan.model_copy(update={"sections": sections}), folder / "plan.yaml")
    return folder / "piece.mid"


def rendered(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in ("render", *arguments)])
    return int(stop.value.code or 0)


def test_a_finished_piece_is_drawn_under_its_plan(piece: Path, tmp_path: Path) -> None:
    alone = shutil.copy(piece, tmp_path / "other.mid")
    plan = piece.with_name("plan.yaml")
    for name, arguments in (("beside", [piece]), ("named", [piece, "--plan", plan]), ("found", [alone])):
        assert rendered(*arguments, "--out", tmp_path / name) == 0
    beside, named, found = (
        (tmp_path / name / f"{stem}.png").read_bytes()
        for name, stem in (("beside", "piece"), ("named", "piece"), ("found", "other"))
    )
    assert beside == named != found


def test_another_plan_beside_it_is_refused(piece: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = analyse(SONG)
    longer = Section(label="A", bars=sum(section.bars for section in plan.sections or ()) + 4)
    write_plan(plan.model_copy(update={"sections": (longer,)}), piece.with_name("plan.yaml"))
    assert rendered(piece) == 2
    assert "take it away" in capsys.readouterr().err
    assert not piece.with_suffix(".png").exists()
