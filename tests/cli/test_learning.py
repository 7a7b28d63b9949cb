"""Learning curves: ``train`` leaves them however it ends, ``render`` draws them again, alone or beside others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ritornello.cli.learning import COMPARED, PICTURE, draw_runs
from ritornello.errors import UserError
from ritornello.plotting import curves
from ritornello.plotting.curves import MOST_RUNS, LearningCurve
from ritornello.scores import write_midi
from ritornello.training.log import LOG_NAME, ProgressBar
from tests.cli.test_mistakes import line_of
from tests.cli.test_own_folder import RECIPE, run, walk

LINE = '{"step": %d, "train": %f, "validation": %f, "learning_rate": 0.001}\n'


def made_up(folder: Path, count: int = 5) -> Path:
    """The folder of a run with so many lines in its log."""
    folder.mkdir(parents=True)
    (folder / LOG_NAME).write_text("".join(LINE % (10 * n, 3 / n, 4 / n) for n in range(1, count + 1)))
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight steps on made-up music, with an evaluation after four."""
    folder = tmp_path_factory.mktemp("learning")
    (folder / "music").mkdir()
    for seed in range(12):
        write_midi(walk(seed), folder / "music" / f"walk-{seed}.mid")
    file = folder / "recipe.yaml"
    file.write_text(RECIPE % (folder / "data", "performance"))
    run("prepare", folder / "music", "--out", folder / "data", "--scheme", "performance")
    return file


def test_a_finished_run_has_its_curves(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("train", recipe, "--out", tmp_path / "run")
    said, picture = capsys.readouterr().out.splitlines()
    assert "nats per token" in said
    assert picture == str(tmp_path / "run" / PICTURE)
    before = Path(picture).read_bytes()
    assert before.startswith(b"\x89PNG")
    Path(picture).unlink()
    run("render", tmp_path / "run")
    assert Path(picture).read_bytes() == before


def test_so_has_one_that_was_stopped(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def interrupted(_: ProgressBar) -> None:
        steps.append(1)
        if len(steps) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "advance", interrupted)
    run("train", recipe, "--out", tmp_path / "run")
    said, picture = capsys.readouterr().out.splitlines()
    assert "stopped after step 6 of 8" in said
    assert Path(picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("error", [RuntimeError("no font"), UserError("the disk is full"), MemoryError()])
def test_a_picture_that_cannot_be_drawn_does_not_lose_a_run(
    error: Exception,
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(curves, "draw_learning", broken)
    run("train", recipe, "--out", tmp_path / "run")
    captured = capsys.readouterr()
    assert "nats per token" in captured.out
    assert "no learning curves" in captured.err
    assert (tmp_path / "run" / "weights" / "weights.safetensors").is_file()


def test_a_run_stopped_before_its_first_evaluation_has_none_and_says_so(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", recipe, "--out", tmp_path / "run", "--set", "max_minutes=0.000001")
    captured = capsys.readouterr()
    assert "stopped after step 1 of 8" in captured.out
    assert "says nothing yet" in captured.err
    assert not (tmp_path / "run" / PICTURE).exists()


def test_runs_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[LearningCurve]] = []
    monkeypatch.setattr(curves, "draw_learning", lambda runs, _: drawn.append(runs))
    one, other, third = made_up(tmp_path / "a" / "run"), made_up(tmp_path / "b" / "run", 7), made_up(tmp_path / "c")
    run("render", one, "--beside", other, "--beside", third)
    assert capsys.readouterr().out.split() == [str(one / COMPARED)]
    assert [curve.name.split("/")[-2:] for curve in drawn[0]] == [["a", "run"], ["b", "run"], [tmp_path.name, "c"]]
    assert [len(curve.steps) for curve in drawn[0]] == [5, 7, 5]
    assert drawn[0][0].validation_nats.tolist() == pytest.approx([4, 2, 4 / 3, 1, 0.8])
    run("render", one, "--beside", third, "--out", tmp_path / "out")
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / COMPARED)]
    assert [curve.name for curve in drawn[1]] == ["run", "c"]


def test_no_torch_is_loaded_to_draw_a_log(tmp_path: Path) -> None:
    made_up(tmp_path / "run")
    code = (
        "import sys, pathlib\n"
        "from ritornello.cli.learning import draw_runs\n"
        "draw_runs([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[1], 'x.png'))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, empty = made_up(tmp_path / "one"), made_up(tmp_path / "empty", 0)
    assert "log.jsonl" in line_of(["render", str(tmp_path)], capsys)
    assert "says nothing yet" in line_of(["render", str(empty)], capsys)
    assert "--score" in line_of(["render", str(one), "--score"], capsys)
    assert "--plan" in line_of(["render", str(one), "--plan", "plan.yaml"], capsys)
    assert "--beside" in line_of(["render", str(tmp_path / "piece.mid"), "--beside", str(one)], capsys)
    assert "missing" in line_of(["render", str(one), "--beside", str(tmp_path / "missing")], capsys)
    assert not list(tmp_path.rglob("*.png"))
    with pytest.raises(UserError, match=str(MOST_RUNS)):
        draw_runs([one] * (MOST_RUNS + 1), tmp_path / "x.png")
    assert draw_runs([one, one], tmp_path / "twice.png").is_file()
