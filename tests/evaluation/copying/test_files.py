"""An index on disk: the same as in memory, or refused in one line."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.evaluation.copying import notes as copying
from ritornello.evaluation.copying.files import FORMAT, HEADER, open_index, save_index
from ritornello.evaluation.copying.index import Heard, Index
from ritornello.evaluation.timeline import Timeline
from tests.contracts.music import DEGENERATE, random_performance, random_written

PIECES = {
    "performed": random_performance(1),
    "written": random_written(2),
    "no note": DEGENERATE["no note"],
    "one note": DEGENERATE["one note"],
}
ARRAYS = ("starts", "pitches", "onsets", "by_pitch", "by_interval", "bars", "bars_transposed")


@pytest.fixture
def index() -> Index:
    pieces = (Heard.of(name, Timeline.of(score)) for name, score in PIECES.items())
    return Index.of(pieces, refused=["a broken one"], made_of="these")


@pytest.fixture
def folder(index: Index, tmp_path: Path) -> Path:
    save_index(index, tmp_path / "index")
    return tmp_path / "index"


def test_what_was_saved_is_opened(index: Index, folder: Path) -> None:
    opened = open_index(folder)
    assert (opened.names, opened.refused, opened.made_of) == (tuple(PIECES), ("a broken one",), "these")
    assert (opened.num_pieces, opened.num_notes) == (4, 400 + 300 + 0 + 1)
    for name in ARRAYS:
        assert np.array_equal(getattr(opened, name), getattr(index, name)), name
        assert not getattr(opened, name).flags.writeable, name
    for score in PIECES.values():
        notes = Timeline.of(score)
        assert str(copying.evaluate(notes, opened)) == str(copying.evaluate(notes, index))
        assert copying.longest_copy(notes, opened, transposed=True) == copying.longest_copy(
            notes, index, transposed=True
        )


def test_an_empty_index_can_be_kept(tmp_path: Path) -> None:
    save_index(Index.of([]), tmp_path / "index")
    assert open_index(tmp_path / "index").num_notes == 0


def test_an_older_index_is_replaced(folder: Path, tmp_path: Path) -> None:
    save_index(Index.of([], made_of="nothing"), folder)
    assert open_index(folder).made_of == "nothing"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "empty", "longer"])
def test_a_damaged_array_is_refused(folder: Path, name: str, harm: str) -> None:
    path = folder / f"{name}.npy"
    content = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    else:
        content[-1] ^= harm == "changed"
        path.write_bytes({"cut": content[:-1], "empty": b"", "longer": content + b"\0"}.get(harm, content))
    with pytest.raises(UserError, match="damaged index"):
        open_index(folder)


def overwritten(folder: Path, name: str, array: np.ndarray) -> None:
    """Another array, with its hash in the header, as no accident but only a liar writes it."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    (folder / f"{name}.npy").write_bytes(file.getvalue())
    header = json.loads((folder / HEADER).read_bytes())
    header["sha256"][name] = hashlib.sha256(file.getvalue()).hexdigest()
    (folder / HEADER).write_text(json.dumps(header))


LIES: dict[str, tuple[str, Callable[[Index], Any]]] = {
    "objects to unpickle": ("by_pitch", lambda index: np.array([{}] * len(index.onsets), dtype=object)),
    "another type": ("by_pitch", lambda index: index.by_pitch.astype(np.int64)),
    "too short": ("by_interval", lambda index: index.by_interval[:-1]),
    "a table": ("pitches", lambda index: index.pitches[None]),
    "a single number": ("starts", lambda index: index.starts[0]),
    "a place behind the text": ("by_pitch", lambda index: index.by_pitch + 1),
    "a place before it": ("by_interval", lambda index: index.by_interval - 1),
    "pieces that go back": ("starts", lambda index: index.starts[::-1]),
    "pieces without an end": ("pitches", lambda index: np.zeros_like(index.pitches)),
    "digests of another size": ("bars", lambda index: index.bars[:, 1:]),
    "bars that are no table": ("bars", lambda index: index.bars.ravel()),
}


@pytest.mark.parametrize("lie", LIES)
def test_arrays_that_do_not_fit_are_refused(folder: Path, index: Index, lie: str) -> None:
    name, array = LIES[lie]
    overwritten(folder, name, array(index))
    with pytest.raises(UserError, match="damaged index"):
        open_index(folder)


HEADERS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no JSON": (lambda _: "{", "is no index of a corpus"),
    "a list": (lambda _: [], "is no index of a corpus"),
    "nested too deep": (lambda _: "[" * 100_000, "is no index of a corpus"),
    "another kind": (lambda header: {**header, "kind": "cake"}, "is no index of a corpus"),
    "another format": (lambda header: {**header, "format": FORMAT + 1}, f"has format {FORMAT + 1}, not {FORMAT}"),
    "no names": (lambda header: {**header, "names": None}, "damaged index"),
    "fewer names": (lambda header: {**header, "names": header["names"][1:]}, "damaged index"),
    "no hashes": (lambda header: {**header, "sha256": {}}, "damaged index"),
    "hashes of another sort": (lambda header: {**header, "sha256": dict.fromkeys(ARRAYS, 0)}, "damaged index"),
}


@pytest.mark.parametrize("harm", HEADERS)
def test_a_damaged_header_is_refused(folder: Path, harm: str) -> None:
    change, wanted = HEADERS[harm]
    made: Any = change(json.loads((folder / HEADER).read_bytes()))
    (folder / HEADER).write_text(made if isinstance(made, str) else json.dumps(made))
    with pytest.raises(UserError, match=wanted):
        open_index(folder)


def test_what_is_no_index_is_neither_opened_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for path in (tmp_path / "mine", tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(UserError, match="is no index of a corpus"):
            open_index(path)
    for path in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(UserError, match="is no index of a corpus"):
            save_index(Index.of([]), path)
    assert (tmp_path / "mine" / "letter.txt").read_text() == (tmp_path / "file").read_text() == "dear"


def test_a_full_disk_leaves_the_older_index(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ritornello.atomic.write_file", full)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        save_index(Index.of([]), folder)
    assert open_index(folder).made_of == index.made_of
