"""Other notes in a MIDI file whose every other event stays as it is.

Reading a MIDI file and writing it again loses what a Score does not hold: controllers, bends, texts, drums, the order
of events, running status, chunks that nobody knows. Here notes are taken out and put in among the events instead.

**What stays**: every event that belongs to no note which differs, its bytes and its tick, in the same order; all other
chunks; and the whole file, byte for byte, when no note differs. **What may change beside the notes**: the delta of an
event behind a place where others went or came, a status byte that ran on from one of those, the length of a chunk, and
the tick of a track's end if a note lasts beyond it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ritornello.errors import UserError
from ritornello.scores.midi import parse_midi
from ritornello.scores.midi_scan import scan_midi
from ritornello.scores.score import Score

_META, _SYSEX, _ESCAPE, _END_OF_TRACK = 0xFF, 0xF0, 0xF7, 0x2F
_DRUMS = 9
_RELEASE_VELOCITY = 64
_BEFORE_ALL, _PUT_IN = -1, -2
"""Places of no event of the file."""
_Row = tuple[int, int, int, int]
"""Onset, duration, pitch, velocity."""


@dataclass(frozen=True, slots=True)
class _Event:
    """One event; ``place`` counts in its track, ``_PUT_IN`` for one that was not there."""

    ticks: int
    place: int
    delta: bytes
    body: bytes
    """All behind the delta; without a status byte where that runs on."""
    status: int
    """Of a channel event, whether it is written or not; 0 for others."""

    @property
    def is_end(self) -> bool:
        """Whether the track ends here."""
        return self.body[:2] == bytes((_META, _END_OF_TRACK))

    @property
    def data(self) -> bytes:
        """Of a channel event, without its status byte."""
        return self.body[1:] if self.body[0] & 0x80 else self.body


class _Voice(NamedTuple):
    """What becomes one Part: notes of a track that share channel and program."""

    track: int
    channel: int
    program: int


class _Note(NamedTuple):
    """A note and the places of its two events."""

    row: _Row
    on: int
    off: int


def revise_midi(data: bytes, revised: Score, where: str = "MIDI data") -> bytes:
    """A MIDI file with the notes of ``revised`` in place of its own.

    Args:
        data: the file; its parts are those that ``parse_midi`` finds.
        revised: as many parts, of which only the notes are looked at; a part's notes of one pitch do not overlap notes
            of that pitch that were in the file before.
        where: its name, for errors.

    Raises:
        UserError: it is no sound MIDI file; or its notes cannot be told apart, or the new ones not be written, because
            of how pitches overlap or instruments change.
    """
    before = parse_midi(data, where)
    scan_midi(data, where)
    chunks = list(_chunks(data))
    tracks = [_events(body) if kind == b"MTrk" else [] for kind, body in chunks]
    voices = _voices_of_parts(tracks, before, where)
    gone: list[set[int]] = [set() for _ in tracks]
    come: list[list[_Event]] = [[] for _ in tracks]
    for (voice, notes), old, new in zip(voices, before.parts, revised.parts, strict=True):
        old_rows, new_rows = Counter(old.notes.rows()), Counter(new.notes.rows())
        taken = old_rows - new_rows
        for note in notes:
            if taken[note.row] > 0:
                taken[note.row] -= 1
                gone[voice.track] |= {note.on, note.off}
        for row in (new_rows - old_rows).elements():
            come[voice.track] += _events_of_note(row, voice.channel)
    made = [
        _chunk(kind, _track(events, places, added) + _rest(body, events) if places or added else body)
        for (kind, body), events, places, added in zip(chunks, tracks, gone, come, strict=True)
    ]
    header = 8 + int.from_bytes(data[4:8], "big")
    tail = data[header + sum(8 + len(body) for _, body in chunks) :]
    result = data[:header] + b"".join(made) + tail
    _check(result, revised, where)
    return result


def _check(result: bytes, revised: Score, where: str) -> None:
    """What was written is what was meant."""
    read = [sorted(part.notes.rows()) for part in parse_midi(result, where).parts]
    meant = [sorted(part.notes.rows()) for part in revised.parts if len(part.notes)]
    if read != meant:
        what = "the notes of the MIDI file cannot be exchanged one by one: instruments change within them"
        raise UserError(what, where=where, mend="export the piece again, each instrument on a track of its own")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each whole chunk behind the header."""
    position = 8 + int.from_bytes(data[4:8], "big")
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "big")
        if position + 8 + length > len(data):
            return
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


