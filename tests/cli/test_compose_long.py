"""``ritornello compose --style song|bach`` with levels that have learnt nothing: the whole line all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ritornello.cli import main
from ritornello.data.prepared import PreparedLevel
from ritornello.form.grid import FRAMES_PER_BEAT, section_ranges
from ritornello.form.plan_yaml import read_plan
from ritornello.form.shorthand import format_form
from ritornello.scores import read_score
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.bars_conditions import CONDITION_SIZES
from ritornello.tokenizers.phrases import PhraseTokenizer
from ritornello.tokenizers.structure import StructureTokenizer
from ritornello.training.build import build_model
from ritornello.training.weights import save_weights

FILES = {"piece.mid", "piece.musicxml", "piece.png", "piece.wav", "plan.yaml"}
TINY = {"width": 16, "num_layers": 1, "num_heads": 2, "feedforward_width": 16}


class _Level(PreparedLevel):
    """What ``save_weights`` asks of prepared data."""

    def __init__(self, name: str, scheme: Any) -> None:
        self.name, self.vocabulary_hash = name, scheme.vocabulary.hash


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three untrained levels for long pieces."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for level, name, scheme, sizes in (
        ("structure", "plan", StructureTokenizer, StructureTokenizer.condition_sizes),
        ("phrases", "plan", PhraseTokenizer, PhraseTokenizer.condition_sizes),
        ("notes", "form", EvenBarsTokenizer, CONDITION_SIZES),
    ):
        model = build_model(name, TINY, vocabulary_size=len(scheme.vocabulary), condition_sizes=sizes)
        save_weights(folder / level, name, model, _Level(level, scheme), {})
    return folder


def _compose(*options: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["compose", *options])
    assert stop.value.code == 0


def test_a_song_by_the_names_of_its_sections(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _compose("--form", "verse 2 chorus 1 verse", "--seed", "3", "--key", "C major", "--weights", str(weights))
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == "verse = A2, chorus = C1"
    assert said.out.splitlines()[-1].startswith("seed 3: A2 C1 A2 in C major, ")
    folder = tmp_path / "pieces" / "song-3"
    assert {file.name for file in folder.iterdir()} == FILES
    plan, score = read_plan(folder / "plan.yaml"), read_score(folder / "piece.mid")
    assert (plan.style, format_form(plan.sections or ()), plan.tempo_bpm) == ("song", "A2 C1 A2", 74)
    ticks = score.ticks_per_beat // FRAMES_PER_BEAT
    (_, stop), _, (again, _) = [(start * ticks, end * ticks) for start, end in section_ranges(plan)]
    assert score.markers[-1].onset_ticks == again
    stated = {(i, row[0], row[2]) for i, part in enumerate(score.parts) for row in part.notes.rows() if row[0] < stop}
    later = {
        (i, row[0] - again, row[2])
        for i, part in enumerate(score.parts)
        for row in part.notes.rows()
        if again <= row[0] < again + stop
    }
    assert later <= stated  # the verse again; a pitch that sounds on from the chorus is not struck again
    assert 2 * len(later) > len(stated)


def test_bach_on_the_plan_of_a_piece(weights: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("style: bach\nmetre: 3/4\npickup_beats: 1\nsections:\n  - {label: A, bars: 2}\n")
    _compose("--plan", str(plan), "--seed", "1", "--weights", str(weights), "--out", str(tmp_path / "out"))
    made = tmp_path / "out" / "piece.musicxml"
    out = tmp_path / "again"
    _compose("--plan-from", str(made), "--style", "bach", "--seed", "2", "--weights", str(weights), "--out", str(out))
    again = read_plan(out / "plan.yaml")
    assert again.style == "bach"
    assert sum(section.bars for section in again.sections or ()) in {2, 3}
