"""Training on music in bars, as recipes name it: windows or whole pieces, transposed, and resumable to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import SCORE_SCHEMES, Corpus, Piece
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.scores.score import ChordSymbol, KeySignature, Notes, Part, Score
from ritornello.tokenizers.bars import BarsTokenizer
from ritornello.training.likelihood import likelihood
from ritornello.training.loop import fit
from ritornello.training.recipe import Recipe, parse_recipe
from ritornello.training.weights import load_weights, read_facts
from tests.training.runs import changed, whole_and_resumed


def _piece(number: int) -> Score:
    """Two parts over a drone of chords, in quarters and eighths."""
    random = np.random.default_rng(number)
    upper = [(240 * n, 240, 72 + int(random.integers(-5, 6)), 90) for n in range(40 + 8 * number)]
    lower = [(480 * n, 480, 48 + int(random.integers(-5, 6)), 90) for n in range(20 + 4 * number)]
    parts = (Part("upper", Notes.of(upper), 6), Part("lower", Notes.of(lower), 6))
    return Score(480, parts, keys=(KeySignature(0, 0, "major"),), chords=(ChordSymbol(0, 0, "major"),))


def _pieces(_root: Path | None = None) -> Iterator[Piece]:
    for number in range(10):
        split = "validation" if number in (3, 6) else "train"
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        yield Piece(f"p{number}", f"p{number}", split, sha256, partial(_piece, number))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "bars"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CORPORA, "made_up_bars", Corpus("made_up_bars", "none", _pieces, SCORE_SCHEMES, "made up"))
        prepare("made_up_bars", folder)
    return folder


@pytest.fixture
def recipe(folder: Path) -> Recipe:
    return parse_recipe(
        {
            "model": {"name": "transformer", "config": {"width": 32, "num_layers": 2, "num_heads": 2, "window": 64}},
            "data": {"folder": str(folder), "level": "bars", "batch_tokens": 512, "window_tokens": 64,
                     "transpose": [-5, 6]},
            "optimiser": {"learning_rate": 0.01},
            "schedule": {"warmup_steps": 3},
            "steps": 30,
            "evaluate_every": 15,
            "save_every": 15,
            "average_decay": 0.5,
            "threads": 1,
        }
    )  # fmt: skip


@pytest.mark.parametrize("segmentation", ["random_start", "streamed"])
def test_a_transformer_learns_bars(segmentation: str, recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    fit(changed(recipe, data__segmentation=segmentation), tmp_path / "run")
    by_kind = read_facts(tmp_path / "run" / "weights")["measured"]["validation"]
    kinds = {"PROGRAM", "BAR", "KEY", "POSITION", "CHORD", "PART", "PITCH", "DURATION", "END"}
    assert by_kind.keys() == kinds  # no VELOCITY, TEMPO or LENGTH: these pieces have none
    model, data = load_weights(tmp_path / "run" / "weights"), PreparedLevel(folder, "bars")
    nats = likelihood(model, data, data.of_split("validation")).headline
    assert nats < 0.5 * np.log(len(BarsTokenizer.vocabulary))


def test_a_resumed_run_ends_with_the_same_bits(recipe: Recipe, tmp_path: Path) -> None:
    whole_and_resumed(changed(recipe, steps=12, evaluate_every=4, save_every=3), tmp_path)


def test_bars_cannot_be_stretched(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can only be transposed"):
        fit(changed(recipe, data__stretch=(0.9, 1.1)), tmp_path / "run")
