"""What the plans of songs and of longer Bach promise whatever the models say: here they say nothing sensible."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.form.grid import phrase_slots
from ritornello.form.key import Key
from ritornello.form.plan import Plan, Section
from ritornello.form.shorthand import format_form, parse_form
from ritornello.form.style import Style
from ritornello.form.usual import tempo_of
from ritornello.generation.completion import complete_phrases, complete_structure
from ritornello.generation.compose import check
from ritornello.generation.long_forms import BACH_SECONDS, FIRST_PART_SECONDS, MOST_BARS, SONG_SECONDS
from ritornello.generation.plan_rules import FINAL_CADENCES
from tests.generation.mock_levels import mock_levels


def _structure(style: Style, seed: int, form: str | None = None, **fields: object) -> Plan:
    sections = None if form is None else parse_form(form)
    asked = Plan(style=style, sections=sections, **fields)  # type: ignore[arg-type]
    return complete_structure(asked, mock_levels(3.0, style).structure, np.random.default_rng(seed))


def _complete(plan: Plan, seed: int = 1) -> Plan:
    return complete_phrases(plan, mock_levels(1.0, plan.style).phrases, np.random.default_rng(seed))


def _seconds(plan: Plan, sections: tuple[Section, ...]) -> float:
    return sum(section.bars for section in sections) * plan.bar_beats * 60 / tempo_of(plan)


@pytest.mark.parametrize("seed", range(12))
def test_bach_is_closed_by_its_first_part(seed: int) -> None:
    plan = _structure("bach", seed)
    sections = plan.sections or ()
    assert _seconds(plan, sections) >= BACH_SECONDS
    part = next(k for k in range(1, len(sections)) if sections[-k:] == sections[:k])  # the same labels, bars and keys
    while part < len(sections) // 2 and sections[-part - 1 :] == sections[: part + 1]:
        part += 1
    assert _seconds(plan, sections[:part]) >= FIRST_PART_SECONDS
    assert sections[-1].key == plan.key
    assert sections[part].letter not in {section.letter for section in sections[:part]}
    assert _seconds(plan, sections) <= BACH_SECONDS + 60  # no more than one section too much


@pytest.mark.parametrize("seed", range(12))
def test_a_song_is_whole(seed: int) -> None:
    plan = _structure("song", seed)
    sections = plan.sections or ()
    assert SONG_SECONDS <= _seconds(plan, sections) <= 450
    letters = [section.letter for section in sections]
    assert len(set(letters)) < len(letters)
    assert sections[-1].key == plan.key


@pytest.mark.parametrize("style", ["song", "bach"])
def test_what_is_stated_of_a_free_form_counts(style: Style) -> None:
    """At 300 to the minute a piece of three minutes in 3/8 would be 600 bars, more than a plan can be."""
    for fields in (
        {"metre": "3/8", "tempo_bpm": 200.0},
        {"metre": "6/2", "tempo_bpm": 40.0, "pickup_beats": 1.0},
        {"metre": "3/8", "tempo_bpm": 300.0},
    ):
        plan = _structure(style, 3, key=Key.parse("e- minor"), **fields)
        assert all(getattr(plan, name) == value for name, value in fields.items())
        assert plan.key == Key.parse("e- minor")
        sections = plan.sections or ()
        assert _seconds(plan, sections) >= SONG_SECONDS or sum(section.bars for section in sections) >= MOST_BARS
        check(plan)


@pytest.mark.parametrize("style", ["song", "bach"])
def test_a_form_that_is_stated_is_kept(style: Style) -> None:
    form = "i4 A4 B4 B8 A4 B'8 o4" if style == "song" else "A16 B8 A'16 C24 A16"
    form = form.replace("B8 A4", "C8 A4")
    plan = _structure(style, 5, form, metre="4/4")
    assert format_form(plan.sections or ()) == form
    assert (plan.sections or ())[-1].key == plan.key


@pytest.mark.parametrize("style", ["song", "bach"])
def test_a_section_is_one_phrase_with_a_chord_for_every_beat(style: Style) -> None:
    made = _complete(_structure(style, 2, "A4 B8 A4 A'4 C3", metre="6/8", pickup_beats=0.5))
    sections = made.sections or ()
    assert [len(section.phrases or ()) for section in sections] == [1] * 5
    for phrase, slots in zip(made.phrases, phrase_slots(made), strict=True):
        assert len(phrase.harmony or ()) == len(slots)
        assert phrase.beats - (phrase.fermata_beats or 0) <= 2 * made.bar_beats + 0.5
    assert [phrase.motif.relation for phrase in made.phrases if phrase.motif] == [
        *("new", "new", "exact"),
        "varied" if sections[3].key in {sections[0].key, _other_mode(sections[0])} else "transposed",
        "new",
    ]
    assert made.phrases[3].motif is not None
    assert made.phrases[3].motif.source == 0
    assert made.phrases[-1].cadence in FINAL_CADENCES
    assert made.phrases[-1].key == made.key


def _other_mode(section: Section) -> Key | None:
    key = section.key
    return key and Key.from_pitch_class(key.tonic_pitch_class, "minor" if key.mode == "major" else "major")


def test_a_theme_that_is_moved_keeps_its_harmony() -> None:
    """A' ends in another key of the same mode: its chords, relative to that, are those of A up to the cadence."""
    home, other = Key.parse("C major"), Key.parse("G major")
    sections = (
        Section(label="A", bars=8, key=home),
        Section(label="A'", bars=8, key=other),
        Section(label="B", bars=4, key=home),
    )
    made = _complete(_structure_of(Plan(style="bach", key=home, metre="3/4", pickup_beats=0, sections=sections)))
    first, moved = made.phrases[:2]
    assert moved.motif is not None
    assert (moved.motif.relation, moved.motif.source, moved.motif.semitones) == ("transposed", 0, -5)
    assert moved.harmony is not None
    assert first.harmony is not None
    kept = round(moved.fermata_beats or 0) - 1
    assert kept >= 16
    assert moved.harmony[:kept] == first.harmony[:kept]


def _structure_of(plan: Plan) -> Plan:
    return complete_structure(plan, mock_levels(1.0, plan.style).structure, np.random.default_rng(1))


def test_a_section_longer_than_a_phrase_has_several() -> None:
    made = _complete(_structure("bach", 1, "A150 B4", metre="4/4", pickup_beats=1))
    assert [phrase.beats for phrase in made.phrases] == [200, 200, 200, 17]


def test_the_usual_tempi_are_those_of_the_corpora() -> None:
    assert [tempo_of(Plan(style=style)) for style in ("chorale", "song", "bach")] == [80, 74, 80]
    assert tempo_of(Plan(style="song", tempo_bpm=66)) == 66
