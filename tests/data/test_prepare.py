"""Preparing: the same bytes whatever the workers, all or nothing, refusals named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import CHORALE_SCHEMES, Corpus, Piece
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.form.plan import Plan
from ritornello.scores.score import IntArray, Score
from ritornello.tokenizers.chorale import ChoraleTokenizer


def _refuse() -> Score:
    raise UserError("is not music", where="bad.krn")


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, toy_pieces: Callable[..., Iterator[Piece]]) -> None:
    monkeypatch.setitem(CORPORA, "toy", Corpus("toy", "none", toy_pieces, CHORALE_SCHEMES, "made up"))


@pytest.mark.usefixtures("toy")
def test_two_workers_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    prepare("toy", tmp_path / "one")
    prepare("toy", tmp_path / "two", workers=2)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


@pytest.mark.usefixtures("toy")
def test_the_index_changes_with_any_condition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare("toy", tmp_path / "one")
    real = ChoraleTokenizer.conditions

    def moved(tokenizer: ChoraleTokenizer, plan: Plan, num_frames: int | None = None) -> tuple[IntArray, IntArray]:
        channels, source = real(tokenizer, plan, num_frames)
        channels[7, 0] += 1
        return channels, source

    monkeypatch.setattr(ChoraleTokenizer, "conditions", moved)
    prepare("toy", tmp_path / "two")
    assert (tmp_path / "one" / "index.json").read_bytes() != (tmp_path / "two" / "index.json").read_bytes()


@pytest.mark.usefixtures("toy")
def test_every_level_stands_beside_its_conditions(tmp_path: Path) -> None:
    prepare("toy", tmp_path / "toy")
    for level in ("structure", "phrases", "notes"):
        data = PreparedLevel(tmp_path / "toy", level)
        assert data.condition_sizes
        for index in range(len(data.entries)):
            row = data.row(index)
            assert row.conditions is not None
            assert row.conditions.shape == (len(row.ids), len(data.condition_sizes))
            assert (row.conditions < np.array(data.condition_sizes)).all()
            assert (row.conditions >= 0).all()
            assert row.ids.max() < data.vocabulary_size
            assert 0 < row.scored.sum() < len(row.ids)
            if row.source is not None:
                assert (row.source <= np.arange(len(row.ids))).all()  # row t may look back from t + 1 only


def test_refused_pieces_are_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_pieces: Callable[..., Iterator[Piece]]
) -> None:
    good = next(toy_pieces())
    bad = Piece("bad", "bad", "train", "0" * 64, _refuse)
    monkeypatch.setitem(CORPORA, "mixed", Corpus("mixed", "none", lambda _: iter([bad, good]), CHORALE_SCHEMES, ""))
    assert "1 pieces of mixed, 1 refused" in prepare("mixed", tmp_path / "mixed")
    index = json.loads((tmp_path / "mixed" / "index.json").read_text())
    assert index["refused"] == [{"id": "bad", "why": "is not music", "reason": "is not music"}]
    assert [entry.id for entry in PreparedLevel(tmp_path / "mixed", "notes").entries] == [good.id]


def test_nothing_is_left_when_preparing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Piece("bad", "bad", "train", "0" * 64, _refuse)
    monkeypatch.setitem(CORPORA, "bad", Corpus("bad", "none", lambda _: iter([bad]), CHORALE_SCHEMES, ""))
    with pytest.raises(UserError, match="no piece"):
        prepare("bad", tmp_path / "bad")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("toy")
def test_a_folder_with_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="not a prepared folder"):
        prepare("toy", tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_an_unknown_corpus_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such corpus"):
        prepare("nonsense", tmp_path / "x")
