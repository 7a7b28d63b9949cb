"""``ritornello compose`` and ``render`` with performances: three files, the same again, clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ritornello.cli import main
from ritornello.data.prepared import PreparedLevel
from ritornello.scores import Notes, Part, Score, Tempo, read_score, write_midi
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.build import build_model
from ritornello.training.weights import save_weights
from tests.cli.test_mistakes import line_of

FILES = ["piece.mid", "piece.png", "piece.wav"]


class _Level(PreparedLevel):
    """What ``save_weights`` asks of prepared data."""

    def __init__(self, name: str) -> None:
        self.name, self.vocabulary_hash = name, PerformanceTokenizer.vocabulary.hash


def weights_of(folder: Path, level: str = "performance") -> Path:
    torch.manual_seed(0)
    config = {"width": 16, "num_layers": 1, "num_heads": 2, "feedforward_width": 16, "window": 32}
    model = build_model("transformer", config, vocabulary_size=len(PerformanceTokenizer.vocabulary))
    save_weights(folder, "transformer", model, _Level(level), {})
    return folder


def played_score(num_notes: int = 60) -> Score:
    """Notes at times that no bar explains."""
    onsets = np.cumsum(np.random.default_rng(0).integers(30, 300, num_notes))
    notes = Notes.columns(onsets, np.full(num_notes, 200), 50 + onsets % 30, 40 + onsets % 60)
    return Score(480, (Part("", notes),), tempos=(Tempo(0, 120.0),))


def run(*arguments: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == 0


def test_a_model_of_performances_plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = weights_of(tmp_path / "run" / "weights").parent
    primer = tmp_path / "primer.mid"
    write_midi(played_score(), primer)
    asked = ("compose", "--weights", weights, "--seconds", 6, "--seed", 4, "--temperature", 0.9, "--primer", primer)
    for name in ("one", "two"):
        run(*asked, "--out", tmp_path / name)
    assert "seed 4" in capsys.readouterr().out
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == FILES
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    score, opening = read_score(tmp_path / "one" / "piece.mid"), read_score(primer)
    num_kept = int((opening.parts[0].notes.onset_ticks < 2 * 3 * 480).sum())  # half of six seconds, two beats a second
    kept = score.parts[0].notes.pitch[:num_kept]
    np.testing.assert_array_equal(kept, opening.parts[0].notes.pitch[:num_kept])
    assert score.num_notes > num_kept
    assert score.end_ticks / score.ticks_per_beat <= 12.01


def test_rendering_a_performance_draws_no_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "played.mid"
    write_midi(played_score(), file)
    monkeypatch.setattr("ritornello.plotting.pianoroll.draw", None)  # would be called for written music
    run("render", file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["played.mid", "played.png", "played.wav"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--form", "A4 B4"], "--form"),
        (["--key", "g minor"], "--key"),
        (["--plan", "plan.yaml"], "--plan"),
        (["--primer", "missing.mid"], "missing.mid"),
        (["--primer", "broken.mid"], "broken.mid"),
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "99999"], "--seconds"),
        (["--temperature", "0"], "--temperature"),
    ],
)
def test_a_wrong_combination(
    options: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    weights_of(tmp_path / "w")
    (tmp_path / "broken.mid").write_bytes(b"I am no MIDI file")
    assert word in line_of(["compose", "--weights", "w", *options], capsys)
    assert not (tmp_path / "pieces").exists()


@pytest.mark.parametrize("options", [["--seconds", "30"], ["--primer", "x.mid"], ["--temperature", "0.9"]])
def test_chorales_have_no_such_option(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{options[0]}: only for a model of performances" in line_of(["compose", *options], capsys)


@pytest.mark.parametrize(("level", "word"), [("notes", "three levels"), ("opera", "unknown scheme")])
def test_weights_that_play_nothing(level: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = weights_of(tmp_path / "w", level)
    assert word in line_of(["compose", "--weights", str(weights), "--out", str(tmp_path / "out")], capsys)
