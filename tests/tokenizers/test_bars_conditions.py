"""What a plan says of every token in bars: the same at once and token by token, sources earlier, copies exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.key import Key
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.scores.score import IntArray, Metre, Notes, Part, Score
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.bars_conditions import (
    CHANNELS,
    CONDITION_SIZES,
    NO_SOURCE,
    PLACE_CHANNELS,
    Follower,
    Guide,
)
from ritornello.tokenizers.bars_words import END, transposition
from ritornello.tokenizers.chorale_conditions import transposed_channels
from tests.contracts.plans import complete_plans, structures
from tests.tokenizers.bars import scores_in_bars

BAR_TICKS, NUM_BARS = 16, 4
plans = st.one_of(structures(), complete_plans())
rows = st.tuples(st.integers(0, BAR_TICKS * NUM_BARS - 1), st.integers(1, 12), st.integers(48, 72), st.just(89))


@st.composite
def passages(draw: st.DrawFn) -> Score:
    """Four bars of 4/4 in sixteenths for one or two parts, no note longer than to the end of the last."""
    parts = draw(st.lists(st.lists(rows, min_size=1, max_size=12), min_size=1, max_size=2))
    cut = [[(on, min(length, BAR_TICKS * NUM_BARS - on), *rest) for on, length, *rest in part] for part in parts]
    named = tuple(Part(f"part {n}", Notes.of(part)) for n, part in enumerate(cut))
    return Score(4, named, (Metre(0, 4, 4),), closing_ticks=BAR_TICKS * NUM_BARS)


def conditions_of(score: Score, plan: Plan) -> tuple[IntArray, IntArray, IntArray]:
    tokenizer = EvenBarsTokenizer()
    ids = tokenizer.encode(score).ids
    return ids, *Guide(plan).conditions(ids, tokenizer.places(ids))


def said_twice(passage: Score, semitones: int) -> Score:
    """The passage, and then again so much higher."""
    parts = list[Part]()
    for part in passage.parts:
        rows = list(part.notes.rows())
        again = [(on + BAR_TICKS * NUM_BARS, length, pitch + semitones, loud) for on, length, pitch, loud in rows]
        parts.append(replace(part, notes=Notes.of([*rows, *again])))
    return replace(passage, parts=tuple(parts), closing_ticks=2 * BAR_TICKS * NUM_BARS)


def plan_said_twice(semitones: int) -> Plan:
    key = Key.from_pitch_class(0, "major")
    first = Phrase(beats=4.0 * NUM_BARS, key=key, motif=Motif(relation="new"))
    motif = Motif(relation="transposed", source=0, semitones=semitones)
    again = first.model_copy(update={"motif": motif})
    sections = tuple(
        Section(label=label, bars=NUM_BARS, key=key, phrases=(phrase,))
        for label, phrase in (("A", first), ("A'", again))
    )
    return Plan(key=key, metre="4/4", pickup_beats=0, sections=sections)


def moved_plan(plan: Plan, semitones: int) -> Plan:
    """The same plan in another key."""

    def moved(key: Key | None) -> Key | None:
        return None if key is None else Key.from_pitch_class((key.tonic_pitch_class + semitones) % 12, key.mode)

    sections = tuple(
        section.model_copy(
            update={
                "key": moved(section.key),
                "phrases": None
                if section.phrases is None
                else tuple(phrase.model_copy(update={"key": moved(phrase.key)}) for phrase in section.phrases),
            }
        )
        for section in plan.sections or ()
    )
    return plan.model_copy(update={"key": moved(plan.key), "sections": sections})


@settings(max_examples=60, deadline=None)
@given(score=st.one_of(scores_in_bars(), passages()), plan=plans)
def test_token_by_token_the_same_is_said_as_of_the_whole(score: Score, plan: Plan) -> None:
    """Of every token but END, after which nothing comes; a copy goes on by itself."""
    ids, channels, source = conditions_of(score, plan)
    cursor, follower = EvenBarsTokenizer().cursor(), Follower(Guide(plan))
    for t, token in enumerate(ids[:-1].tolist()):
        cursor.feed(token)
        before = follower.copy()
        row = follower.feed(token, cursor)
        assert row.channels_C.tolist() == channels[t].tolist(), t
        assert row.source == source[t], t
        again = before.feed(token, cursor)
        assert (again.channels_C.tolist(), again.source) == (row.channels_C.tolist(), row.source)
    assert ids[-1] == END
    assert not channels[-1].any()
    assert source[-1] == NO_SOURCE


@settings(max_examples=60, deadline=None)
@given(score=st.one_of(scores_in_bars(), passages()), plan=plans, data=st.data())
def test_channels_are_in_range_sources_earlier_and_nothing_to_come_is_looked_at(
    score: Score, plan: Plan, data: st.DataObject
) -> None:
    ids, channels, source = conditions_of(score, plan)
    assert channels.shape == (len(ids), len(CHANNELS))
    assert (channels >= 0).all()
    assert (channels < np.array(CONDITION_SIZES)).all()
    assert (source >= NO_SOURCE).all()
    assert (source <= np.arange(len(ids))).all()  # row t speaks of token t + 1
    cut = data.draw(st.integers(1, len(ids)))
    tokenizer = EvenBarsTokenizer()
    cut_channels, cut_source = Guide(plan).conditions(ids[:cut], tokenizer.places(ids)[:cut])
    assert np.array_equal(cut_channels, channels[:cut])
    assert np.array_equal(cut_source, source[:cut])


@settings(max_examples=80, deadline=None)
@given(passage=passages(), semitones=st.integers(-11, 11))
def test_copying_the_source_moved_by_the_shift_writes_an_exact_return(passage: Score, semitones: int) -> None:
    """Token by token: every token after the barline that opens the return is that of its source, moved."""
    ids, channels, source = conditions_of(said_twice(passage, semitones), plan_said_twice(semitones))
    steps = EvenBarsTokenizer().places(ids)[:, 1]
    first = int(np.flatnonzero(steps >= 24 * 4 * NUM_BARS)[0])
    table, copied = transposition(semitones), 0
    for t in range(first, len(ids) - 2):
        assert source[t] >= 0
        assert table[ids[source[t]]] == ids[t + 1], t
        copied += 1
    assert copied >= 3
    assert (source[:first] == NO_SOURCE).all()
    shift = channels[first : len(ids) - 1, list(CHANNELS).index("shift")]
    assert (shift == 12 + semitones).all()


@settings(max_examples=40, deadline=None)
@given(passage=passages(), plan=plans, semitones=st.integers(-6, 6))
def test_transposition_commutes(passage: Score, plan: Plan, semitones: int) -> None:
    """What is said of the piece in another key is what was said, moved; its sources are the same."""
    ids, channels, source = conditions_of(passage, plan)
    tables = transposed_channels(CHANNELS, semitones)
    expected = np.stack([table[channels[:, c]] for c, table in enumerate(tables)], axis=1)
    moved_ids = transposition(semitones)[ids]
    places = EvenBarsTokenizer().places(ids)
    moved_channels, moved_source = Guide(moved_plan(plan, semitones)).conditions(moved_ids, places)
    assert np.array_equal(moved_channels, expected)
    assert np.array_equal(moved_source, source)


@pytest.mark.parametrize("semitones", [-7, 0, 12])
def test_every_channel_has_a_table_of_its_size(semitones: int) -> None:
    tables = transposed_channels(CHANNELS, semitones)
    assert [len(table) for table in tables] == list(CONDITION_SIZES)
    assert all(table[0] == 0 and sorted(table.tolist()) == list(range(len(table))) for table in tables)


def test_places_are_told_without_a_plan_s_word() -> None:
    """Worked by hand: a note on the second sixteenth and one on the third beat of the second bar."""
    notes = Notes.of([(1, 1, 60, 89), (16 + 8, 4, 62, 89)])
    score = Score(4, (Part("part", notes),), (Metre(0, 4, 4),), closing_ticks=32)
    ids, channels, _ = conditions_of(score, Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=2),)))
    names = [EvenBarsTokenizer.vocabulary.names[token] for token in ids]
    place = {name: channels[t, : len(PLACE_CHANNELS)].tolist() for t, name in enumerate(names)}
    assert place["BOS"] == [0, 0, 0]
    assert place["POSITION_6"] == [1 + 1, 1, 1]
    assert place["PITCH_60"] == [1 + 1, 1, 2]
    assert place["POSITION_48"] == [1 + 8, 1, 1]
    assert place["PITCH_62"] == [1 + 8, 1, 2]