def _events(track: bytes) -> list[_Event]:
    """The events of a track, up to its end. ``scan_midi`` has found it sound."""
    events: list[_Event] = []
    position = ticks = status = 0
    while position < len(track) and not (events and events[-1].is_end):
        start = position
        delta, position = _number(track, position)
        ticks += delta
        begin, byte = position, track[position]
        if byte >= _SYSEX:
            length, position = _number(track, position + (2 if byte == _META else 1))
            position += length
        else:
            if byte & 0x80:
                status, position = byte, position + 1
            position += 1 if status & 0xE0 == 0xC0 else 2
        body = track[begin:position]
        own = 0 if byte >= _SYSEX else status
        events.append(_Event(ticks, len(events), track[start:begin], body, own))
    return events


def _rest(track: bytes, events: Sequence[_Event]) -> bytes:
    """What stands behind the end of a track, inside its chunk."""
    return track[sum(len(event.delta) + len(event.body) for event in events) :]


def _number(track: bytes, position: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and the position behind it."""
    value = 0
    while True:
        byte = track[position]
        value, position = value << 7 | byte & 0x7F, position + 1
        if byte < 0x80:
            return value, position


def _voices_of_parts(tracks: Sequence[Sequence[_Event]], score: Score, where: str) -> list[tuple[_Voice, list[_Note]]]:
    """For each part of the score the voice that has its notes: the first such that no part before it has."""
    found: dict[_Voice, list[_Note]] = {}
    for number, events in enumerate(tracks):
        found |= _notes(events, number)
    rows = {voice: sorted(note.row for note in notes) for voice, notes in found.items()}
    parts: list[tuple[_Voice, list[_Note]]] = []
    for part in score.parts:
        wanted = sorted(part.notes.rows())
        voice = next((voice for voice in rows if rows[voice] == wanted and voice.program == part.program), None)
        if voice is None:
            mend = "export the piece again"
            raise UserError("the notes of the MIDI file cannot be told apart", where=where, mend=mend)
        del rows[voice]
        parts.append((voice, found[voice]))
    return parts


def _notes(events: Sequence[_Event], track: int) -> dict[_Voice, list[_Note]]:
    """The notes of a track. Of several that sound one pitch, the first to begin is the first to end."""
    program: dict[int, int] = defaultdict(int)
    open_notes: dict[tuple[int, int], deque[tuple[_Event, _Voice]]] = defaultdict(deque)
    found: dict[_Voice, list[_Note]] = defaultdict(list)
    for event in events:
        kind, channel = event.status & 0xF0, event.status & 0x0F
        if kind == 0xC0:
            program[channel] = event.data[0]
        elif kind == 0x90 and event.data[1]:
            voice = _Voice(track, channel, program[channel])
            open_notes[channel, event.data[0]].append((event, voice))
        elif kind in {0x80, 0x90} and open_notes[channel, event.data[0]] and channel != _DRUMS:
            on, voice = open_notes[channel, event.data[0]].popleft()
            row = (on.ticks, max(1, event.ticks - on.ticks), on.data[0], on.data[1])
            found[voice].append(_Note(row, on.place, event.place))
    return found


def _events_of_note(row: _Row, channel: int) -> list[_Event]:
    onset, duration, pitch, velocity = row
    on, off = 0x90 | channel, 0x80 | channel
    return [
        _Event(onset, _PUT_IN, b"", bytes((on, pitch, velocity)), on),
        _Event(onset + duration, _PUT_IN, b"", bytes((off, pitch, _RELEASE_VELOCITY)), off),
    ]


def _track(events: Sequence[_Event], gone: set[int], come: Sequence[_Event]) -> bytes:
    """The bytes of a track without some events and with others.

    At a tick, what ends of the new notes comes before everything, and what begins behind it: so a pitch is let go
    before it is struck again, and an instrument is set before it plays.
    """
    ends = [event for event in come if event.status & 0xF0 == 0x80]
    begins = [event for event in come if event.status & 0xF0 == 0x90]
    kept = [event for event in events if event.place not in gone and not event.is_end]
    ordered = sorted(
        [(event.ticks, 0, event.data[0], event) for event in ends]
        + [(event.ticks, 1, event.place, event) for event in kept]
        + [(event.ticks, 2, event.data[0], event) for event in begins],
        key=lambda item: item[:3],
    )
    written = bytearray()
    ticks, place, running = 0, _BEFORE_ALL, 0
    for event in [*(item[3] for item in ordered), *(event for event in events if event.is_end)]:
        follows = event.place >= 0 and place == event.place - 1
        at = max(ticks, event.ticks)  # only an end can come earlier
        written += event.delta if follows and at == event.ticks else _number_bytes(at - ticks)
        runs_on = event.status and not event.body[0] & 0x80
        written += bytes((event.status,)) if runs_on and running != event.status else b""
        written += event.body
        ticks, place, running = at, event.place, event.status or running
    return bytes(written)


def _number_bytes(value: int) -> bytes:
    """A number as 7 bits a byte, the highest first."""
    places = [value & 0x7F]
    while value := value >> 7:
        places.append(value & 0x7F | 0x80)
    return bytes(reversed(places))
