"""A first look at the bytes of a MIDI file: is it whole, and how much music does it ask for?

Runs before symusic sees the file. It reads the chunk headers and every event, most of them in runs
(``midi_runs``), allocates nothing that grows with the numbers in the file, and works in integers that
do not overflow.
**Source**: Standard MIDI Files 1.0 (MIDI Manufacturers Association, 1996).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.midi_runs import plain_run

_BROKEN = "export the piece again, or repair the file with a notation program"
_META, _SYSEX, _ESCAPE = 0xFF, 0xF0, 0xF7
_FEWEST_NOTE_BYTES = 3
"""Of a note-on: its delta, pitch and velocity."""
_RUN_BYTES, _MAX_RUN_BYTES = 1 << 8, 1 << 16
"""To look for a run takes half as long as a walk over 256 bytes, so it is done no more often than that; and it takes
the longer the more bytes are looked at, so they are not many more than the last run had."""
_TEMPO, _METRE, _END = 0x51, 0x58, 0x2F


@dataclass(slots=True)
class MidiSize:
    """What a MIDI file asks for."""

    ticks_per_beat: int
    num_tracks: int = 0
    num_notes: int = 0
    """Note-ons; counted only in part where the file is too short to hold too many."""
    end_ticks: int = 0
    microseconds_per_beat: list[tuple[int, int]] = field(default_factory=lambda: [(0, 500_000)])
    metres: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 4, 4)])


def scan_midi(data: bytes, where: str) -> MidiSize:
    """Measures a MIDI file and refuses what is broken or too large.

    Args:
        data: the whole file.
        where: its name, for the error.

    Raises:
        UserError: it is not a MIDI file, is cut off, or breaks one of the limits.
    """
    try:
        size = _scan_chunks(data, where)
    except IndexError:
        raise UserError("the MIDI file is cut off", where=where, mend=_BROKEN) from None
    limits.check_count("beats", size.end_ticks // size.ticks_per_beat, limits.MAX_BEATS, where)
    limits.check_count("bars", _count_bars(size), limits.MAX_BARS, where)
    limits.check_hours(_seconds(size), where)
    return size


def _scan_chunks(data: bytes, where: str) -> MidiSize:
    if data[:4] != b"MThd":
        raise UserError("not a MIDI file", where=where, mend="a MIDI file begins with the letters MThd")
    header_length = int.from_bytes(data[4:8], "big")
    if header_length < 6 or len(data) < 8 + header_length:
        raise UserError("the MIDI file is cut off", where=where, mend=_BROKEN)
    midi_format, division = int.from_bytes(data[8:10], "big"), int.from_bytes(data[12:14], "big")
    if midi_format > 1:
        raise UserError(f"MIDI format {midi_format} is not one piece", where=where, limit="formats 0 and 1")
    if not 1 <= division <= limits.MAX_TICKS_PER_BEAT:
        raise UserError("its clock does not count beats", where=where, limit="1 to 32,767 ticks per quarter note")
    size = MidiSize(division)
    can_be_too_many = len(data) > limits.MAX_NOTES * _FEWEST_NOTE_BYTES
    position = 8 + header_length
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "big")
        start, position = position + 8, position + 8 + length
        if data[start - 8 : start - 4] != b"MTrk":
            continue
        if position > len(data):
            raise UserError("the MIDI file is cut off", where=where, mend=_BROKEN)
        size.num_tracks += 1
        limits.check_count("tracks", size.num_tracks, limits.MAX_TRACKS, where)
        _scan_track(data[start:position], size, counts_notes=can_be_too_many, where=where)
    if size.num_tracks < max(1, int.from_bytes(data[10:12], "big")):
        raise UserError("the MIDI file is cut off: tracks are missing", where=where, mend=_BROKEN)
    return size


def _scan_track(track: bytes, size: MidiSize, *, counts_notes: bool, where: str) -> None:
    """Walks over one track; an event that runs past the end raises IndexError."""
    position, ticks, status, end, columns = 0, 0, 0, len(track), np.frombuffer(track, dtype=np.uint8)
    run_from, block_bytes = 0, _MAX_RUN_BYTES
    while position < end:
        if position >= run_from and _has_two_data_bytes(status):
            run = plain_run(columns, position, status, block_bytes, counts_notes=counts_notes)
            run_from = max(position + _RUN_BYTES, run.position + 1)  # what ends a run does not begin one
            block_bytes = min(max(_RUN_BYTES, 4 * (run.position - position)), _MAX_RUN_BYTES)
            position, status, num_notes = run.position, run.status, run.num_notes
            ticks += run.ticks
        else:
            delta, position = _variable_length(track, position, where)
            ticks += delta
            if track[position] >= _SYSEX:
                kind, position = _scan_other(track, position, ticks, size, where)
                if kind == _END:
                    break
                continue
            status, position, num_notes = _scan_event(track, position, status, where)
        size.num_notes += num_notes
        if size.num_notes > limits.MAX_NOTES:
            limits.check_count("notes", size.num_notes, limits.MAX_NOTES, where)
    size.end_ticks = max(size.end_ticks, ticks)


def _has_two_data_bytes(status: int) -> bool:
    return 0x80 <= status < 0xC0 or 0xE0 <= status < _SYSEX


def _scan_event(track: bytes, position: int, status: int, where: str) -> tuple[int, int, int]:
    """One channel event, behind its delta: the status that runs on, the position behind it, 1 for a note."""
    if track[position] & 0x80:
        status, position = track[position], position + 1
    elif not status:
        raise UserError("a MIDI event has no status byte", where=where, mend=_BROKEN)
    num_data_bytes = 2 if _has_two_data_bytes(status) else 1
    if max(track[position], track[position + num_data_bytes - 1]) > 0x7F:
        raise UserError("a MIDI event is damaged", where=where, mend=_BROKEN)
    position += num_data_bytes
    return status, position, int(status & 0xF0 == 0x90 and track[position - 1] > 0)


def _scan_other(track: bytes, position: int, ticks: int, size: MidiSize, where: str) -> tuple[int, int]:
    """One meta or system event, behind its delta: its kind (0 for none), and the position behind it."""
    byte = track[position]
    meta = byte == _META
    if not meta and byte not in {_SYSEX, _ESCAPE}:
        raise UserError(f"byte {byte:#x} is no MIDI file event", where=where, mend=_BROKEN)
    kind = track[position + 1] if meta else 0
    length, position = _variable_length(track, position + 1 + meta, where)
    if position + length > len(track):
        raise IndexError
    if meta:
        _note_meta(kind, track[position : position + length], ticks, size, where)
    return kind, position + length


def _variable_length(track: bytes, position: int, where: str) -> tuple[int, int]:
    """A number of 7 bits a byte, at most four bytes, and the position behind it."""
    byte = track[position]
    if byte < 0x80:
        return byte, position + 1
    value = byte & 0x7F
    for place in range(position + 1, position + 4):
        byte = track[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    raise UserError("a number of the MIDI file is too long", where=where, limit="4 bytes", mend=_BROKEN)


def _note_meta(kind: int, body: bytes, ticks: int, size: MidiSize, where: str) -> None:
    if kind == _TEMPO:
        microseconds = int.from_bytes(body[:3], "big")
        limits.check_tempo(60e6 / microseconds if len(body) >= 3 and microseconds else 0.0, where)
        size.microseconds_per_beat.append((ticks, microseconds))
    elif kind == _METRE:
        numerator, exponent = body[0], body[1]
        limits.check_metre(numerator, 2**exponent, where)
        size.metres.append((ticks, numerator, 2**exponent))


def _count_bars(size: MidiSize) -> int:
    """Bars from the first tick to the last, each piece of a bar before a change counted as one."""
    changes = sorted(size.metres, key=lambda change: change[0])  # stable: the last of one tick holds
    bars = 0
    for (start, numerator, denominator), stop in zip(
        changes, [c[0] for c in changes[1:]] + [size.end_ticks], strict=True
    ):
        bars -= (start - min(stop, size.end_ticks)) * denominator // (numerator * 4 * size.ticks_per_beat)
    return bars


def _seconds(size: MidiSize) -> float:
    changes = sorted(size.microseconds_per_beat, key=lambda change: change[0])
    stops = [change[0] for change in changes[1:]] + [size.end_ticks]
    ticks_times_microseconds = sum(
        max(0, min(stop, size.end_ticks) - start) * microseconds
        for (start, microseconds), stop in zip(changes, stops, strict=True)
    )
    return ticks_times_microseconds / size.ticks_per_beat / 1e6
