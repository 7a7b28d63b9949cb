"""A folder of one's own MIDI files becomes a model that plays: two commands, and a third to hear it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ritornello.cli import main
from ritornello.scores import Notes, Part, Score, Tempo, read_score, write_midi
from ritornello.tokenizers import TOKENIZERS

RECIPE = """
model:
  name: transformer
  config: {width: 16, num_layers: 1, num_heads: 2, feedforward_width: 32, window: 64}
data: {folder: %s, level: %s, window_tokens: 32, batch_tokens: 128}
steps: 8
evaluate_every: 4
save_every: 4
threads: 1
"""


def walk(seed: int) -> Score:
    """A made-up player who walks up and down the keyboard, with a pedal of his own mind."""
    random = np.random.default_rng(seed)
    onsets = np.cumsum(random.integers(40, 400, 80))
    pitches = 60 + np.cumsum(random.integers(-3, 4, 80)).clip(-20, 20)
    notes = Notes.columns(onsets, random.integers(40, 500, 80), pitches, random.integers(30, 100, 80))
    return Score(480, (Part("", notes),), tempos=(Tempo(0, 120.0),))


def run(*arguments: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == 0


@pytest.mark.parametrize("scheme", [name for name, scheme in TOKENIZERS.items() if hasattr(scheme, "strikes_V")])
def test_from_a_folder_to_a_piece(scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(12):
        write_midi(walk(seed), music / f"walk-{seed}.mid")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE % (tmp_path / "data", scheme))
    run("prepare", music, "--out", tmp_path / "data", "--scheme", scheme)
    run("train", recipe, "--out", tmp_path / "run")
    run("compose", "--weights", tmp_path / "run", "--seconds", 5, "--seed", 1, "--out", tmp_path / "piece")
    assert "seed 1" in capsys.readouterr().out
    assert sorted(file.name for file in (tmp_path / "piece").iterdir()) == ["piece.mid", "piece.png", "piece.wav"]
    assert read_score(tmp_path / "piece" / "piece.mid").num_notes > 0
