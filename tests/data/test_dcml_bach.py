"""The tables of DCML."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.data.corpora.dcml_bach import CadenceLabel, LocalKey, is_test, local_key, movements, read_movement
from ritornello.errors import UserError

NAME = "BWV810_09_Test"
NOTES = """\
quarterbeats duration.qb timesig staff tied midi gracenote
0 1.0 3/4 1 _ 60 _
1 2.0 3/4 1 1 62 _
3 1.0 3/4 1 0 62 _
4 1.0 3/4 1 -1 62 _
4 0.0 3/4 1 _ 64 grace16
1 3.0 3/4 2 _ 48 _
_ 3.0 3/4 1 _ 72 _
9/2 0.5 3/4 2 _ 50 _
"""
MEASURES = """\
quarterbeats duration.qb keysig timesig
0 1.0 -3 3/4
1 3.0 -3 3/4
4 3.0 -3 3/4
_ 3.0 -3 3/4
"""
HARMONIES = """\
quarterbeats globalkey localkey cadence phraseend
0 Eb I _ {
1 Eb I _ _
3 Eb vi HC }{
4 Eb V PAC }
_ Eb V PAC }
"""
# columns between spaces; _ is an empty one, and duration.qb has one in its name


def table(text: str) -> str:
    return text.replace(" ", "\t").replace("_", "").replace("duration.qb", "duration_qb")


def write(root: Path, name: str = NAME, notes: str = NOTES, harmonies: str = HARMONIES) -> Path:
    folder = root / "dcml-bach-suites"
    for kind, text in (("notes", notes), ("measures", MEASURES), ("harmonies", harmonies)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{name}.{kind}.tsv").write_text(table(text), encoding="utf-8")
    (root / "dcml-bach-solo").mkdir(exist_ok=True)
    return folder


def test_notes_and_bars(tmp_path: Path) -> None:
    score = read_movement(write(tmp_path), NAME).score
    beat = score.ticks_per_beat
    rows = [[(on / beat, length / beat, pitch) for on, length, pitch, _ in part.notes.rows()] for part in score.parts]
    assert rows == [[(0, 1, 60), (1, 4, 62)], [(1, 3, 48), (4.5, 0.5, 50)]]
    assert score.pickup_ticks == beat
    assert [(start / beat, end / beat) for start, end in score.bars()] == [(0, 1), (1, 4), (4, 5)]
    assert score.keys[0].fifths == -3


def test_labels(tmp_path: Path) -> None:
    movement = read_movement(write(tmp_path), NAME)
    assert movement.keys == (LocalKey(0.0, 3), LocalKey(3.0, 12), LocalKey(4.0, 10))  # E flat, c, B flat
    assert movement.cadences == (CadenceLabel(3.0, "HC"), CadenceLabel(4.0, "PAC"))
    assert movement.phrase_ends_beats == (3.0, 4.0)


@pytest.mark.parametrize(
    ("home", "degree", "number"),
    [
        ("C", "I", 0),
        ("a", "III", 0),
        ("a", "v", 16),
        ("a", "VII", 7),
        ("C", "bVI", 8),
        ("f#", "i", 18),
        ("f#", "#vi", 15),
    ],
)
def test_local_key(home: str, degree: str, number: int) -> None:
    assert local_key(home, degree) == number


def test_split(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "BWV811_01_Other")
    assert [m.id for m in movements(tmp_path)] == [NAME, "BWV811_01_Other"]
    assert [m.id for m in movements(tmp_path, test=True)] == [NAME]
    assert [m.is_test for m in movements(tmp_path, test=False)] == [False]
    assert is_test("BWV1010_01_Prelude")


@pytest.mark.parametrize(
    ("notes", "harmonies"),
    [("", HARMONIES), (NOTES.replace("60", "sixty"), HARMONIES), (NOTES, HARMONIES.replace("vi", "x"))],
)
def test_broken_tables(tmp_path: Path, notes: str, harmonies: str) -> None:
    folder = write(tmp_path, notes=notes, harmonies=harmonies)
    if not notes:
        assert read_movement(folder, NAME).score.num_notes == 0
        return
    with pytest.raises(UserError, match="tables cannot be read"):
        read_movement(folder, NAME)


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such table"):
        read_movement(write(tmp_path), "BWV810_10_None")
