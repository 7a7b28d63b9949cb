"""The corpora of performances: official splits, counts as published, and archives that cannot do harm."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA, corpus_named
from ritornello.data.corpora.archive import corpus_folder, unpacked
from ritornello.data.corpora.files import music_files
from ritornello.data.corpora.maestro import TABLE
from ritornello.data.corpora.pop909 import split_of
from ritornello.data.prepare import prepare
from ritornello.errors import UserError
from ritornello.scores.midi import write_midi
from ritornello.scores.score import Score

Maker = Callable[..., Score]
HEADER = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration"


def _maestro(root: Path, performance: Maker, *rows: str) -> Path:
    folder = root / "maestro-v3.0.0"
    (folder / "2018").mkdir(parents=True)
    (folder / TABLE).write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    for number in range(2):
        write_midi(performance(number), folder / "2018" / f"{number}.midi")
    return folder


ROWS = (
    "Frédéric Chopin,Étude,validation,2018,2018/1.midi,x.wav,1",
    "Frédéric Chopin,Waltz,train,2018,2018/9.midi,x.wav,1",
    "Alban Berg,Sonata,test,2018,2018/0.midi,x.wav,1",
)


def test_maestro_follows_its_table_and_counts_what_is_absent(tmp_path: Path, performance: Maker) -> None:
    folder = _maestro(tmp_path, performance, *ROWS)
    for corpus, root in ((CORPORA["maestro"], tmp_path), (corpus_named(str(folder)), None)):
        found = [(piece.id, piece.group, piece.split) for piece in corpus.pieces(root)]
        assert found == [
            ("2018/1.midi", "Frédéric Chopin: Étude", "validation"),
            ("2018/0.midi", "Alban Berg: Sonata", "test"),
        ]
        assert corpus.num_absent(root) == 1
    text = prepare("maestro", tmp_path / "out", root=tmp_path)
    assert text.splitlines()[1] == "  1 pieces of the corpus are not there"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "official split is missing"),
        ("", "holds no music"),
        ("a,b\n1,2\n", "line 2 is no row"),
        (HEADER + "\nA,B,everything,2018,2018/1.midi,x,1\n", "line 2 is no row"),
        (HEADER + "\nA,B,train,2018,../../secret.midi,x,1\n", "unsafe path"),
        (HEADER + "\nA,B,train,2018,/etc/secret.midi,x,1\n", "unsafe path"),
    ],
)
def test_a_missing_or_damaged_table_is_one_line(
    tmp_path: Path, performance: Maker, content: str | None, word: str
) -> None:
    folder = _maestro(tmp_path, performance)
    (folder / TABLE).unlink() if content is None else (folder / TABLE).write_text(content)
    with pytest.raises(UserError, match=word) as caught:
        prepare("maestro", tmp_path / "out", root=tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_pop909_is_split_by_song_number(tmp_path: Path, performance: Maker) -> None:
    counts = Counter(split_of(number) for number in range(1, 910))
    assert counts == {"train": 720, "validation": 80, "test": 109}
    assert [split_of(number) for number in (800, 801, 909)] == ["validation", "test", "test"]
    for number in (1, 10, 909):
        path = tmp_path / "pop909" / f"{number:03d}" / f"{number:03d}.mid"
        path.parent.mkdir(parents=True)
        write_midi(performance(number), path)
        write_midi(performance(number), path.with_name("version-2.mid"))
    pieces = list(CORPORA["pop909"].pieces(tmp_path))
    assert [(piece.id, piece.split) for piece in pieces] == [("001", "train"), ("010", "validation"), ("909", "test")]
    assert CORPORA["pop909"].num_absent(tmp_path) == 906


def test_giantmidi_is_read_from_a_zip_in_the_order_of_names(tmp_path: Path, midi_folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "giantmidi-piano.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(midi_folder.rglob("*.*"), reverse=True):
            file.write(path, f"midis/{path.relative_to(midi_folder)}")
    pieces = list(CORPORA["giantmidi"].pieces(tmp_path))
    assert [piece.id for piece in pieces] == [name for name, _ in music_files(midi_folder)]
    assert {piece.split for piece in pieces} == {None}
    assert pieces[0].load().num_notes == 80


def test_hidden_files_and_other_files_are_not_music(tmp_path: Path) -> None:
    for name in (".hidden.mid", ".git/a.mid", "b.txt", "sub/c.MID", "a.krn"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [name for name, _ in music_files(tmp_path)] == ["a.krn", "sub/c.MID"]


def _zip(folder: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "corpus.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return folder / "corpus.zip"


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "corpus/../../evil", "..\\evil"])
def test_zips_cannot_write_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="unsafe path"):
        unpacked(_zip(tmp_path, (name, b"evil")))


def test_zips_are_bounded_in_size_and_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"too much \(limit: 100 times"):
        unpacked(_zip(tmp_path, ("bomb.mid", bytes(10**6))))
    monkeypatch.setattr("ritornello.data.corpora.archive.MAX_UNPACKED_BYTES", 10)
    with pytest.raises(UserError, match="too much"):
        corpus_folder(_zip(tmp_path, ("a", b"123456"), ("b", b"123456")).parent, "corpus")


def test_a_damaged_zip_is_one_line(tmp_path: Path) -> None:
    archive = _zip(tmp_path, ("corpus/a.mid", np.random.default_rng(1).bytes(5000)))
    content = archive.read_bytes()
    for damaged in (content[:200], b"PK", content[:100] + bytes(100) + content[200:]):
        (tmp_path / "damaged.zip").write_bytes(damaged)
        with pytest.raises(UserError, match="cannot be unpacked"):
            unpacked(tmp_path / "damaged.zip")


def test_every_corpus_states_licence_source_and_schemes() -> None:
    for corpus in CORPORA.values():
        assert corpus.licence
        assert corpus.source.startswith("https://")
        assert corpus.schemes


@pytest.mark.data
def test_maestro_test_part_is_177_performances(data_folder: Path) -> None:
    pieces = list(CORPORA["maestro"].pieces(data_folder))
    assert Counter(piece.split for piece in pieces) == {"test": 177}
    assert CORPORA["maestro"].num_absent(data_folder) == 1276 - 177


@pytest.mark.data
def test_maestro_tokens_are_those_of_the_arrays(data_folder: Path) -> None:
    from ritornello.data.corpora.maestro_tokens388 import _array

    pieces = list(CORPORA["maestro_tokens388"].pieces(data_folder))
    assert Counter(piece.split for piece in pieces) == {"train": 962, "validation": 137, "test": 177}
    last = pieces[-1]
    path, start, length = last.load.args  # type: ignore[attr-defined]
    notes = last.load().parts[0].notes
    events = _array(path)[start : start + length]
    assert len(notes) == (events < 128).sum()
    assert notes.pitch[:3].tolist() == events[events < 128][:3].tolist()


@pytest.mark.data
def test_pop909_has_all_songs(data_folder: Path) -> None:
    assert CORPORA["pop909"].num_absent(data_folder) == 0


@pytest.mark.data
def test_malformed_files_are_skipped_and_counted(data_folder: Path, tmp_path: Path) -> None:
    folder = corpus_folder(data_folder, "malformed-midi-small")
    num_files = len(list(music_files(folder)))
    text = prepare(str(folder), tmp_path / "out")
    first, *reasons = text.splitlines()
    used, refused = (int(first.split(": ")[1].split(", ")[place].split()[0]) for place in (0, 1))
    assert used + refused == num_files
    assert refused == sum(int(line.split()[0]) for line in reasons)
    assert refused > 20
    assert not any("cannot be used" in line for line in reasons), "a reader let something else than UserError escape"
