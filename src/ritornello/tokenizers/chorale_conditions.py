"""What a Plan tells the note level in every 16th: channels, and the earlier place from which the music derives.

A channel is a small integer, 0 = unknown, so that a plan may leave anything open but its metre, pickup and sections.
Beats, keys and chords stand for what *this* frame is to be, not for what has been.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, get_args

import numpy as np

from ritornello.form.chord import QUALITIES
from ritornello.form.grid import Grid, Range, grid_of_plan, phrase_ranges, section_ranges, to_frames
from ritornello.form.plan import Cadence, Direction, Motif, Phrase, Plan, Relation
from ritornello.scores.score import IntArray

CHANNELS = {
    "bar_position": 1 + 48,  # sixteenths since the barline
    "tonic": 1 + 12,  # pitch class of the local key
    "mode": 1 + 2,
    "root": 1 + 12,  # pitch class
    "quality": 1 + len(QUALITIES),
    "bass": 1 + 12,  # pitch class
    "next_root": 1 + 12,
    "next_quality": 1 + len(QUALITIES),
    "next_bass": 1 + 12,
    "slot_left": 1 + 4,  # sixteenths until the next beat slot, counting this one
    "beats_to_cadence": 1 + 33,  # 0-32 until the phrase's last chord
    "cadence": 1 + len(get_args(Cadence)),
    "at_cadence": 1 + 2,  # before, or in, the phrase's last chord
    "section": 1 + 8,  # letters in order of appearance
    "relation": 1 + len(get_args(Relation)),
    "shift": 1 + 23,  # semitones against the source, see SHIFT_ZERO
    "register_arc": 1 + len(get_args(Direction)),
    "density_arc": 1 + len(get_args(Direction)),
    "mark": 1 + 3,  # nothing, a fermata, the end of the piece
}
"""Name -> number of values."""

PITCH_CLASS_CHANNELS = ("tonic", "root", "bass", "next_root", "next_bass")
SHIFT_ZERO = 12
"""``shift`` is this plus the semitones by which the music lies above its source, -11 to 11; 0 = nothing is said."""
MARK_NOTHING, MARK_FERMATA, MARK_END = 1, 2, 3
_COLUMN = {name: column for column, name in enumerate(CHANNELS)}
_ChordValues: TypeAlias = tuple[int, int, int]
"""Channels root, quality and bass."""
_QUALITY = {quality: number for number, quality in enumerate(QUALITIES, start=1)}


def frame_channels(plan: Plan) -> IntArray:
    """Channels (F, C) of every frame. The plan's metre, pickup and sections must be set."""
    grid = grid_of_plan(plan)
    table = np.zeros((grid.num_frames, len(CHANNELS)), dtype=np.int64)
    _fill(table, (0, grid.num_frames), bar_position=1, mark=MARK_NOTHING)
    table[:, _COLUMN["bar_position"]] += grid.bar_positions
    letters: dict[str, int] = {}
    for section, span in zip(plan.sections or (), section_ranges(plan), strict=True):
        order = letters.setdefault(section.letter, len(letters) + 1)
        _fill(table, span, section=min(order, CHANNELS["section"] - 1))
        _fill(table, span, register_arc=_number(section.register_arc, Direction))
        _fill(table, span, density_arc=_number(section.density_arc, Direction))
    slots: list[tuple[Range, _ChordValues | None]] = []
    for phrase, motif, place in zip(plan.phrases, phrase_motifs(plan), phrase_ranges(plan), strict=True):
        _fill_phrase(table, phrase, motif, place, grid)
        slots += zip(grid.slots(*place), _chord_values(phrase, len(grid.slots(*place))), strict=True)
    _fill_chords(table, slots)
    return table


def frame_sources(plan: Plan) -> IntArray:
    """For every frame (F,) the earlier frame from which it derives, -1 where it is new.

    The first half of a phrase is aligned with its source's beginning and the rest with its source's cadence, so that
    both agree when the lengths differ.
    """
    sources = np.full(grid_of_plan(plan).num_frames, -1, dtype=np.int64)
    spans = section_ranges(plan)
    sections = plan.sections or ()
    phrases = list(zip(plan.phrases, phrase_ranges(plan), strict=True))
    for (phrase, place), motif in zip(phrases, phrase_motifs(plan), strict=True):
        if motif is not None and motif.source is not None:
            source, origin = phrases[motif.source]
            _align(sources, place, _cadence_frame(phrase, place), origin, _cadence_frame(source, origin))
    for number, section in enumerate(sections):
        earlier = plan.source_section(number)
        if not section.phrases and earlier is not None:
            _align(sources, spans[number], spans[number][1], spans[earlier], spans[earlier][1])
    return sources


