"""Which plan, and which style, the options of ``compose`` ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.cli import main
from ritornello.cli.plan_options import PlanOptions, plan_of_options
from ritornello.errors import UserError
from ritornello.form.key import Key
from ritornello.scores.midi import write_midi
from ritornello.scores.score import Notes, Part, Score


def piece(path: Path, *, num_bars: int, num_parts: int) -> Path:
    """A file of half notes that go up and down, in 4/4."""
    rows = [(960 * i, 960, 60 + (0, 4, 7, 5)[i % 4] + i % 3, 80) for i in range(2 * num_bars)]
    parts = tuple(Part(f"part {number}", Notes.of(rows)) for number in range(num_parts))
    write_midi(Score(480, parts), path)
    return path


def test_a_style_is_the_files_then_the_options_then_chorale(tmp_path: Path) -> None:
    (song, open_style) = (tmp_path / "song.yaml", tmp_path / "open.yaml")
    song.write_text("style: song\nkey: g minor\n")
    open_style.write_text("key: g minor\n")
    assert plan_of_options(PlanOptions()).style == "chorale"
    assert plan_of_options(PlanOptions(style="bach")).style == "bach"
    assert plan_of_options(PlanOptions(form="A4 B4", style="song")).style == "song"
    assert plan_of_options(PlanOptions(plan=song)).style == "song"
    assert plan_of_options(PlanOptions(plan=song, style="song")).style == "song"
    assert plan_of_options(PlanOptions(plan=open_style)).style == "chorale"
    assert plan_of_options(PlanOptions(plan=open_style, style="bach")).style == "bach"
    assert plan_of_options(PlanOptions(plan=open_style, style="bach")).key == Key.parse("g minor")
    with pytest.raises(UserError) as caught:
        plan_of_options(PlanOptions(plan=song, style="bach"))
    assert str(caught.value) == (
        "--style: the plan's style is song, --style says bach; leave it out, or change the plan"
    )


def test_a_piece_gives_its_plan_to_the_style_that_is_asked_for(tmp_path: Path) -> None:
    """What is read as chorales are is one; everything else is taken for Bach unless the options know better."""
    four = piece(tmp_path / "four.mid", num_bars=8, num_parts=4)
    long = piece(tmp_path / "long.mid", num_bars=40, num_parts=2)
    assert plan_of_options(PlanOptions(plan_from=four)).style == "chorale"
    assert plan_of_options(PlanOptions(plan_from=long)).style == "bach"
    song = plan_of_options(PlanOptions(plan_from=long, style="song"))
    assert song.style == "song"
    assert sum(section.bars for section in song.sections or ()) == 40


def test_levels_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine" / "structure").mkdir(parents=True)
    arguments = ["compose", "--style", "song", "--weights", str(tmp_path / "mine"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    mend = "train the levels of song and name their folder with --weights"
    assert capsys.readouterr().err == f"ritornello: {tmp_path / 'mine'}: has no folder phrases; {mend}\n"
    assert not (tmp_path / "out").exists()
