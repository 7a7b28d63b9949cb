"""What no music file may do: each gets one clear UserError, at once, and nothing is half-written."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ritornello.errors import UserError
from ritornello.scores import read_score, write_midi, write_musicxml
from ritornello.scores.limits import read_bytes
from tests.scores.files import ATTRIBUTES, END, ONE_NOTE, measure, midi_file, musicxml, mxl, note, small_score

LONGEST_DELTA = b"\xff\xff\xff\x7f"
"""2^28 - 1 ticks."""
PAGE = musicxml(measure(ATTRIBUTES + note("C", 2)))


def tempo(microseconds: int) -> bytes:
    return b"\x00\xff\x51\x03" + microseconds.to_bytes(3, "big")


def many_tracks(count: int) -> bytes:
    return midi_file(*[ONE_NOTE] * count)


MIDI = {
    "empty": (b"", "empty"),
    "text": (b"I am no MIDI file", "not a MIDI file"),
    "header alone": (b"MThd\x00\x00\x00\x06", "cut off"),
    "no tracks": (midi_file(), "tracks are missing"),
    "missing track": (midi_file(ONE_NOTE, declared=2), "tracks are missing"),
    "cut in a chunk": (midi_file(ONE_NOTE)[:-6], "cut off"),
    "cut in an event": (midi_file(b"\x00\x90\x3c"), "damaged|cut off"),
    "no notes": (midi_file(b""), "no notes"),
    "format 2": (midi_file(ONE_NOTE, midi_format=2), "format 2"),
    "SMPTE clock": (midi_file(ONE_NOTE, ticks_per_beat=0xE728), "clock"),
    "no clock": (midi_file(ONE_NOTE, ticks_per_beat=0), "clock"),
    "2^31 ticks": (midi_file(b"\x00\x90\x3c\x40" + (LONGEST_DELTA + b"\xb0\x07\x40") * 8
                             + LONGEST_DELTA + b"\x80\x3c\x40"), "beats"),
    "piano roll of gigabytes": (midi_file(b"\x00\x90\x7f\x40" + LONGEST_DELTA + b"\x80\x7f\x00"), "beats"),
    "four million beats": (midi_file(b"".join(b"\x00\x90\x3c\x40\x83\xff\xff\x7f\x3c\x00" for _ in range(8)),
                                     ticks_per_beat=1), "beats"),
    "many hours": (midi_file(tempo(16_000_000) + b"\x00\x90\x3c\x40\x83\xff\xff\x7f\x80\x3c\x00"), "hours"),
    "many bars": (midi_file(b"\x00\xff\x58\x04\x01\x06\x18\x08\x00\x90\x3c\x40\x81\xff\xff\x7f\x80\x3c\x00",
                            ticks_per_beat=480), "bars"),
    "a number of five bytes": (midi_file(b"\x80" * 5 + b"\x00\x90\x3c\x40"), "4 bytes"),
    "a number that never ends": (midi_file(b"\xff" * 400_000), "too long|cut off|no MIDI file event"),
    "a text longer than the file": (midi_file(b"\x00\xff\x01\xff\xff\xff\x7fabc"), "cut off"),
    "no status byte": (midi_file(b"\x00\x3c\x40"), "status"),
    "a data byte too large": (midi_file(b"\x00\x90\x3c\xc0"), "damaged"),
    "a system message": (midi_file(b"\x00\xf8" + ONE_NOTE), "0xf8"),
    "tempo 0": (midi_file(tempo(0) + ONE_NOTE), "tempo"),
    "a tempo of no bytes": (midi_file(b"\x00\xff\x51\x00" + ONE_NOTE), "tempo"),
    "metre 0/4": (midi_file(b"\x00\xff\x58\x04\x00\x02\x18\x08" + ONE_NOTE), "0/4"),
    "metre 4 over 2^255": (midi_file(b"\x00\xff\x58\x04\x04\xff\x18\x08" + ONE_NOTE), "does not exist"),
    "too many tracks": (many_tracks(257), "257 tracks"),
    "too many notes": (midi_file(b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 200_000), "200,001 notes"),
    "too many bytes": (b"MThd" + bytes(5 * 2**20), "bytes"),
}  # fmt: skip

XXE = '<?xml version="1.0"?><!DOCTYPE score-partwise [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
EBCDIC = musicxml(prolog=XXE.replace("?>", ' encoding="cp037"?>')).decode()
LAUGHS = "<!DOCTYPE score-partwise [" + '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
LONG_REPEAT = "".join(measure(note("C", 1), right='<repeat direction="backward" times="16"/>') for _ in range(2_000))

TITLE = "<movement-title>&{};</movement-title>"

MUSICXML = {
    "empty": (b"", "empty"),
    "text": (b"I am no XML", "not well-formed"),
    "cut off": (PAGE[:-30], "not well-formed"),
    "another root": (b"<html/>", "html"),
    "timewise": (b"<score-timewise/>", "partwise"),
    "no notes": (musicxml(), "no notes"),
    "external entity": (musicxml(measure(ATTRIBUTES), prolog=XXE, header=TITLE.format("x")), "entities"),
    "billion laughs": (musicxml(measure(ATTRIBUTES), prolog=LAUGHS, header=TITLE.format("i")), "entities"),
    "entity hidden in UTF-16": (musicxml(prolog=XXE).decode().encode("utf-16"), "entities"),
    "entity hidden in EBCDIC": (EBCDIC.encode("cp037"), "well-formed"),
    "an encoding of its own": (b'<?xml version="1.0" encoding="utf-7"?>' + PAGE, "encoding"),
    "an undefined entity": (musicxml(header=TITLE.format("nbsp")), "not well-formed"),
    "infinite duration": (musicxml(measure(ATTRIBUTES + note("C", 2).replace(">2<", ">inf<"))), "number"),
    "no duration in words": (musicxml(measure(ATTRIBUTES + note("C", 2).replace(">2<", ">two<"))), "number"),
    "endless duration": (musicxml(measure(ATTRIBUTES + note("C", 999_999_999))), "beats"),
    "endless divisions": (musicxml(measure(ATTRIBUTES.replace("<divisions>1<", "<divisions>999999937<"))), "clock"),
    "a pitch out of range": (musicxml(measure(ATTRIBUTES + note("C", 1, octave=12))), "pitch"),
    "a pitch of no name": (musicxml(measure(ATTRIBUTES + note("H", 1))), "'H'"),
    "metre 4/0": (musicxml(measure(ATTRIBUTES.replace("<beat-type>4", "<beat-type>0"))), "2/0"),
    "a repeat bomb": (musicxml(measure(ATTRIBUTES + note("C", 1)) + LONG_REPEAT), "bars"),
    "too many parts": (musicxml(*[measure(note("C", 1))] * 257), "257 tracks"),
    "nested without end": (b"<a>" * 100_000, "not well-formed"),
    "too many elements": (b"<score-partwise>" + b"<a/>" * 3_500_000 + b"</score-partwise>", "elements"),
}  # fmt: skip


def zip_bomb() -> bytes:
    return mxl(PAGE[:-18] + b" " * (30 * 2**20) + PAGE[-18:])


def overfull_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.xml", bytes(14 * 2**20))
    return file.getvalue()


def lying_zip() -> bytes:
    """Declares ten bytes and unpacks to many."""
    data = bytearray(mxl(b"x" * 3_000_000))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.rindex(signature) + offset
        data[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(data)


ONE_ROOT = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
TWO_ROOTS = '<container><rootfiles><rootfile full-path="a.xml"/><rootfile full-path="b.xml"/></rootfiles></container>'
MXL: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (zip_bomb, "100 times"),
    "overfull": (overfull_zip, "too large"),
    "a size that lies": (lying_zip, "packed|well-formed"),
    "two roots": (lambda: mxl(PAGE, container=TWO_ROOTS), "2 scores"),
    "no root": (lambda: mxl(PAGE, container="<container/>"), "0 scores"),
    "a root that is missing": (lambda: mxl(PAGE, container=ONE_ROOT), "packed"),
    "an entity in the container": (lambda: mxl(PAGE, container=XXE + "<container/>"), "entities"),
    "cut off": (lambda: mxl(PAGE)[:-40], "packed"),
    "no zip": (lambda: b"PK\x03\x04 and nothing more", "packed"),
    "damaged": (lambda: mxl(PAGE * 1).replace(b"\x03\x04", b"\x03\x05"), "packed"),
}  # fmt: skip
CASES = (
    [(f"{name}.mid", data, word) for name, (data, word) in MIDI.items()]
    + [(f"{name}.musicxml", data, word) for name, (data, word) in MUSICXML.items()]
    + [(f"{name}.mxl", make(), word) for name, (make, word) in MXL.items()]
)


@pytest.mark.parametrize(("name", "data", "word"), CASES, ids=[case[0] for case in CASES])
def test_a_bad_file(name: str, data: bytes, word: str, tmp_path: Path) -> None:
    file = tmp_path / name.replace("/", " ")
    file.write_bytes(data)
    start = time.perf_counter()
    with pytest.raises(UserError, match=word) as refused:
        read_score(file)
    assert time.perf_counter() - start < 2
    assert "\n" not in str(refused.value)
    assert file.name in str(refused.value)


def test_the_files_that_ask_for_gigabytes_are_small() -> None:
    assert len(MIDI["piano roll of gigabytes"][0]) < 50
    assert len(MIDI["four million beats"][0]) < 110


def test_no_such_file_a_folder_and_an_unknown_ending(tmp_path: Path) -> None:
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "song.mp3").write_bytes(b"x")
    for name, word in (("none.mid", "no such file"), ("folder.mid", "not a file"), ("song.mp3", r"\.mp3")):
        with pytest.raises(UserError, match=word):
            read_score(tmp_path / name)
    with pytest.raises(UserError):
        read_score("a\x00b.mid")
    with pytest.raises(UserError, match="not a file"):
        read_bytes(Path("/dev/zero"), 10)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "secret.mid"
    file.write_bytes(midi_file(ONE_NOTE + END))
    file.chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        read_score(file)


@pytest.mark.parametrize("write", [write_midi, write_musicxml])
def test_a_folder_that_cannot_be_written(write: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(UserError, match="cannot be written"):
            write(small_score(), folder / "piece")
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write(small_score(), tmp_path / "taken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


@pytest.mark.parametrize("write", [write_midi, write_musicxml])
def test_a_full_disk_leaves_the_old_file(
    write: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "piece"
    file.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UserError, match="No space left"):
        write(small_score(), file)
    assert [path.name for path in tmp_path.iterdir()] == ["piece"]
    assert file.read_bytes() == b"old"