def phrase_motifs(plan: Plan) -> list[Motif | None]:
    """The motif of every phrase; where the plan is silent, from the section with the same letter, else None.

    The phrases of two such sections are paired from the end when their numbers differ.
    """
    firsts = np.cumsum([0, *(len(section.phrases or ()) for section in plan.sections or ())]).tolist()
    motifs: list[Motif | None] = []
    for number, section in enumerate(plan.sections or ()):
        earlier = plan.source_section(number)
        for place, phrase in enumerate(section.phrases or ()):
            motif = phrase.motif
            if motif is None and earlier is not None and firsts[earlier + 1] > firsts[earlier]:
                same = plan.sections is not None and plan.sections[earlier].label == section.label
                paired = firsts[earlier + 1] - len(section.phrases or ()) + place
                motif = Motif(relation="exact" if same else "varied", source=max(firsts[earlier], paired))
            motifs.append(motif)
    return motifs


def transposed_channels(channels: Mapping[str, int], semitones: int) -> tuple[IntArray, ...]:
    """Per channel a table from value to value, for music moved by ``semitones``.

    Args:
        channels: name -> number of values; of those that say a pitch class the names are ``PITCH_CLASS_CHANNELS``.
        semitones: how far up.
    """
    pitch_classes = np.append(0, 1 + (np.arange(12) + semitones) % 12)
    return tuple(pitch_classes if name in PITCH_CLASS_CHANNELS else np.arange(size) for name, size in channels.items())


def _cadence_frame(phrase: Phrase, place: Range) -> int:
    """Where the phrase's last chord begins: under its fermata, else on its last whole beat."""
    start, end = place
    beats_before = max(0, end - 4 - start) if phrase.fermata_beats is None else to_frames(phrase.fermata_beats)
    return max(start, min(start + beats_before, end - 1))


def _fill_phrase(table: IntArray, phrase: Phrase, motif: Motif | None, place: Range, grid: Grid) -> None:
    start, end = place
    if start == end:
        return
    cadence = _cadence_frame(phrase, place)
    if phrase.key is not None:
        _fill(table, place, tonic=1 + phrase.key.tonic_pitch_class, mode=1 + (phrase.key.mode == "minor"))
    _fill(table, place, cadence=_number(phrase.cadence, Cadence), at_cadence=1)
    _fill(table, (cadence, end), at_cadence=2)
    if motif is not None:
        _fill(table, place, relation=_number(motif.relation, Relation), shift=SHIFT_ZERO + motif.semitones)
    beats = -((np.arange(start, end) - cadence) // 4)
    table[start:end, _COLUMN["beats_to_cadence"]] = 1 + np.clip(beats, 0, 32)
    for slot_start, slot_end in grid.slots(start, end):
        table[slot_start:slot_end, _COLUMN["slot_left"]] = np.arange(slot_end - slot_start, 0, -1)
    if phrase.fermata_beats is not None:
        _fill(table, (cadence, cadence + 1), mark=MARK_FERMATA)


def _chord_values(phrase: Phrase, num_slots: int) -> list[_ChordValues | None]:
    """The channels of the chord of each beat slot; None where the harmony is open."""
    if phrase.harmony is None or phrase.key is None:
        return [None] * num_slots
    tonic = phrase.key.tonic_pitch_class
    chords = [*phrase.harmony, *phrase.harmony[-1:] * num_slots][:num_slots]  # the last chord lasts to the end
    return [(1 + (tonic + chord.root) % 12, _QUALITY[chord.quality], 1 + chord.bass(tonic)) for chord in chords]


def _fill_chords(table: IntArray, slots: list[tuple[Range, _ChordValues | None]]) -> None:
    for number, (span, chord) in enumerate(slots):
        if chord is None:
            continue
        root, quality, bass = chord
        _fill(table, span, root=root, quality=quality, bass=bass)
        if number and slots[number - 1][0][1] == span[0]:
            _fill(table, slots[number - 1][0], next_root=root, next_quality=quality, next_bass=bass)


def _align(sources: IntArray, place: Range, cadence: int, origin: Range, origin_cadence: int) -> None:
    (start, end), (origin_start, origin_end) = place, origin
    frames = np.arange(start, end)
    from_start = origin_start + frames - start
    from_cadence = origin_cadence + frames - cadence
    aligned = np.where(2 * (frames - start) < cadence - start, from_start, from_cadence)
    sources[start:end] = np.clip(aligned, origin_start, origin_end - 1)


def _fill(table: IntArray, span: Range, **values: int) -> None:
    for name, value in values.items():
        table[span[0] : span[1], _COLUMN[name]] = value


def _number(value: str | None, values: object) -> int:
    """1, 2, ... for the alternatives of a Literal type; 0 for None."""
    return 0 if value is None else 1 + get_args(values).index(value)
