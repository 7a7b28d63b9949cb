"""What a complete plan asks of every frame, in the terms of the rules of part writing; and its harmony by name."""

from __future__ import annotations

from dataclasses import replace

from ritornello.form.chord import Chord
from ritornello.form.grid import (
    FRAMES_PER_BEAT,
    Grid,
    Range,
    grid_of_plan,
    phrase_ranges,
    phrase_slots,
    section_ranges,
    to_frames,
)
from ritornello.form.plan import Phrase, Plan
from ritornello.generation.voice_rules import Place
from ritornello.scores.score import ChordSymbol


def places_of(plan: Plan) -> list[Place]:
    """What a complete plan asks of every frame."""
    assert plan.sections is not None, "the plan is complete"
    spans, grid, last = section_ranges(plan), grid_of_plan(plan), plan.sections[-1].label
    starts = {start for start, _ in spans}
    final_ends = {end for section, (_, end) in zip(plan.sections, spans, strict=True) if section.label == last}
    places: list[Place] = []
    for phrase, (start, end) in zip(plan.phrases, phrase_ranges(plan), strict=True):
        made = _phrase_places(phrase, (start, end), grid, is_final=end in final_ends)
        if start in starts and made:
            made[0] = replace(made[0], strike=True)  # so that a section can return after any other
        places += made
    return places


def chord_symbols(plan: Plan, ticks_per_beat: int) -> tuple[ChordSymbol, ...]:
    """The harmony of a plan as a lead sheet has it: a symbol wherever root or quality change."""
    symbols: list[ChordSymbol] = []
    for phrase, slots in zip(plan.phrases, phrase_slots(plan), strict=True):
        if phrase.key is not None:
            tonic = phrase.key.tonic_pitch_class
            for chord, (start, _) in zip(phrase.harmony or (), slots, strict=False):
                symbol = ChordSymbol(
                    start * ticks_per_beat // FRAMES_PER_BEAT, (tonic + chord.root) % 12, chord.quality
                )
                if not symbols or (symbol.root, symbol.quality) != (symbols[-1].root, symbols[-1].quality):
                    symbols.append(symbol)
    return tuple(symbols)


def cadence_frame(phrase: Phrase, place: Range) -> int:
    """Where the last chord of a phrase begins: under its fermata, else on its last beat."""
    start, end = place
    offset = end - start - 4 if phrase.fermata_beats is None else to_frames(phrase.fermata_beats)
    return max(start, min(start + offset, end - 1))


def _phrase_places(phrase: Phrase, span: Range, grid: Grid, *, is_final: bool) -> list[Place]:
    assert phrase.key is not None, "the plan is complete"
    assert phrase.harmony is not None, "the plan is complete"
    tonic, close = phrase.key.tonic_pitch_class, cadence_frame(phrase, span)
    slots = grid.slots(*span)
    chords = [*phrase.harmony, *phrase.harmony[-1:] * len(slots)]
    places: list[Place] = []
    for (first, stop), chord in zip(slots, chords, strict=False):
        members = tuple((tonic + chord.root + interval) % 12 for interval in chord.intervals)
        for frame in range(first, stop):
            closing = frame == close
            place = Place(
                chord=members,
                bass=chord.bass(tonic),
                on_beat=frame == first,
                mid_beat=frame == first + 2 and stop == first + 4 and frame < close,
                fermata=closing and phrase.fermata_beats is not None,
                closing=closing,
                final=closing and is_final,
                hold=is_final and frame > close,
                soprano=_cadence_soprano(phrase, chord, tonic) if closing else frozenset(range(12)),
            )
            places.append(place)
    return places


def _cadence_soprano(phrase: Phrase, last: Chord, tonic: int) -> frozenset[int]:
    """A perfect authentic cadence has the tonic in the soprano; what keeps an imperfect one from being perfect, not."""
    if phrase.cadence == "perfect authentic":
        return frozenset({tonic})
    if phrase.cadence == "imperfect authentic" and last.inversion == 0:
        return frozenset(range(12)) - {tonic}
    return frozenset(range(12))
