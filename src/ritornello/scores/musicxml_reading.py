"""MusicXML in, by the standard library.

Parsed here and not by partitura 1.9: this way a hostile file meets our limits before anything is
built, repeats, fermatas and voices come out as ``page.perform`` wants them, reading is ten times
faster and nothing large is imported (partitura takes two seconds).

One Part per part of the file; a second voice on a staff, or a second staff, becomes its own Part
when it carries a quarter of the staff's notes. Where ritornello wrote the file itself, the voices
and staves of a part are one Part, as they were before. Graces and cue notes are left out,
transposing instruments sound at pitch.
**Source**: MusicXML 4.0 (W3C Music Notation Community Group, 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.chord_kinds import NO_CHORD, quality_of
from ritornello.scores.page import Page, PrintedBar, PrintedNote, PrintedPart, join_ties, perform
from ritornello.scores.repeats import playing_order
from ritornello.scores.score import ChordSymbol, KeySignature, Marker, Metre, Mode, Score, Tempo
from ritornello.scores.xml_source import Element, parse_document, read_document

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MAX_DIVISIONS = 10**9
_MAX_PASSES = 16
_OWN_PART_SHARE = 0.25
"""Share of a staff's notes from which on a second voice is a part of its own."""
_SOUND_SIGNS = ("dacapo", "dalsegno", "segno", "fine", "tocoda", "coda")
_MODES: dict[str, Mode] = {"major": "major", "ionian": "major", "minor": "minor", "aeolian": "minor"}


@dataclass(slots=True)
class _Voice:
    notes: list[PrintedNote] = field(default_factory=list[PrintedNote])
    fermatas: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class _PartReading:
    """One part while it is read. ``cursor`` and ``reach`` count from the bar's start, in ticks of the page."""

    element: Element
    name: str
    program: int
    ticks_per_division: float = 1.0
    semitones: int = 0
    """From written to sounding pitch."""
    cursor: int = 0
    reach: int = 0
    chord_onset: int = 0
    voices: dict[tuple[int, str], _Voice] = field(default_factory=dict["tuple[int, str]", _Voice])


def read_musicxml(path: Path | str) -> Score:
    """Reads a .musicxml, .xml or .mxl file; repeats are unfolded and ties joined.

    Raises:
        UserError: it cannot be read, is not MusicXML, or asks for too much music.
    """
    return parse_musicxml(read_document(Path(path)), str(path))


def parse_musicxml(document: bytes, where: str = "MusicXML data") -> Score:
    """The same for an unpacked document in memory; ``where`` is named in errors."""
    root = parse_document(document, where)
    if root.tag != "score-partwise":
        mend = "save it as partwise MusicXML" if root.tag == "score-timewise" else "choose a MusicXML file"
        raise UserError(f"not partwise MusicXML: its root is {root.tag[:40]!r}", where=where, mend=mend)
    readings = _part_readings(root, where)
    page = Page(_resolution(root, where), title=_title(root))
    ending: frozenset[int] = frozenset()
    num_bars = max((len(reading.element.findall("measure")) for reading in readings), default=0)
    limits.check_count("bars", num_bars, limits.MAX_BARS, where)
    columns = [reading.element.findall("measure") for reading in readings]
    for index in range(num_bars):
        measures = [(r, column[index]) for r, column in zip(readings, columns, strict=True) if index < len(column)]
        ending = _read_bar(page, measures, ending, f"{where}, bar {measures[0][1].get('number', '')[:12]}")
    split = _one_part if _is_our_own(root) else _parts
    page.parts = [part for reading in readings for part in split(reading)]
    return perform(page, playing_order(page.bars, where), where)


def _part_readings(root: Element, where: str) -> list[_PartReading]:
    elements = root.findall("part")
    limits.check_count("tracks", len(elements), limits.MAX_TRACKS, where)
    described = {part.get("id"): part for part in root.iterfind("part-list/score-part")}
    readings: list[_PartReading] = []
    for element in elements:
        description = described.get(element.get("id"))
        name = "" if description is None else (description.findtext("part-name") or "").strip()[:200]
        program = None if description is None else description.findtext("midi-instrument/midi-program")
        number = int(program) - 1 if program and program.strip().isascii() and program.strip().isdigit() else 0
        readings.append(_PartReading(element, name, number if 0 <= number <= 127 else 0))
    return readings


def _is_our_own(root: Element) -> bool:
    """Whether nothing but ritornello wrote the file; a program that saves it again names itself."""
    programs = [(element.text or "").strip() for element in root.iterfind("identification/encoding/software")]
    return programs == ["ritornello"]


def _resolution(root: Element, where: str) -> int:
    """Ticks per quarter note that all the parts' divisions divide; 48 for durations such as 0.5."""
    resolution = 48
    for text in {element.text for element in root.iter("divisions")}:
        resolution = math.lcm(resolution, max(1, round(_number(text, where))))
        if resolution > _MAX_DIVISIONS:
            raise UserError("its rhythm needs too fine a clock", where=where, limit="10^9 ticks per quarter note")
    return resolution


