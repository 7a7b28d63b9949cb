"""A MIDI file whose notes are exchanged keeps every other event, and all its bytes where none is."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.scores import Notes, Score
from ritornello.scores.midi import parse_midi
from ritornello.scores.midi_revision import revise_midi
from tests.scores.files import midi_file

PIANO = (
    b"\x00\xff\x03\x05Piano"
    b"\x00\xc0\x00"
    b"\x00\xb0\x07\x64"
    b"\x00\x07\x65"  # runs on
    b"\x00\x90\x3c\x40"
    b"\x80\x0a\x40\x41"  # a delta of two bytes where one would do; runs on
    b"\x56\x3c\x00"  # an end by velocity 0
    b"\x00\x40\x00"
    b"\x00\xf0\x03\x01\x02\xf7"
    b"\x00\x90\x3e\x42"
    b"\x20\xe0\x00\x50"
    b"\x40\x80\x3e\x07"
    b"\x00\xff\x06\x01B"
)
"""60 from tick 0 to 96, 64 from 10 to 96, 62 from 96 to 192."""
DRUMS = b"\x00\x99\x24\x40\x10\x89\x24\x40\x00\x91\x30\x50\x60\x81\x30\x00"
FILE = midi_file(PIANO, DRUMS, ticks_per_beat=96) + b"XFIH\x00\x00\x00\x02ab" + b"tail"


def events_of(data: bytes) -> list[list[tuple[int, bytes]]]:
    """Per track (tick, event with its status byte), by a reader of its own."""
    tracks: list[list[tuple[int, bytes]]] = []
    place = 14
    while data[place : place + 4] == b"MTrk":
        (length,) = struct.unpack(">I", data[place + 4 : place + 8])
        body, at, ticks, status = data[place + 8 : place + 8 + length], 0, 0, 0
        found: list[tuple[int, bytes]] = []
        while at < len(body):
            delta = 0
            while True:
                delta, at = delta << 7 | body[at] & 127, at + 1
                if body[at - 1] < 128:
                    break
            ticks += delta
            if body[at] in {0xF0, 0xFF}:
                size = body[at + 1 + (body[at] == 0xFF)]
                stop = at + 2 + (body[at] == 0xFF) + size
                found.append((ticks, body[at:stop]))
            else:
                if body[at] >= 128:
                    status, at = body[at], at + 1
                stop = at + (1 if status >> 4 in {12, 13} else 2)
                found.append((ticks, bytes((status,)) + body[at:stop]))
            at = stop
        tracks.append(found)
        place += 8 + length
    return tracks


def with_notes(score: Score, part: int, rows: list[tuple[int, int, int, int]]) -> Score:
    parts = list(score.parts)
    parts[part] = replace(parts[part], notes=Notes.of(rows))
    return replace(score, parts=tuple(parts))


def test_the_reader_of_this_file_reads_it() -> None:
    score = parse_midi(FILE)
    assert [list(part.notes.rows()) for part in score.parts] == [
        [(0, 96, 60, 64), (10, 86, 64, 65), (96, 96, 62, 66)],
        [(16, 96, 48, 80)],
    ]


def test_the_same_notes_are_the_same_bytes() -> None:
    assert revise_midi(FILE, parse_midi(FILE)) == FILE


def test_every_event_of_other_notes_stays() -> None:
    score = parse_midi(FILE)
    new = [(0, 96, 60, 64), (20, 30, 67, 70), (96, 96, 62, 66), (96, 200, 72, 71)]
    made = revise_midi(FILE, with_notes(score, 0, new))
    assert list(parse_midi(made).parts[0].notes.rows()) == new
    before, after = events_of(FILE), events_of(made)
    gone = [(10, b"\x90\x40\x41"), (96, b"\x90\x40\x00")]
    come = [(20, b"\x90\x43\x46"), (50, b"\x80\x43\x40"), (96, b"\x90\x48\x47"), (296, b"\x80\x48\x40")]
    end = (192, b"\xff\x2f\x00")
    assert [event for event in after[0] if event not in come][:-1] == [
        event for event in before[0] if event not in gone and event != end
    ]
    assert after[0][-1] == (296, end[1])  # the track lasts as long as its last note
    assert after[1] == before[1]
    assert made.endswith(FILE[FILE.index(b"MTrk", 20) :])  # the other track, the chunk that nobody knows, the tail


def test_a_pitch_is_let_go_before_it_is_struck_again() -> None:
    score = parse_midi(FILE)
    rows = [(0, 96, 60, 64), (10, 86, 62, 50), (96, 96, 62, 66)]
    made = revise_midi(FILE, with_notes(score, 0, rows))
    assert list(parse_midi(made).parts[0].notes.rows()) == rows


def test_a_note_before_all_events() -> None:
    rows = [(0, 24, 72, 64), (48, 24, 48, 80)]
    data = midi_file(b"\x30\x91\x30\x50\x18\x30\x00", ticks_per_beat=96)
    made = revise_midi(data, with_notes(parse_midi(data), 0, rows))
    assert list(parse_midi(made).parts[0].notes.rows()) == rows


def test_a_part_whose_instrument_does_not_play_there_gets_no_note() -> None:
    notes = b"\x00\xc0\x05\x00\x90\x3c\x40\x60\x80\x3c\x40\x00\xc0\x09\x00\x90\x3c\x40\x60\x80\x3c\x40"
    data = midi_file(notes, ticks_per_beat=96)
    score = parse_midi(data)
    assert revise_midi(data, score) == data
    first = next(number for number, part in enumerate(score.parts) if part.program == 5)
    with pytest.raises(UserError, match="instruments change"):
        revise_midi(data, with_notes(score, first, [(0, 96, 60, 64), (100, 10, 70, 64)]))


note_events = st.tuples(
    st.integers(0, 40), st.sampled_from([0x80, 0x90, 0x91, 0xB0, 0xE1]), st.integers(58, 62), st.integers(0, 127)
)


@given(tracks=st.lists(st.lists(note_events, min_size=2, max_size=40), min_size=1, max_size=3), cut=st.integers(0, 300))
def test_files_with_any_order_of_events(tracks: list[list[tuple[int, int, int, int]]], cut: int) -> None:
    """Ends without a beginning, pitches struck while they sound, notes of no length: what is not a note stays."""
    data = midi_file(*(b"".join(bytes(event) for event in track) for track in tracks))
    try:
        score = parse_midi(data)
    except UserError:
        return  # no notes
    assert revise_midi(data, score) == data
    kept = [[row for row in part.notes.rows() if row[0] < cut] for part in score.parts]
    if not all(kept):
        return
    revised = replace(
        score, parts=tuple(replace(part, notes=Notes.of(rows)) for part, rows in zip(score.parts, kept, strict=True))
    )
    try:
        made = revise_midi(data, revised)
    except UserError:  # what is left pairs otherwise
        return
    others = [[event for event in track if event[1][0] & 0xE0 != 0x80] for track in events_of(data)]
    assert [[event for event in track if event[1][0] & 0xE0 != 0x80] for track in events_of(made)] == others
