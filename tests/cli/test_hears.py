"""``ritornello hears``: one picture, from a recipe or a trained model, and one line for each mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from ritornello.cli import main
from ritornello.errors import UserError
from ritornello.models import MODELS
from ritornello.plotting.hearing import FUTURE, HEARD, OWN, UNHEARD, figure_of_hearing, panels_of
from ritornello.scores import Notes, Part, Score, write_midi
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.build import build_model
from ritornello.training.hearing import hearing_of
from ritornello.training.weights import save_weights
from tests.cli.test_mistakes import line_of

DOCS = Path(__file__).parents[2] / "docs"
RECIPE = """
model: {name: transformer, config: {width: 16, num_layers: 3, num_heads: 2, feedforward_width: 32, window: 64}}
data: {folder: nowhere, level: %s}
steps: 8
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE % "performance")
    return file


def test_a_picture(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = recipe.parent / "hears.png"
    with pytest.raises(SystemExit) as stop:
        main(["hears", str(recipe), "--out", str(picture), "--set", "model.config.window=8"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.split() == [str(picture)]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_masks_are_those_of_the_changed_recipe(recipe: Path) -> None:
    hearing = hearing_of(recipe, 24, ["model.config.window=8", "model.config.num_layers=2"])
    distance = np.arange(24)[:, None] - np.arange(24)
    assert hearing.title == "transformer · window 8 · num_layers 2"
    short = hearing_of(recipe, 24, ["model.name=dsmr", "model.config={width: 16, num_layers: 2}", "seed=2"])
    assert short.title == "dsmr · width 16, num_layers 2"
    assert sum(hearing.stages["layer 1"][23]) == 8
    assert all(np.array_equal(mask, (distance >= 0) & (distance < 8)) for mask in hearing.stages.values())


@pytest.mark.parametrize("level", ["performance", "note_duration"])
def test_bars_of_time_are_those_of_a_scale(level: str, tmp_path: Path) -> None:
    """A second of the scale is eight notes, in every scheme."""
    (tmp_path / "recipe.yaml").write_text(RECIPE % level)
    shifts = {"performance": 259, "note_duration": 241}
    config = (
        f"{{width: 16, num_layers: 1, num_heads: 2, fine_spans: [1], first_shift: {shifts[level]}, span_steps: 100}}"
    )
    stages = hearing_of(tmp_path / "recipe.yaml", 96, ["model.name=museformer", f"model.config={config}"]).stages
    summarised = np.flatnonzero(stages["spans to summaries"].sum(axis=1) > 1)
    assert set(np.diff(summarised)) == {8 * 3}
    assert not any(np.triu(mask, 1).any() for mask in stages.values())


def commands_of_the_docs() -> list[tuple[str, str, int]]:
    """Picture, changes and length of every ``draw`` in docs/hearing.md."""
    text = (DOCS / "hearing.md").read_text()
    loop = re.search(r"for schedule in (.+?); do\n(.+?)\ndone", text, re.DOTALL)
    assert loop
    lines = [loop[2].strip().replace("$schedule", schedule) for schedule in loop[1].split()]
    lines += [line for line in text.replace(loop[0], "").splitlines() if line.startswith("draw ")]
    found = [re.fullmatch(r'draw (\S+) (\S+) "(.+?)"(?: --length (\d+))?', line) for line in lines]
    return [(match[1], f"{match[2]}={{{match[3]}}}", int(match[4] or 96)) for match in found if match]


@pytest.mark.parametrize(("picture", "model", "length"), commands_of_the_docs())
def test_the_pictures_of_the_docs(picture: str, model: str, length: int) -> None:
    """Each has its command, is small, is shown, and is of the masks that the model has now, cell by cell."""
    name, _, config = model.partition("=")
    recipe = DOCS.parent / "recipes" / "my-folder.yaml"
    hearing = hearing_of(recipe, length, [f"model.name={name}", f"model.config={config}"])
    file = DOCS / "pictures" / f"hears-{picture}.png"
    assert file.stat().st_size < 60_000
    assert f"(pictures/{file.name})" in (DOCS / "hearing.md").read_text()
    shown, colours = imread(file)[..., :3], np.array([to_rgb(colour) for colour in (FUTURE, UNHEARD, HEARD, OWN)])
    for panel, axes in zip(panels_of(hearing.stages), figure_of_hearing(hearing.stages).axes, strict=True):
        box = axes.get_window_extent()
        middles = (np.arange(1, length - 1) + 0.5) * round(box.width) / length  # a frame lies on the outermost cells
        rows = (len(shown) - round(box.y1) + middles).astype(int)
        cells = shown[rows[:, None], (round(box.x0) + middles).astype(int)]
        kinds = np.abs(cells[:, :, None] - colours).sum(axis=-1).argmin(axis=-1)
        expected = np.where(panel.heard, 2, np.tri(length, dtype=int))
        np.fill_diagonal(expected, 3)
        assert np.array_equal(kinds, expected[1:-1, 1:-1])


def test_the_docs_speak_of_every_model() -> None:
    text = (DOCS / "hearing.md").read_text()
    assert all(f"`{name}`" in text or f"\n## {name}\n" in text for name in MODELS)
    assert {picture for picture, _, _ in commands_of_the_docs()} == {
        file.stem.removeprefix("hears-") for file in (DOCS / "pictures").glob("hears-*.png")
    }


@pytest.mark.parametrize("level", ["structure", "phrases", "notes"])
def test_the_levels_of_a_chorale_have_no_picture(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).parents[2] / "src" / "ritornello" / "weights" / "chorale" / level
    assert "all that came before" in line_of(["hears", str(folder), "--out", "x.png"], capsys)


def test_weights_can_be_changed_too(recipe: Path) -> None:
    """The weights folder of a model says what it is; what does not fit is refused."""
    folder = recipe.parent / "weights"
    folder.mkdir()
    config = {"vocabulary_size": 391, "width": 16, "num_layers": 2, "num_heads": 2, "window": 40}
    facts = {"model": "transformer", "config": config, "level": "performance"}
    (folder / "config.json").write_text(json.dumps(facts))
    assert hearing_of(recipe.parent, 60).stages["layer 2"][59].sum() == 40
    assert hearing_of(folder, 60, ["model.config.window=8"]).stages["layer 2"][59].sum() == 8
    with pytest.raises(UserError, match="wiidth"):
        hearing_of(folder, 60, ["model.config.wiidth=8"])
    (folder / "config.json").write_text("{}")
    with pytest.raises(UserError, match="model"):
        hearing_of(folder)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--length", "4"], "--length"),
        (["--length", "100000"], "--length"),
        (["--set", "model.config.window=0"], "window"),
        (["--set", "model.config.windw=4"], "windw"),
        (["--set", "model.config=4"], "model.config"),
        (["--set", "model.name=tranformer"], "tranformer"),
        (["--set", "data.level=melody"], "melody"),
        (["--set", "window"], "a.b=c"),
    ],
)
def test_a_wrong_option(arguments: list[str], word: str, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = recipe.parent / "hears.png"
    assert word in line_of(["hears", str(recipe), "--out", str(picture), *arguments], capsys)
    assert not picture.exists()


def test_a_wrong_source_or_folder(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "missing" in line_of(["hears", "missing", "--out", "x.png"], capsys)
    assert "no weights" in line_of(["hears", str(recipe.parent), "--out", "x.png"], capsys)
    picture = recipe.parent / "nowhere" / "x.png"
    assert "cannot be written" in line_of(["hears", str(recipe), "--out", str(picture)], capsys)


@pytest.fixture(scope="module")
def heard_piece(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An untrained model of performances, and a piece whose first twenty notes return."""
    folder = tmp_path_factory.mktemp("heard")
    config = {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 16, "window": 64}
    model = build_model("transformer", {**config, "vocabulary_size": 391})
    facts: Any = SimpleNamespace(name="performance", vocabulary_hash=PerformanceTokenizer.vocabulary.hash)
    save_weights(folder / "weights", "transformer", model, facts, {})
    pitches = np.array([60, 64, 67, 72, 71, 69, 65, 62, 59, 55, 57, 60, 66, 68, 63, 61, 58, 56, 70, 74])
    pitch = np.concatenate([pitches, [40, 90, 41, 88, 42], pitches])
    columns = (np.arange(45) * 120, np.full(45, 100), pitch, np.full(45, 64))
    write_midi(Score(480, (Part("", Notes.columns(*columns)),)), folder / "piece.mid")
    return folder / "weights", folder / "piece.mid"


def hear(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as stop:
        main(["hears", *arguments])
    printed = capsys.readouterr()
    assert stop.value.code == 0, printed.err
    return printed.out.splitlines()


def test_what_a_note_of_a_piece_heard(heard_piece: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Two pictures and a table; which note asks may be said in two ways, and is else one that returns."""
    weights, piece = heard_piece
    picture = weights.parent / "heard.png"
    lines = hear([str(weights), "--piece", str(piece), "--out", str(picture)], capsys)
    beside = weights.parent / "heard-distances.png"
    assert lines[:2] == [str(picture), str(beside)]
    assert [line.split()[:3] for line in lines[3:]] == [
        ["layer", str(layer), str(head)] for layer in (1, 2) for head in (1, 2)
    ]
    chosen = picture.read_bytes()
    assert chosen.startswith(b"\x89PNG")
    assert beside.read_bytes().startswith(b"\x89PNG")
    for way in (["--note", "39"], ["--at", "4.74"]):  # the return begins with note 26; two thirds of it are 13 notes
        hear([str(weights), "--piece", str(piece), "--out", str(picture), *way], capsys)
        assert picture.read_bytes() == chosen
    hear([str(weights), "--piece", str(piece), "--out", str(picture), "--note", "5"], capsys)
    assert picture.read_bytes() != chosen


def test_a_model_without_attention(heard_piece: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """What its prediction depends on is drawn all the same; there are no distances by head."""
    folder, piece = heard_piece[0].parent / "lstm", heard_piece[1]
    model = build_model("lstm", {"width": 16, "num_layers": 1, "vocabulary_size": 391})
    facts: Any = SimpleNamespace(name="performance", vocabulary_hash=PerformanceTokenizer.vocabulary.hash)
    save_weights(folder, "lstm", model, facts, {})
    picture = folder / "heard.png"
    assert hear([str(folder), "--piece", str(piece), "--out", str(picture)], capsys) == [str(picture)]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--note", "46"], "1 to 45"),
        (["--at", "60"], "--at"),
        (["--note", "3", "--at", "1"], "exclude"),
        (["--set", "model.config.window=8"], "--set"),
    ],
)
def test_a_note_that_cannot_ask(
    arguments: list[str], word: str, heard_piece: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weights, piece = heard_piece
    out = weights.parent / "none.png"
    assert word in line_of(["hears", str(weights), "--piece", str(piece), "--out", str(out), *arguments], capsys)
    assert not out.exists()


def test_a_model_under_a_plan_is_asked_of_a_piece(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).parents[2] / "src" / "ritornello" / "weights" / "song" / "notes"
    line = line_of(["hears", str(folder), "--out", "x.png"], capsys)
    assert "follows from the plan of a piece" in line
    assert "--piece" in line


def test_a_note_asks_of_a_piece_only(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--piece" in line_of(["hears", str(recipe), "--out", "x.png", "--note", "3"], capsys)
    folder = Path(__file__).parents[2] / "src" / "ritornello" / "weights" / "chorale" / "phrases"
    assert "no notes" in line_of(["hears", str(folder), "--out", "x.png", "--piece", "x.mid"], capsys)