def _title(root: Element) -> str:
    titles = (root.findtext("work/work-title"), root.findtext("movement-title"))
    return next((title.strip()[:200] for title in titles if title and title.strip()), "")


def _read_bar(
    page: Page, measures: list[tuple[_PartReading, Element]], ending: frozenset[int], where: str
) -> frozenset[int]:
    """Reads one bar of all parts; takes and gives back the endings that are open."""
    start = page.bars[-1].end if page.bars else 0
    bar = PrintedBar(start, start, endings=ending)
    for reading, measure in measures:
        reading.cursor = reading.reach = reading.chord_onset = 0
        for element in measure:
            read = _READERS.get(element.tag)
            if read is not None:
                read(page, bar, reading, element, where)
            elif element.tag == "barline":
                ending = _read_barline(bar, element, ending, where)
    length = max(reading.reach for reading, _ in measures)
    if length == 0 and page.metres and not any(measure.find("note") is not None for _, measure in measures):
        length = page.metres[-1].bar_ticks(page.ticks_per_beat)  # an empty bar is a bar's rest
    bar.end = start + length
    limits.check_count("beats", bar.end // page.ticks_per_beat, limits.MAX_BEATS, where)
    page.bars.append(bar)
    return ending


def _read_note(_page: Page, bar: PrintedBar, reading: _PartReading, note: Element, where: str) -> None:
    if note.find("grace") is not None:
        return
    ticks = _ticks(note, reading, where)
    is_chord = note.find("chord") is not None
    onset = reading.chord_onset if is_chord else reading.cursor
    if not is_chord:
        reading.chord_onset = reading.cursor
        _move(reading, ticks)
    if note.find("cue") is not None or ticks == 0:
        return
    onset += bar.start
    voice = reading.voices.setdefault((_staff(note), note.findtext("voice") or "1"), _Voice())
    if note.find("notations/fermata") is not None:
        voice.fermatas.append(onset)
    pitch = note.find("pitch")
    if pitch is None:
        return
    tied = any(tie.get("type") == "start" for tie in note.iterfind("tie"))
    voice.notes.append((onset, ticks, _pitch(pitch, where) + reading.semitones, tied))
    if not 0 <= voice.notes[-1][2] <= 127:
        raise UserError("a pitch lies outside the range of MIDI", where=where, limit="C-1 to G9")


def _read_attributes(page: Page, bar: PrintedBar, reading: _PartReading, attributes: Element, where: str) -> None:
    now = bar.start + reading.cursor
    if (divisions := attributes.findtext("divisions")) is not None:
        reading.ticks_per_division = page.ticks_per_beat / max(1, round(_number(divisions, where)))
    if (transpose := attributes.find("transpose")) is not None:
        octaves = _number(transpose.findtext("octave-change") or "0", where)
        reading.semitones = round(_number(transpose.findtext("chromatic") or "0", where) + 12 * octaves)
    time = attributes.find("time")
    if time is not None and time.find("beats") is not None:
        beats = (time.findtext("beats") or "").split("+")
        metre = Metre(
            now, round(sum(_number(b, where) for b in beats)), round(_number(time.findtext("beat-type"), where))
        )
        limits.check_metre(metre.numerator, metre.denominator, where)
        if metre not in page.metres[-limits.MAX_TRACKS :]:
            page.metres.append(metre)
    key = attributes.find("key")
    if key is not None and key.find("fifths") is not None and reading.semitones % 12 == 0:
        fifths = max(-7, min(7, round(_number(key.findtext("fifths"), where))))
        signature = KeySignature(now, fifths, _MODES.get((key.findtext("mode") or "").strip()))
        if not any(other.onset_ticks == now for other in page.keys[-limits.MAX_TRACKS :]):
            page.keys.append(signature)


def _read_direction(page: Page, bar: PrintedBar, reading: _PartReading, direction: Element, where: str) -> None:
    now = bar.start + reading.cursor
    for mark in direction.iterfind("direction-type/rehearsal"):
        marker = Marker(now, (mark.text or "").strip()[:200])
        if marker.text and marker not in page.markers[-limits.MAX_TRACKS :]:
            page.markers.append(marker)
    for sound in direction.iterfind("sound"):
        _read_sound(page, bar, reading, sound, where)


def _read_sound(page: Page, bar: PrintedBar, reading: _PartReading, sound: Element, where: str) -> None:
    bar.signs |= {sign for sign in _SOUND_SIGNS if sound.get(sign)}
    if (text := sound.get("tempo")) is not None:
        tempo = Tempo(bar.start + reading.cursor, round(_number(text, where), 3))
        limits.check_tempo(tempo.beats_per_minute, where)
        if not any(other.onset_ticks == tempo.onset_ticks for other in page.tempos[-limits.MAX_TRACKS :]):
            page.tempos.append(tempo)


def _read_harmony(page: Page, bar: PrintedBar, reading: _PartReading, harmony: Element, where: str) -> None:
    """A chord symbol, of whichever part says one first at its place; degrees and bass are left out."""
    offset = round(_number(harmony.findtext("offset") or "0", where) * reading.ticks_per_division)
    onset = bar.start + max(0, reading.cursor + offset)
    kind, root = (harmony.findtext("kind") or "").strip(), harmony.find("root")
    if kind == NO_CHORD[0]:
        page.chords.setdefault(onset, ChordSymbol(onset, None))
    elif root is not None and (quality := quality_of(kind)) is not None:
        pitch_class = (_semitones(root, "root-", where) + reading.semitones) % 12
        page.chords.setdefault(onset, ChordSymbol(onset, pitch_class, quality))


def _read_backup(_page: Page, _bar: PrintedBar, reading: _PartReading, element: Element, where: str) -> None:
    _move(reading, -_ticks(element, reading, where))


def _read_forward(_page: Page, _bar: PrintedBar, reading: _PartReading, element: Element, where: str) -> None:
    _move(reading, _ticks(element, reading, where))


_READERS = {
    "note": _read_note,
    "attributes": _read_attributes,
    "direction": _read_direction,
    "sound": _read_sound,
    "harmony": _read_harmony,
    "backup": _read_backup,
    "forward": _read_forward,
}


def _read_barline(bar: PrintedBar, barline: Element, ending: frozenset[int], where: str) -> frozenset[int]:
    """Repeat signs and endings; gives back the endings that are open behind this barline."""
    repeat = barline.find("repeat")
    if repeat is not None and repeat.get("direction") == "forward":
        bar.repeat_start = True
    elif repeat is not None:
        bar.repeats = max(2, min(_MAX_PASSES, round(_number(repeat.get("times", "2"), where))))
    bracket = barline.find("ending")
    if bracket is None:
        return ending
    if bracket.get("type") == "start":
        numbers = bracket.get("number", "1").replace(" ", ",").split(",")
        bar.endings = frozenset(
            min(_MAX_PASSES, int(number)) for number in numbers if number.isascii() and number.isdigit()
        )
        return bar.endings
    return frozenset()


def _parts(reading: _PartReading) -> list[PrintedPart]:
    """The voices of a part as parts; a voice with few notes joins the main voice of its staff."""
    mains: dict[int, list[_Voice]] = {}
    for (staff, _), voice in sorted(reading.voices.items(), key=lambda item: item[0][0]):
        mains.setdefault(staff, []).append(voice)
    kept: list[_Voice] = []
    for voices in mains.values():
        main = max(voices, key=lambda voice: len(voice.notes))
        total = sum(len(voice.notes) for voice in voices)
        for voice in voices:
            if voice is main or len(voice.notes) >= _OWN_PART_SHARE * total:
                kept.append(voice)
            else:
                main.notes += voice.notes
                main.fermatas += voice.fermatas
    kept = [voice for voice in kept if voice.notes]
    names = [reading.name] if len(kept) == 1 else [f"{reading.name} {n}".strip() for n in range(1, len(kept) + 1)]
    return [
        PrintedPart(name, reading.program, voice.notes, voice.fermatas) for name, voice in zip(names, kept, strict=True)
    ]


def _one_part(reading: _PartReading) -> list[PrintedPart]:
    """All the voices of a part as one; ties are joined while the voices are apart, since voices share pitches."""
    rows = [row for voice in reading.voices.values() for row in join_ties(sorted(voice.notes))]
    notes = [(onset, duration, pitch, False) for onset, duration, pitch, _ in rows]
    fermatas = [onset for voice in reading.voices.values() for onset in voice.fermatas]
    return [PrintedPart(reading.name, reading.program, notes, fermatas)]


def _pitch(pitch: Element, where: str) -> int:
    return 12 * (round(_number(pitch.findtext("octave"), where)) + 1) + _semitones(pitch, "", where)


def _semitones(pitch: Element, prefix: str, where: str) -> int:
    """Of a step and its alteration above C."""
    step = (pitch.findtext(f"{prefix}step") or "").strip()
    if step not in _STEPS:
        raise UserError(f"no such pitch: {step[:20]!r}", where=where)
    return _STEPS[step] + round(_number(pitch.findtext(f"{prefix}alter") or "0", where))


def _ticks(element: Element, reading: _PartReading, where: str) -> int:
    return round(abs(_number(element.findtext("duration") or "0", where)) * reading.ticks_per_division)


def _move(reading: _PartReading, ticks: int) -> None:
    reading.cursor = max(0, reading.cursor + ticks)
    reading.reach = max(reading.reach, reading.cursor)


def _staff(note: Element) -> int:
    text = (note.findtext("staff") or "1").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1


def _number(text: str | None, where: str) -> float:
    """A plain number of modest size."""
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not abs(value) <= _MAX_DIVISIONS:
        raise UserError(f"not a number: {(text or '')[:20]!r}", where=where, limit="10^9")
    return value
