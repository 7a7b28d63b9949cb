"""A folder of MIDI: the same bytes from any number of workers and after any end, and nothing is fatal."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ritornello.data import prepare as preparing
from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import PERFORMANCE_SCHEMES, Corpus, Piece
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.data.shards import DIED, ShardFacts, ShardJob, write_shard
from ritornello.errors import UserError
from ritornello.scores.midi import write_midi
from ritornello.scores.score import Score
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.performance import BOS, END

Contents = dict[str, bytes]


def contents(folder: Path) -> Contents:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def expected(midi_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What one worker makes of the folder, undisturbed."""
    out = tmp_path_factory.mktemp("expected") / "out"
    text = prepare(str(midi_folder), out)
    assert text.splitlines()[0] == f"{out}: 40 pieces of mine, 3 refused (4 test, 32 train, 4 validation)"
    assert "  2 refused: the file is empty (empty.midi)" in text.splitlines()
    return contents(out)


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_writes_the_same_bytes(
    midi_folder: Path, expected: Contents, tmp_path: Path, workers: int
) -> None:
    prepare(str(midi_folder), tmp_path / "out", workers=workers)
    assert contents(tmp_path / "out") == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_finished_shard_is_not_made_again(
    midi_folder: Path, expected: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def stopping(job: ShardJob) -> ShardFacts:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(job.number)
        return write_shard(job)

    monkeypatch.setattr(preparing, "write_shard", stopping)
    with pytest.raises(KeyboardInterrupt):
        prepare(str(midi_folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    kept, made = made, []
    prepare(str(midi_folder), tmp_path / "out")
    assert not set(kept) & set(made)
    assert contents(tmp_path / "out") == expected


def test_a_damaged_or_foreign_shard_is_made_again(
    midi_folder: Path, expected: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "publish", failing)
        with pytest.raises(UserError, match="No space left"):
            prepare(str(midi_folder), tmp_path / "out")
    (work,) = tmp_path.iterdir()
    column = work / "folder" / "performance" / "ids-00000.npy"
    column.write_bytes(column.read_bytes()[:-2])
    facts = work / "shards" / "00001.json"
    facts.write_text(facts.read_text().replace('"inputs": "', '"inputs": "0'))
    (work / "shards" / "00002.json").write_text("{")
    prepare(str(midi_folder), tmp_path / "out")
    assert contents(tmp_path / "out") == expected


def test_other_inputs_start_anew(midi_folder: Path, tmp_path: Path, performance: Callable[..., Score]) -> None:
    for stale in (".preparing-out-0123456789abcdef", ".preparing-out-2-0123456789abcdef"):
        (tmp_path / stale / "shards").mkdir(parents=True)
    prepare(str(midi_folder), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".preparing-out-2-0123456789abcdef"}
    music = tmp_path / "music"
    music.mkdir()
    write_midi(performance(1), music / "one.mid")
    assert "1 pieces of music" in prepare(str(music), tmp_path / "out")
    assert len(PreparedLevel(tmp_path / "out", "performance").entries) == 1


@pytest.mark.parametrize("scheme", PERFORMANCE_SCHEMES)
def test_tokens_and_figures_are_those_of_the_files(midi_folder: Path, tmp_path: Path, scheme: str) -> None:
    prepare(str(midi_folder), tmp_path / "out", scheme=scheme)
    data = PreparedLevel(tmp_path / "out", scheme)
    tokenizer: Any = TOKENIZERS[scheme]()
    assert data.vocabulary_hash == tokenizer.vocabulary.hash
    by_id = {piece.id: piece for piece in preparing.corpus_named(str(midi_folder)).pieces(None)}
    assert [entry.id for entry in data.entries] == sorted(by_id.keys() - {"text.mid", "empty.midi", "nothing.mid"})
    for index, entry in enumerate(data.entries):
        score, row = by_id[entry.id].load(), data.row(index)
        assert row.ids.tolist() == tokenizer.encode(score).ids.tolist()
        assert row.ids[0] == BOS
        assert row.ids[-1] == END
        assert row.scored.tolist() == [False] + [True] * (len(row.ids) - 1)
        assert entry.num_notes == 80
        assert entry.seconds == pytest.approx(score.end_ticks / 480 / 2)
        assert data.ids(index, 3, 9).tolist() == row.ids[3:9].tolist()


def test_near_duplicates_share_a_group_and_a_side(performance: Callable[..., Score], tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for number in range(12):
        write_midi(performance(number % 6, 300), music / f"{number:02d}.mid")
    prepare(str(music), tmp_path / "out", seed=3)
    entries = PreparedLevel(tmp_path / "out", "performance").entries
    assert [entry.group for entry in entries] == [f"{number % 6:02d}.mid" for number in range(12)]
    assert [entry.split for entry in entries[:6]] == [entry.split for entry in entries[6:]]
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert index["seed"] == 3


def test_licence_is_carried_along(midi_folder: Path, tmp_path: Path) -> None:
    prepare(str(midi_folder), tmp_path / "out", licence="CC0", scheme="performance")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert index["licence"] == "CC0"
    assert str(midi_folder.parent) not in json.dumps(index)


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no music"):
        prepare(str(tmp_path / "empty"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_scheme_that_does_not_fit_is_one_line(midi_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be prepared as 'chorale'; one of performance"):
        prepare(str(midi_folder), tmp_path / "out", scheme="chorale")


DEADLY = """
import os, pathlib, signal
from ritornello.scores.midi import read_midi

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def die_once(marker, path):
    if not pathlib.Path(marker).exists():
        pathlib.Path(marker).touch()
        die()
    return read_midi(path)
"""


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that workers can import too: what it reads may kill them."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    return importlib.import_module("deadly")


def _pieces(midi_folder: Path) -> list[Piece]:
    return [replace(piece, split="train") for piece in preparing.corpus_named(str(midi_folder)).pieces(None)]


def _deadly_corpus(pieces: list[Piece]) -> Corpus:
    return Corpus("deadly", "none", lambda _: iter(pieces), PERFORMANCE_SCHEMES, "made up")


def test_a_piece_that_kills_its_reader_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, midi_folder: Path, deadly: Any
) -> None:
    pieces = _pieces(midi_folder)
    pieces[20] = replace(pieces[20], load=deadly.die)
    monkeypatch.setitem(CORPORA, "deadly", _deadly_corpus(pieces))
    text = prepare("deadly", tmp_path / "out", workers=2)
    assert f"  1 refused: {DIED} ({pieces[20].id})" in text.splitlines()
    assert len(PreparedLevel(tmp_path / "out", "performance").entries) == 39


def test_a_worker_that_dies_once_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, midi_folder: Path, deadly: Any
) -> None:
    pieces = _pieces(midi_folder)
    monkeypatch.setitem(CORPORA, "deadly", _deadly_corpus(pieces))
    prepare("deadly", tmp_path / "calm")
    load = partial(deadly.die_once, tmp_path / "marker", midi_folder / pieces[20].id)
    pieces[20] = replace(pieces[20], load=load)
    prepare("deadly", tmp_path / "hit", workers=2)
    assert (tmp_path / "marker").exists()
    assert contents(tmp_path / "hit") == contents(tmp_path / "calm")


def test_kill_in_the_middle_changes_nothing(midi_folder: Path, expected: Contents, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ritornello.cli", "prepare", str(midi_folder), "--out", str(out), "--workers", "2"]
    for num_shards in (1, 2):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and len(list(tmp_path.glob(".preparing-*/shards/0*.json"))) < num_shards:
                time.sleep(0.002)
            process.kill()
        assert not out.exists() or contents(out) == expected
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert contents(out) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
