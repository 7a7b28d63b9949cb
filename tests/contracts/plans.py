"""Complete plans by chance, for tests of everything that takes a Plan."""

import itertools
from typing import get_args

from hypothesis import strategies as st

from ritornello.form.chord import QUALITIES, Chord
from ritornello.form.grid import grid_of_plan, section_ranges
from ritornello.form.key import Key
from ritornello.form.plan import Cadence, Direction, Motif, Phrase, Plan, Section
from ritornello.tokenizers.metres import bar_frames
from ritornello.tokenizers.structure import near_home

METRES = ("4/4", "3/4", "3/2", "6/8", "3/8", "12/8", "2/4")
_modes = st.sampled_from(["major", "minor"])
_directions = st.sampled_from(get_args(Direction))


@st.composite
def _keys(draw: st.DrawFn, home: Key) -> Key:
    return near_home(Key.from_pitch_class(draw(st.integers(0, 11)), draw(_modes)), home)


@st.composite
def _chords(draw: st.DrawFn) -> Chord:
    quality = draw(st.sampled_from(list(QUALITIES)))
    return Chord(draw(st.integers(0, 11)), quality, draw(st.integers(0, len(QUALITIES[quality]) - 1)))


@st.composite
def structures(draw: st.DrawFn, max_sections: int = 5, max_bars: int = 6) -> Plan:
    """Plans with sections and without phrases that keep the grammar of form."""
    home = Key.from_fifths(draw(st.integers(-6, 6)), draw(_modes))
    metre = draw(st.sampled_from(METRES))
    pickup = draw(st.integers(0, min(bar_frames(metre) - 1, 6))) / 4
    sections: list[Section] = []
    for _ in range(draw(st.integers(1, max_sections))):
        letters = sorted({section.letter for section in sections})
        letter = draw(st.sampled_from([*letters, "ABCDEFG"[len(letters)]]))
        primes = [section.primes for section in sections if section.letter == letter]
        label = letter + "'" * draw(st.integers(0, min(3, max(primes, default=-1) + 1)))
        same = [section for section in sections if section.label == label]
        fresh = Section(
            label=label,
            bars=draw(st.integers(1, max_bars)),
            key=draw(_keys(home)),
            register_arc=draw(_directions),
            density_arc=draw(_directions),
        )
        sections.append(same[0] if same else fresh)
    last = sections[-1].label
    sections = [s.model_copy(update={"key": home}) if s.label == last else s for s in sections]
    return Plan(key=home, metre=metre, pickup_beats=pickup, sections=tuple(sections))


@st.composite
def complete_plans(draw: st.DrawFn) -> Plan:
    """Plans in which nothing is open."""
    plan = draw(structures(max_sections=3, max_bars=3))
    assert plan.key is not None
    assert plan.sections is not None
    grid, sections, count = grid_of_plan(plan), list(plan.sections), 0
    for number, (start, end) in enumerate(section_ranges(plan)):
        labels = [section.label for section in sections[:number]]
        if sections[number].label in labels:
            source = labels.index(sections[number].label)
            first = sum(len(section.phrases or ()) for section in sections[:source])
            phrases = []
            for place, phrase in enumerate(sections[source].phrases or ()):
                begin = start + sum(round(4 * p.beats) for p in phrases)
                is_last = place + 1 == len(sections[source].phrases or ())
                stop = end if is_last else begin + round(4 * phrase.beats)
                phrases.append(_returned(phrase, first + place, stop - begin, len(grid.slots(begin, stop))))
        else:
            cuts = draw(st.sets(st.integers(start + 1, end - 1), max_size=2)) if end - start > 1 else set()
            borders = [start, *sorted(cuts), end]
            phrases = []
            for begin, stop in itertools.pairwise(borders):
                phrases.append(
                    draw(_phrases(plan.key, (stop - begin), len(grid.slots(begin, stop)), count + len(phrases)))
                )
        count += len(phrases)
        sections[number] = sections[number].model_copy(update={"phrases": tuple(phrases)})
    return plan.model_copy(update={"sections": tuple(sections)})


def _returned(phrase: Phrase, source: int, frames: int, num_slots: int) -> Phrase:
    """The phrase again. The last one is longer by the pickup, and a bar that is no whole beats is cut elsewhere."""
    harmony = phrase.harmony or ()
    update = {
        "beats": frames / 4,
        "harmony": (*harmony, *harmony[-1:] * num_slots)[:num_slots],
        "motif": Motif(relation="exact", source=source),
    }
    return phrase.model_copy(update=update)


@st.composite
def _phrases(draw: st.DrawFn, home: Key, frames: int, num_slots: int, number: int) -> Phrase:
    relation = draw(st.sampled_from(["new", "exact", "transposed", "varied"])) if number else "new"
    source = draw(st.integers(0, number - 1)) if relation != "new" else None
    semitones = draw(st.integers(-11, 11)) if relation in ("transposed", "varied") else 0
    fermata = draw(st.none() | st.integers(max(0, frames - 64), frames - 1))
    return Phrase(
        beats=frames / 4,
        key=draw(_keys(home)),
        cadence=draw(st.sampled_from(get_args(Cadence))),
        fermata_beats=None if fermata is None else fermata / 4,
        harmony=tuple(draw(st.lists(_chords(), min_size=num_slots, max_size=num_slots))),
        motif=Motif(relation=relation, source=source, semitones=semitones),
    )
