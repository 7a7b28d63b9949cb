"""MusicXML out: what a notation program opens and prints as a choir score.

Written here and not by partitura 1.9, whose writer spells pitches without regard to the key, knows
no voice clefs and writes no beams. Bars are those of ``Score.bars``; a pickup is bar 0. Times that
have no note value (a performance's) are rounded to 32nds and triplets. A part has one staff in as
many voices as it needs; what two hands play (``hands.py``) has two, treble and bass, with voices
from 1 on the upper and from 5 on the lower.
**Source**: MusicXML 4.0 (W3C Music Notation Community Group, 2021).
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from ritornello.scores.chord_kinds import KINDS, NO_CHORD
from ritornello.scores.hands import hands
from ritornello.scores.notation import Measure, WrittenNote, voices, written_bars
from ritornello.scores.printable import printable
from ritornello.scores.score import ChordSymbol, KeySignature, Part, Score
from ritornello.scores.spelling import SpelledPitch, Spelling, signature_alter
from ritornello.scores.writing import write_atomically

_HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC '
    '"-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_LOWEST_TREBLE_MEAN = 60.0
"""A part whose mean pitch lies below middle C stands in the bass clef."""
_TREBLE, _BASS = ("G", 2, 0), ("F", 4, 0)
"""Sign, line and octave of a clef."""
_VOICES_PER_HAND = 4
"""Voices 1 to 4 are the right hand's, 5 to 8 the left hand's, as notation programs number them."""


@dataclass(frozen=True, slots=True)
class _Staff:
    """What the bars of one part need to know."""

    score: Score
    part: Part
    measures: list[Measure]
    spelling: Spelling
    chords: list[ChordSymbol]
    """In order; a symbol stands above the first staff."""
    is_first: bool
    hands: tuple[Part, ...]
    """The part, or its right and its left hand, each on a staff."""


@dataclass(frozen=True, slots=True)
class _Voice:
    """One voice of a part in written notes."""

    number: int
    """From 1, as it stands in the file."""
    hand: int
    """Index of its staff, 0 the upper."""
    leads: bool
    """The voice with the longest notes of its staff: it fills every bar, and of two staves only its rests are seen."""
    bars: list[list[WrittenNote]]


def write_musicxml(score: Score, path: Path | str) -> None:
    """Writes an uncompressed MusicXML file; the same Score gives the same bytes.

    Raises:
        UserError: the file cannot be written.
    """
    write_atomically(Path(path), format_musicxml(score))


def format_musicxml(score: Score) -> bytes:
    """The bytes of a MusicXML document."""
    score = printable(score)
    root = ET.Element("score-partwise", version="4.0")
    if score.title:
        _text(_child(root, "work"), "work-title", score.title)
    _text(_child(_child(root, "identification"), "encoding"), "software", "ritornello")
    part_list = _child(root, "part-list")
    played = [hands(part) for part in score.parts]
    _list_parts(part_list, played)
    measures, spelling = _measures(score), Spelling(score)
    chords = sorted(score.chords, key=lambda symbol: symbol.onset_ticks)
    for number, (part, its_hands) in enumerate(zip(score.parts, played, strict=True), start=1):
        staff = _Staff(score, part, measures, spelling, chords, number == 1, its_hands)
        _write_part(_child(root, "part", id=f"P{number}"), staff)
    ET.indent(root)
    return _HEADER.encode() + ET.tostring(root, encoding="UTF-8", xml_declaration=False) + b"\n"


def _list_parts(part_list: ET.Element, played: list[tuple[Part, ...]]) -> None:
    """Neighbouring parts of one staff stand in a bracket; a part of two staves has a brace of its own."""
    numbered = enumerate(played, start=1)
    for num_staves, run in itertools.groupby(numbered, key=lambda item: len(item[1])):
        if num_staves == 1:
            group = _child(part_list, "part-group", type="start", number="1")
            _text(group, "group-symbol", "bracket")
            _text(group, "group-barline", "yes")
        for number, (part, *_) in run:
            _list_part(part_list, part, number)
        if num_staves == 1:
            _child(part_list, "part-group", type="stop", number="1")


def _list_part(part_list: ET.Element, part: Part, number: int) -> None:
    element = _child(part_list, "score-part", id=f"P{number}")
    name = part.name or f"Part {number}"
    _text(element, "part-name", name)
    _text(element, "part-abbreviation", f"{name[0]}.")
    _text(_child(element, "score-instrument", id=f"P{number}-I1"), "instrument-name", name)
    midi = _child(element, "midi-instrument", id=f"P{number}-I1")
    _text(midi, "midi-channel", (number - 1) % 15 + 1 + ((number - 1) % 15 >= 9))  # 10 is for percussion
    _text(midi, "midi-program", part.program + 1)


def _measures(score: Score) -> list[Measure]:
    onsets = [metre.onset_ticks for metre in score.metres]
    measures: list[Measure] = []
    for index, (start, end) in enumerate(score.bars()):
        metre = score.metres[bisect_right(onsets, start) - 1]
        is_pickup = index == 0 and score.pickup_ticks > 0
        origin = end - metre.bar_ticks(score.ticks_per_beat) if is_pickup else start
        measures.append(Measure(start, end, metre, score.ticks_per_beat, origin))
    return measures


def _write_part(element: ET.Element, staff: _Staff) -> None:
    score, written = staff.score, _voices(staff)
    first_number = 0 if score.pickup_ticks > 0 else 1
    for index, measure in enumerate(staff.measures):
        bar = _child(element, "measure", number=str(first_number + index))
        if index == 0 and score.pickup_ticks > 0:
            bar.set("implicit", "yes")
        _write_attributes(bar, staff, index)
        accidentals = _accidentals(staff, written, index)
        for voice in written:
            if not voice.leads and not any(note.pitches for note in voice.bars[index]):
                continue
            if voice.number > 1:
                _text(_child(bar, "backup"), "duration", measure.end - measure.start)
            for note in voice.bars[index]:
                if staff.is_first and voice.number == 1:
                    _write_directions(bar, score, note)
                    _write_harmonies(bar, staff, note)
                _write_note(bar, staff, note, voice, accidentals)
        if index + 1 == len(staff.measures):
            _text(_child(bar, "barline", location="right"), "bar-style", "light-heavy")


def _voices(staff: _Staff) -> list[_Voice]:
    cuts = sorted(staff.part.fermatas_ticks)
    result: list[_Voice] = []
    for hand, part in enumerate(staff.hands):
        first = max(_VOICES_PER_HAND, len(result)) + 1 if hand else 1
        lines = voices(part)
        longest = lines[0]
        if hand:  # its longest notes are most often the bass, whose stems point down in a second voice
            lines[:2] = reversed(lines[:2])
        result += [
            _Voice(number, hand, line is longest, written_bars(line, staff.measures, cuts))
            for number, line in enumerate(lines, start=first)
        ]
    return result


def _accidentals(staff: _Staff, written: list[_Voice], index: int) -> set[tuple[int, int, int]]:
    """(voice, onset, pitch) of the notes of a bar where the signature, or an accidental before, says something else.

    What stands before is asked on each staff for itself: of two staves in time, on a part's only staff voice by voice.
    """
    needed: set[tuple[int, int, int]] = set()
    shown: dict[tuple[int, str, int], int] = {}  # alterations by staff, step and octave
    notes = [(voice, note) for voice in written for note in voice.bars[index] if note.pitches]
    if len(staff.hands) > 1:
        notes.sort(key=lambda item: item[1].onset_ticks)
    for voice, note in notes:
        fifths = next((k.fifths for k in reversed(staff.score.keys) if k.onset_ticks <= note.onset_ticks), 0)
        for pitch in () if note.tied_from else note.pitches:
            spelled = staff.spelling.of(pitch, note.onset_ticks)
            place = (voice.hand, spelled.step, spelled.octave)
            if shown.get(place, signature_alter(spelled.step, fifths)) != spelled.alter:
                needed.add((voice.number, note.onset_ticks, pitch))
                shown[place] = spelled.alter
    return needed


def _write_attributes(bar: ET.Element, staff: _Staff, index: int) -> None:
    score, measure = staff.score, staff.measures[index]
    previous = staff.measures[index - 1] if index else None
    keys = [key for key in score.keys if (previous.start if previous else -1) < key.onset_ticks <= measure.start]
    new_metre = previous is None or str(previous.metre) != str(measure.metre)
    if not (index == 0 or keys or new_metre):
        return
    attributes = _child(bar, "attributes")
    if index == 0:
        _text(attributes, "divisions", score.ticks_per_beat)
    if keys or index == 0:
        key = keys[-1] if keys else KeySignature(0, 0)
        element = _child(attributes, "key")
        _text(element, "fifths", key.fifths)
        if key.mode:
            _text(element, "mode", key.mode)
    if new_metre:
        time = _child(attributes, "time")
        _text(time, "beats", measure.metre.numerator)
        _text(time, "beat-type", measure.metre.denominator)
    if index == 0:
        _write_clefs(attributes, staff)


def _write_clefs(attributes: ET.Element, staff: _Staff) -> None:
    if len(staff.hands) == 1:
        clefs = [(_child(attributes, "clef"), _clef(staff.part))]
    else:
        _text(attributes, "staves", len(staff.hands))
        clefs = [(_child(attributes, "clef", number=number), clef) for number, clef in (("1", _TREBLE), ("2", _BASS))]
    for element, (sign, line, octave) in clefs:
        _text(element, "sign", sign)
        _text(element, "line", line)
        if octave:
            _text(element, "clef-octave-change", octave)


def _clef(part: Part) -> tuple[str, int, int]:
    """Sign, line and octave: a tenor reads the treble clef an octave lower."""
    if part.name.casefold().startswith("tenor"):
        return "G", 2, -1
    if len(part.notes) and float(np.mean(part.notes.pitch)) < _LOWEST_TREBLE_MEAN:
        return _BASS
    return _TREBLE


def _write_directions(bar: ET.Element, score: Score, note: WrittenNote) -> None:
    """Rehearsal marks and tempos that fall on a note or, by stepping forward and back, inside it."""
    for marker in score.markers:
        if note.onset_ticks <= marker.onset_ticks < note.offset_ticks and marker.text:
            direction = _placed(bar, "direction", marker.onset_ticks - note.onset_ticks)
            _text(_child(direction, "direction-type"), "rehearsal", marker.text)
    for tempo in score.tempos:
        if note.onset_ticks <= tempo.onset_ticks < note.offset_ticks:
            direction = _placed(bar, "direction", tempo.onset_ticks - note.onset_ticks)
            metronome = _child(_child(direction, "direction-type"), "metronome")
            _text(metronome, "beat-unit", "quarter")
            _text(metronome, "per-minute", round(tempo.beats_per_minute))
            _child(direction, "sound", tempo=f"{tempo.beats_per_minute:.3f}".rstrip("0").rstrip("."))


def _write_harmonies(bar: ET.Element, staff: _Staff, note: WrittenNote) -> None:
    """Chord symbols at their places, as directions are; roots are spelled as notes of the key are."""
    first, last = (
        bisect_left(staff.chords, ticks, key=lambda symbol: symbol.onset_ticks)
        for ticks in (note.onset_ticks, note.offset_ticks)
    )
    for symbol in staff.chords[first:last]:
        harmony = _placed(bar, "harmony", symbol.onset_ticks - note.onset_ticks)
        spelled = staff.spelling.of(symbol.root or 0, symbol.onset_ticks)
        root = _child(harmony, "root")
        step = _child(root, "root-step", **({"text": ""} if symbol.root is None else {}))
        step.text = spelled.step
        if spelled.alter:
            _text(root, "root-alter", spelled.alter)
        value, text = NO_CHORD if symbol.root is None else KINDS[symbol.quality]
        _child(harmony, "kind", text=text).text = value


def _placed(bar: ET.Element, tag: str, ticks_ahead: int) -> ET.Element:
    if ticks_ahead:
        _text(_child(bar, "forward"), "duration", ticks_ahead)
    element = _child(bar, tag, placement="above")
    if ticks_ahead:
        _text(_child(bar, "backup"), "duration", ticks_ahead)
    return element


def _write_note(
    bar: ET.Element, staff: _Staff, note: WrittenNote, voice: _Voice, accidentals: set[tuple[int, int, int]]
) -> None:
    """A rest, a note, or the notes of a chord, of which the first carries beams and fermata."""
    for index, pitch in enumerate(note.pitches or (None,)):
        is_hidden = len(staff.hands) > 1 and not voice.leads and not note.pitches
        element = _child(bar, "note", **({"print-object": "no"} if is_hidden else {}))
        if index:
            _child(element, "chord")
        accidental = None
        if pitch is None:
            _child(element, "rest", **({"measure": "yes"} if note.fills_bar else {}))
        else:
            spelled = staff.spelling.of(pitch, note.onset_ticks)
            _write_pitch(element, spelled)
            if (voice.number, note.onset_ticks, pitch) in accidentals:
                accidental = _ACCIDENTALS[spelled.alter]
        _text(element, "duration", note.duration_ticks)
        for kind in _ties(note):
            _child(element, "tie", type=kind)
        _text(element, "voice", voice.number)
        _write_value(element, note, accidental)
        if len(staff.hands) > 1:
            _text(element, "staff", voice.hand + 1)
        for number, word in enumerate(note.beams if not index else (), start=1):
            _child(element, "beam", number=str(number)).text = word
        has_fermata = not index and voice.number == 1 and note.onset_ticks in staff.part.fermatas_ticks
        _write_notations(element, note, has_fermata=has_fermata)


def _ties(note: WrittenNote) -> list[str]:
    return ["stop"] * note.tied_from + ["start"] * note.tied_to


def _write_value(element: ET.Element, note: WrittenNote, accidental: str | None) -> None:
    """Type, dots, accidental and triplet, in the order that the schema asks for."""
    if note.value is not None:
        _text(element, "type", note.value.type)
        for _ in range(note.value.dots):
            _child(element, "dot")
    if accidental is not None:
        _text(element, "accidental", accidental)
    if note.value is not None and note.value.triplet:
        modification = _child(element, "time-modification")
        _text(modification, "actual-notes", 3)
        _text(modification, "normal-notes", 2)


def _write_pitch(element: ET.Element, spelled: SpelledPitch) -> None:
    pitch = _child(element, "pitch")
    _text(pitch, "step", spelled.step)
    if spelled.alter:
        _text(pitch, "alter", spelled.alter)
    _text(pitch, "octave", spelled.octave)


def _write_notations(element: ET.Element, note: WrittenNote, *, has_fermata: bool) -> None:
    if not (_ties(note) or has_fermata):
        return
    notations = _child(element, "notations")
    for kind in _ties(note):
        _child(notations, "tied", type=kind)
    if has_fermata:
        _child(notations, "fermata", type="upright")


def _child(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, attributes)


def _text(parent: ET.Element, tag: str, text: str | float) -> None:
    ET.SubElement(parent, tag).text = _NOT_IN_XML.sub("", str(text))
