"""Kern in."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ritornello.errors import UserError
from ritornello.scores import KeySignature, Metre, Tempo
from ritornello.scores.kern import parse_kern

PIECE = """!!!OTL@@DE: Gr&uuml;&szlig;e
**kern\t**kern
*I"Bass\t*I"Soprano
*>[A,A,B]\t*>[A,A,B]
*>norep[A,B]\t*>norep[A,B]
*>A\t*>A
*k[b-]\t*k[b-]
*F:\t*F:
*M3/4\t*M3/4
*MM100\t*MM100
4F\t4a
=1\t=1
2.D\t2ff#
.\t[4cc
=2\t=2
2C;\t8cc]L
.\t8cc-J
.\t4b-;
=:|!\t=:|!
*>B\t*>B
4r\t4a
=3\t=3
2.F\t2.a;
==\t==
*-\t*-
"""


def test_a_piece_with_repeats_ties_fermatas_and_a_pickup() -> None:
    score = parse_kern(PIECE.encode())
    soprano, bass = score.parts
    assert (soprano.name, bass.name, score.title) == ("Soprano", "Bass", "Grüße")
    once = [(0, 480, 69), (480, 960, 78), (1440, 720, 72), (2160, 240, 71), (2400, 480, 70)]
    twice = [(onset + 2880, *rest) for onset, *rest in once]
    assert [row[:3] for row in soprano.notes.rows()] == [*once, *twice, (5760, 480, 69), (6240, 1440, 69)]
    assert [row[0] for row in bass.notes.rows()] == [0, 480, 1920, 2880, 3360, 4800, 6240]
    assert soprano.fermatas_ticks == (2400, 5280, 6240)
    assert score.keys == (KeySignature(0, -1, "major"),)
    assert score.tempos == (Tempo(0, 100.0),)
    assert (score.pickup_ticks, score.metres[0]) == (480, Metre(0, 3, 4))
    assert score.bars()[:4] == [(0, 480), (480, 1920), (1920, 3360), (3360, 4800)]


def test_without_an_expansion_list_repeat_signs_hold() -> None:
    lines = [line for line in PIECE.splitlines() if not line.startswith("*>")]
    assert parse_kern("\n".join(lines).encode()) == parse_kern(PIECE.encode())


def test_church_modes_and_signatures_that_disagree_leave_the_mode_open() -> None:
    modes = [parse_kern(PIECE.replace("*F:", key).encode()).keys[0].mode for key in ("*d:", "*d:dor", "*g:", "*C:")]
    assert modes == ["minor", None, None, None]


def test_a_spine_that_splits_stays_one_part() -> None:
    piece = "**kern\n*^\n4c\t2e\n4d\t.\n*v\t*v\n4f\n*-\n"
    [part] = parse_kern(piece.encode()).parts
    assert [row[:3] for row in part.notes.rows()] == [(0, 480, 60), (0, 960, 64), (480, 480, 62), (960, 480, 65)]


def test_triplets_chords_and_breves() -> None:
    piece = "**kern\t**dynam\n6c e\t.\n6d\tf\n6e\t.\n0f\t.\nqg\t.\n.\tp\n4g\t.\n*-\t*-\n"
    [part] = parse_kern(piece.encode()).parts
    assert [row[:3] for row in part.notes.rows()] == [
        (0, 320, 60), (0, 320, 64), (320, 320, 62), (640, 320, 64), (960, 3840, 65), (4800, 480, 67)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("piece", "word"),
    [
        ("no kern at all", "humdrum"),
        ("**kern\n*-\n", "no notes"),
        ("**kern\n4c\t4d\n", "line 2"),
        ("**kern\nc\n", "line 2"),
        ("**kern\n4\n", "line 2"),
        ("**kern\n4cccccc###############################\n", "line 2"),
        ("**kern\n" + "*^\n*v\n" * 1 + "4c\n", "line 3"),
        ("**kern\n" + "".join("\t".join(["*^"] * 2**n) + "\n" for n in range(12)), "tracks"),
        ("**kern\n" + "".join(f"{n}c\n" for n in (997, 991, 983, 977, 971)), "clock"),
        ("**kern\n*M0/4\n4c\n", "0/4"),
        ("**kern\n*>[" + "A," * 30_000 + "A]\n*>A\n4c\n=1\n4d\n", "bars"),
    ],
)
def test_what_is_no_kern(piece: str, word: str) -> None:
    with pytest.raises(UserError, match=word):
        parse_kern(piece.encode(), "piece.krn")


@pytest.mark.data
def test_all_chorales_of_the_corpus(data_folder: Path) -> None:
    num_pieces = num_notes = num_fermatas = 0
    with tarfile.open(data_folder / "bach-370-chorales.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".krn") else None
            if file is None:
                continue
            text = io.BytesIO(file.read()).getvalue()
            score = parse_kern(text, member.name)
            assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
            assert score.keys
            num_pieces += 1
            num_notes += score.num_notes
            num_fermatas += sum(len(part.fermatas_ticks) for part in score.parts)
    assert num_pieces == 370
    assert num_notes > 86_065  # what is printed; repeats are unfolded
    assert num_fermatas > 9_104


def test_bars_shorter_than_the_clock() -> None:
    score = parse_kern(b"**kern\n*M1/64\n1c\n=1\n1d\n*-\n")
    assert len(score.bars()) == 128
