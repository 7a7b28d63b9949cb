"""From prepared data or a folder of music to an index, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.evaluation.copying import corpus as copying_corpus
from ritornello.evaluation.copying import notes as copying
from ritornello.evaluation.copying.corpus import open_or_build
from ritornello.evaluation.copying.files import HEADER, open_index
from ritornello.evaluation.copying.index import Index
from ritornello.evaluation.timeline import Timeline
from ritornello.scores import read_score
from ritornello.scores.midi import write_midi
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.base import Tokens
from tests.contracts.music import random_performance, random_written


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Twelve performances and a broken file."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(12):
        write_midi(random_performance(number, 60), folder / f"{number:02d}.mid")
    (folder / "broken.mid").write_bytes(b"I am no MIDI file")
    return folder


def copied(path: Path, index: Index) -> float:
    return copying.evaluate(Timeline.of(read_score(path)), index)["copied_notes_share"]


def test_a_folder_of_music_is_read_whole(music: Path) -> None:
    told: list[tuple[int, int]] = []
    index = open_or_build(music, on_progress=lambda done, num: told.append((done, num)))
    assert index.names == tuple(f"{number:02d}.mid" for number in range(12))
    assert index.num_notes == 12 * 60
    assert len(index.refused) == 1
    assert "broken.mid" in index.refused[0]
    assert told == [(done, 13) for done in range(1, 14)]
    assert copied(music / "03.mid", index) == 1.0


def test_an_index_is_made_once_for_the_same_music(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "kept"
    made: list[str] = []
    build: Callable[..., Index] = copying_corpus._build

    def counting(*arguments: object) -> Index:
        made.append("again")
        return build(*arguments)

    monkeypatch.setattr(copying_corpus, "_build", counting)
    for _ in range(2):
        assert open_or_build(music, cache).num_pieces == 12
    assert len(made) == 1
    write_midi(random_performance(20, 60), music / "20.mid")
    assert open_or_build(music, cache).num_pieces == 13
    (cache / "by_pitch.npy").write_bytes(b"")
    assert open_or_build(music, cache).num_pieces == 13
    assert len(made) == 3
    header = json.loads((cache / HEADER).read_bytes())
    (cache / HEADER).write_text(json.dumps({**header, "format": 0}))
    assert open_or_build(music, cache).num_pieces == open_index(cache).num_pieces == 13
    assert len(made) == 4


def test_a_folder_of_something_else_is_left_alone(music: Path) -> None:
    with pytest.raises(UserError, match="is no index of a corpus"):
        open_or_build(music, music)
    assert len(list(music.iterdir())) == 13


@pytest.mark.parametrize("scheme", ["performance", "note_duration"])
def test_prepared_performances_are_read_from_their_tokens(music: Path, tmp_path: Path, scheme: str) -> None:
    """The training split alone, with the same notes in the same order as the scores of their tokens have."""
    prepare(str(music), tmp_path / "out", scheme=scheme)
    data, tokenizer = PreparedLevel(tmp_path / "out", scheme), TOKENIZERS[scheme]()
    index = open_or_build(tmp_path / "out", tmp_path / "kept")
    for split in ("train", "test", "validation"):
        for number in data.of_split(split):
            name = data.entries[number].id
            notes = Timeline.of(tokenizer.decode(Tokens(data.ids(number), data.vocabulary_hash)), written=False)
            assert (name in index.names) == (split == "train")
            if split == "train":
                start, stop = index.starts[index.names.index(name) :][:2]
                assert np.array_equal(index.pitches[start : stop - 1], notes.pitch)
                assert np.allclose(index.onsets[start : stop - 1], notes.onset_seconds, atol=5e-3)
            share = copying.evaluate(notes, index)["copied_notes_share"]
            assert share > 0.9 if split == "train" else share < 0.1
    assert len(index.names) == len(data.of_split("train")) < 12


def test_prepared_chorales_have_bars(prepared_toy: Path) -> None:
    data = PreparedLevel(prepared_toy, "notes")
    index = open_or_build(prepared_toy)
    assert len(index.names) == len(data.of_split("train"))
    (first, *_) = data.of_split("train")
    score = TOKENIZERS["chorale"]().decode(Tokens(data.ids(first), data.vocabulary_hash))
    found = copying.evaluate(Timeline.of(score, written=True), index)
    assert found["copied_bars_share"] == 1.0
    assert index.place(0).piece == data.entries[first].id


def test_prepared_music_in_bars_has_bars(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    for number in range(12):
        write_midi(random_written(number), tmp_path / "music" / f"{number}.mid")
    prepare(str(tmp_path / "music"), tmp_path / "out", scheme="bars")
    data, index = PreparedLevel(tmp_path / "out", "bars"), open_or_build(tmp_path / "out")
    assert len(index.names) == len(data.of_split("train"))
    number = int(data.entries[data.of_split("train")[0]].id.removesuffix(".mid"))
    assert copying.evaluate(Timeline.of(random_written(number)), index)["copied_bars_share"] == 1.0


def test_of_maestro_the_training_split_is_taken(music: Path) -> None:
    rows = [f"Someone,Piece {n},{'train' if n < 5 else 'test'},{n:02d}.mid" for n in range(12)]
    table = "canonical_composer,canonical_title,split,midi_filename\n" + "\n".join(rows)
    (music / "maestro-v3.0.0.csv").write_text(table)
    assert open_or_build(music).names == tuple(f"Someone: Piece {n} ({n:02d}.mid)" for n in range(5))


def test_written_music_in_a_folder_has_bars(tmp_path: Path) -> None:
    write_midi(random_written(1), tmp_path / "a.mid")
    index = open_or_build(tmp_path)
    assert copying.evaluate(Timeline.of(random_written(1)), index)["copied_bars_share"] == 1.0


def test_no_music_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no music"):
        open_or_build(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(UserError, match=r"holds no music: .*a\.mid"):
        open_or_build(tmp_path, tmp_path.parent / "kept")
    assert not (tmp_path.parent / "kept").exists()
    with pytest.raises(UserError, match="no such corpus"):
        open_or_build(tmp_path / "nowhere")
