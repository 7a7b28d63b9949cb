"""The corpora: counts as published, music as written, and archives that cannot do harm."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.archive import corpus_folder
from ritornello.errors import UserError


@pytest.mark.data
def test_jsb_has_the_canonical_split(data_folder: Path) -> None:
    pieces = list(CORPORA["jsb_chorales"].pieces(data_folder))
    assert Counter(piece.split for piece in pieces) == {"train": 229, "validation": 76, "test": 77}
    assert len({piece.id for piece in pieces}) == 382
    score = pieces[0].load()
    assert [part.notes.pitch[0] for part in score.parts] == [74, 70, 65, 58]
    assert [next(part.notes.rows())[1] / score.ticks_per_beat for part in score.parts] == [1, 2, 1, 1]


@pytest.mark.data
def test_bach_370_reads_by_number(data_folder: Path) -> None:
    pieces = {piece.id: piece for piece in CORPORA["bach_370"].pieces(data_folder)}
    assert len(pieces) == 370
    score = pieces["chor001"].load()
    assert len(score.parts) == 4
    assert score.parts[0].notes.pitch[:4].tolist() == [67, 67, 74, 71]
    assert score.pickup_ticks == score.ticks_per_beat


def test_music21_bach_reads_four_voices() -> None:
    pytest.importorskip("music21", reason="the extra 'corpora' is not installed")
    pieces = list(CORPORA["music21_bach"].pieces(None))
    counts = Counter(piece.split for piece in pieces)
    assert counts["train"] > 200
    assert counts["validation"] > 10
    for piece in (pieces[0], next(p for p in pieces if p.id == "bwv128.5")):  # the latter has horns
        score = piece.load()
        assert len(score.parts) == 4
        assert any(part.fermatas_ticks for part in score.parts)


def test_absent_data_says_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RITORNELLO_DATA", raising=False)
    for root in (None, tmp_path):
        with pytest.raises(UserError, match="RITORNELLO_DATA"):
            next(CORPORA["jsb_chorales"].pieces(root))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"train": [[[1, 2, 3]]], "valid": [], "test": []}'])
def test_a_damaged_corpus_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "jsb-chorales").mkdir()
    (tmp_path / "jsb-chorales" / "Jsb16thSeparated.json").write_text(content)
    with pytest.raises(UserError, match="not the JSB chorales"):
        next(CORPORA["jsb_chorales"].pieces(tmp_path))


def _archive(folder: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(folder / "corpus.tar.xz", "w:xz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("corpus/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return folder


def test_archives_unpack_plain_files_only(tmp_path: Path) -> None:
    folder = corpus_folder(_archive(tmp_path, ("corpus/a.txt", b"a")), "corpus")
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    assert (folder / "a.txt").read_bytes() == b"a"


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "corpus/../../evil"])
def test_archives_cannot_write_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="unsafe path"):
        corpus_folder(_archive(tmp_path, (name, b"evil")), "corpus")


def test_archives_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ritornello.data.corpora.archive.MAX_UNPACKED_BYTES", 10)
    with pytest.raises(UserError, match="too much"):
        corpus_folder(_archive(tmp_path, ("corpus/a", b"123456"), ("corpus/b", b"123456")), "corpus")


def test_a_cut_off_archive_is_one_line(tmp_path: Path) -> None:
    _archive(tmp_path, ("corpus/a.txt", bytes(range(256)) * 40))
    file = tmp_path / "corpus.tar.xz"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be unpacked"):
        corpus_folder(tmp_path, "corpus")
