"""The bar-based scheme: a page by hand, its grammar, its grid, and what a model is told of places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.midi import format_midi, parse_midi
from ritornello.scores.score import ChordSymbol, IntArray, KeySignature, Metre, Notes, Part, Score, Tempo
from ritornello.tokenizers.bars import BarsTokenizer, EvenBarsTokenizer, quantize
from ritornello.tokenizers.bars_changes import transposed
from ritornello.tokenizers.bars_words import BAR, DURATION, DURATIONS, FAMILY_V, PART, PITCH, PROGRAM, VELOCITY
from ritornello.tokenizers.base import Tokens
from tests.tokenizers.bars import scores_in_bars

TOKENIZER = BarsTokenizer()
NAMES = TOKENIZER.vocabulary.names

PAGE = Score(
    480,
    (
        Part("Violin", Notes.of([(0, 480, 67, 90), (480, 720, 71, 90), (1200, 240, 69, 110),
                                 (1920, 160, 74, 90), (2080, 160, 72, 90), (2240, 160, 71, 90)]), 40),
        Part("Cello", Notes.of([(480, 2880, 43, 90)]), 42),
    ),
    (Metre(0, 3, 4),),
    (KeySignature(0, 1, "major"),),
    (Tempo(0, 92.0),),
    pickup_ticks=480,
    chords=(ChordSymbol(480, 7, "major"),),
)  # fmt: skip
"""An upbeat and two bars of 3/4; the cello's note lasts both."""
PAGE_TEXT = """
BOS PROGRAM_40 PROGRAM_42
BAR_3/4 LENGTH_8 KEY_1_major POSITION_0 TEMPO_93 PART_0 PITCH_67 DURATION_24
BAR_3/4 POSITION_0 CHORD_7_major PART_0 PITCH_71 DURATION_36 PART_1 PITCH_43 DURATION_144
        POSITION_36 PART_0 VELOCITY_13 PITCH_69 DURATION_12
BAR_3/4 POSITION_0 PART_0 VELOCITY_11 PITCH_74 DURATION_8 POSITION_8 PART_0 PITCH_72 DURATION_8
        POSITION_16 PART_0 PITCH_71 DURATION_8
END
"""


def _ids(text: str) -> Tokens:
    return TOKENIZER.vocabulary.tokens(text.split())


def _names(score: Score, tokenizer: BarsTokenizer = TOKENIZER) -> list[str]:
    return [NAMES[token] for token in tokenizer.encode(score).ids]


def _score(*rows: tuple[int, int, int, int], metres: str = "4/4", **facts: object) -> Score:
    """One part at 24 ticks a quarter note; metres such as ``0:4/4 96:3/4``."""
    table = [text.split(":") if ":" in text else ("0", text) for text in metres.split()]
    signatures = tuple(Metre(int(onset), *map(int, metre.split("/"))) for onset, metre in table)
    return Score(24, (Part("", Notes.of(list(rows))),), signatures, **facts)  # type: ignore[arg-type]


def test_a_page_by_hand() -> None:
    assert _names(PAGE) == PAGE_TEXT.split()
    decoded = TOKENIZER.decode(TOKENIZER.encode(PAGE))
    assert [part.notes.rows().__next__()[:3] for part in decoded.parts] == [(0, 480, 67), (480, 2880, 43)]
    assert [part.program for part in decoded.parts] == [40, 42]
    assert (decoded.pickup_ticks, decoded.closing_ticks) == (480, 3360)
    assert decoded.bars() == [(0, 480), (480, 1920), (1920, 3360)]
    assert (decoded.keys, decoded.tempos, decoded.chords) == (PAGE.keys, (Tempo(0, 93.0),), PAGE.chords)


def test_without_dynamics_no_velocity_is_written() -> None:
    even = [name for name in PAGE_TEXT.split() if not name.startswith("VELOCITY")]
    assert _names(PAGE, EvenBarsTokenizer()) == even
    plain = _score((0, 24, 60, 90), (24, 24, 62, 96), (48, 24, 64, 89))
    assert not any(name.startswith("VELOCITY") for name in _names(plain))


def test_bars_that_are_not_whole() -> None:
    """A repeat divides a bar: two quarters of 4/4, then 4/4 begins again."""
    divided = _score((0, 24, 60, 90), (48, 96, 62, 90), (144, 48, 64, 90), metres="0:4/4 48:4/4", closing_ticks=192)
    assert [name for name in _names(divided) if name.startswith(("BAR", "LENGTH"))] == [
        "BAR_4/4", "LENGTH_16", "BAR_4/4", "BAR_4/4", "LENGTH_16",
    ]  # fmt: skip
    assert quantize(divided).bars() == [(0, 960), (960, 2880), (2880, 3840)]


@pytest.mark.parametrize(
    ("metres", "said"),
    [
        ("12/4", "BAR_6/2"),
        ("8/8", "BAR_4/4"),
        ("18/16", "BAR_9/8"),
        ("7/16", "BAR_4/8 LENGTH_14"),  # 14 32nds; of the next longer metres, 2/4 and 4/8, the one more alike
        ("52/4", " ".join(["BAR_4/4"] * 13)),
    ],
)
def test_metres_that_are_no_token_become_others(metres: str, said: str) -> None:
    score = _score((0, Metre(0, *map(int, metres.split("/"))).bar_ticks(24), 60, 90), metres=metres)
    score = Score(24, score.parts, score.metres, closing_ticks=score.end_ticks)
    assert [name for name in _names(score) if name.startswith(("BAR", "LENGTH"))] == said.split()


def test_the_last_bar_is_filled_up_unless_the_score_says_where_it_ends() -> None:
    assert quantize(_score((0, 12, 60, 90))).bars() == [(0, 1920)]
    assert quantize(_score((0, 12, 60, 90), closing_ticks=48)).bars() == [(0, 960)]
    assert quantize(_score((0, 60, 60, 90), closing_ticks=48)).bars() == [(0, 1920)]  # the note sounds beyond it
    assert quantize(_score()).bars() == [(0, 1920)]
    assert quantize(_score((72, 30, 60, 90))).bars() == [(0, 1920)]  # a 16th, no more, is held over the barline
    assert quantize(_score((72, 31, 60, 90))).bars() == [(0, 1920), (1920, 3840)]
    held = _score((24, 30, 60, 90), metres="0:4/4 48:3/4")
    assert quantize(held).bars() == [(0, 960)]  # the half bar stays one


def test_a_pickup_longer_than_a_bar_holds_whole_bars() -> None:
    assert quantize(_score((0, 72, 60, 90), metres="2/4", pickup_ticks=60)).bars() == [
        (0, 240),
        (240, 1200),
        (1200, 2160),
    ]


def test_times_go_to_the_nearest_step_and_lengths_to_the_nearest_that_there_is() -> None:
    notes = Notes.of([(19, 200, 60, 90), (21, 260, 62, 90), (10, 5, 64, 90)])  # 480 a quarter note: 20 ticks a step
    decoded = quantize(Score(480, (Part("", notes),)))
    assert [row[:3] for row in decoded.parts[0].notes.rows()] == [(0, 20, 64), (20, 200, 60), (20, 240, 62)]
    assert 13 not in DURATIONS
    assert [d for d in DURATIONS if 10 < d < 15] == [12, 14]  # 13 steps: the shorter of the two


def test_notes_that_cannot_all_be_are_one_or_cut() -> None:
    twice = _score((0, 12, 60, 50), (0, 24, 60, 90), (24, 24, 62, 90))
    assert [row[1:] for row in quantize(twice).parts[0].notes.rows()] == [(480, 60, 92), (480, 62, 92)]
    overlapping = _score((0, 48, 60, 90), (13, 24, 60, 90))  # 13 steps are free: 12 is the longest that fits
    assert [row[:2] for row in quantize(overlapping).parts[0].notes.rows()] == [(0, 240), (260, 480)]
    beyond = _ids("BOS PROGRAM_0 BAR_2/4 POSITION_25 PART_0 PITCH_60 DURATION_768 END")
    assert [row[:2] for row in TOKENIZER.decode(beyond).parts[0].notes.rows()] == [(500, 420)]  # 23 are left: 21


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (Score(24, tuple(Part("", Notes.of([])) for _ in range(17))), "17 parts"),
        (Score(24, ()), "0 parts"),
        (_score((0, 24 * 200_001, 60, 90)), "too large"),
        (_score((0, 24 * 20_001, 60, 90), metres="1/4"), "20,001 bars"),
        (_score((0, 24, 60, 90), chords=(ChordSymbol(0, 3, "odd"),)), "chord symbol"),
    ],
)
def test_what_cannot_be_written_is_one_line(score: Score, word: str) -> None:
    with pytest.raises(UserError, match=word):
        TOKENIZER.encode(score)


def test_what_cannot_be_read_is_one_line() -> None:
    page = TOKENIZER.encode(PAGE)
    for ids, word in (
        (page.ids + 1000, "no token"),
        (page.ids[page.ids != BAR + 6], "outside a bar"),
        (page.ids[(page.ids < PROGRAM) | (page.ids >= BAR)], "outside a bar or a part"),
        (np.append([1, 3], np.full(limits.MAX_BARS + 1, BAR)), "20,001 bars"),
    ):
        with pytest.raises(UserError, match=word):
            TOKENIZER.decode(Tokens(ids, page.vocabulary_hash))
    with pytest.raises(UserError, match="another vocabulary"):
        TOKENIZER.decode(Tokens(page.ids, "other"))


def test_what_is_written_survives_a_midi_file() -> None:
    """But for chord symbols, which MIDI has no place for."""
    bars = _score((0, 24, 60, 90), (48, 96, 62, 90), (144, 48, 64, 90), metres="0:4/4 48:4/4 144:3/4", pickup_ticks=24)
    for score in (quantize(PAGE), quantize(bars)):
        kept = [name for name in _names(score) if not name.startswith("CHORD")]
        assert _names(parse_midi(format_midi(score))) == kept


def _drawn(seed: int, length: int) -> IntArray:
    """A finished piece drawn from the grammar, families alike likely, so that notes are met."""
    random, cursor, ids = np.random.default_rng(seed), TOKENIZER.cursor(), []
    while True:
        open_ids = np.flatnonzero(cursor.mask())
        if len(ids) >= length and 2 in open_ids:
            open_ids = np.array([2])
        elif len(open_ids) > 1:
            open_ids = open_ids[open_ids != 2]
        families = np.unique(FAMILY_V[open_ids])
        ids.append(int(random.choice(open_ids[FAMILY_V[open_ids] == random.choice(families)])))
        cursor.feed(ids[-1])
        if ids[-1] == 2:
            return np.array(ids)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300))
def test_what_the_grammar_allows_is_music_with_the_bars_that_it_states(seed: int, length: int) -> None:
    ids = _drawn(seed, length)
    tokens = Tokens(ids, TOKENIZER.vocabulary.hash)
    score = TOKENIZER.decode(tokens)
    assert len(score.bars()) == np.count_nonzero(TOKENIZER.begins_bar_V[ids])
    assert score.num_notes == np.count_nonzero(FAMILY_V[ids] == PITCH)
    again = TOKENIZER.encode(score)
    places = TOKENIZER.places(ids)
    struck = np.flatnonzero(FAMILY_V[ids] == PITCH)
    ends = places[struck, 1] + np.array(DURATIONS)[ids[struck + 1] - DURATION]
    cut = struck[ends > places[-1, 1]] + 1
    assert len(again) == len(ids)
    assert np.flatnonzero(again.ids != ids).tolist() == cut.tolist()  # nothing else has a second way to be written
    assert TOKENIZER.decode(again) == score


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_places_are_those_of_the_cursor(seed: int) -> None:
    ids = _drawn(seed, 150)
    cursor, expected = TOKENIZER.cursor(), []
    for token in ids.tolist():
        cursor.feed(token)
        part = cursor.num_parts - 1 if FAMILY_V[token] == PROGRAM else cursor.part
        step = cursor.bar_start_steps + cursor.bar_steps if token == 2 else cursor.now_steps
        expected.append((cursor.bar, step, -1 if token == 2 else part))
    assert TOKENIZER.places(ids).tolist() == [list(place) for place in expected]
    cut = len(ids) // 2
    if NAMES[ids[cut]].startswith("LENGTH"):
        cut += 1
    assert np.array_equal(TOKENIZER.places(ids[:cut]), TOKENIZER.places(ids)[:cut])


def test_places_by_hand() -> None:
    ids = TOKENIZER.encode(PAGE).ids
    said = {(NAMES[token], *place) for token, place in zip(ids, TOKENIZER.places(ids).tolist(), strict=True)}
    assert {
        ("BOS", -1, 0, -1), ("PROGRAM_42", -1, 0, 1), ("LENGTH_8", 0, 0, -1), ("PITCH_67", 0, 0, 0),
        ("CHORD_7_major", 1, 24, -1), ("PITCH_43", 1, 24, 1), ("PITCH_69", 1, 60, 0), ("DURATION_12", 1, 60, 0),
        ("POSITION_16", 2, 112, -1), ("END", 2, 168, -1),
    } <= said  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(scores_in_bars(), st.integers(-12, 12))
def test_transposing_tokens_is_transposing_music(score: Score, semitones: int) -> None:
    ids = TOKENIZER.encode(score).ids
    moved = TOKENIZER.transposed(semitones)[ids]
    before = quantize(score)
    pitches = np.concatenate([part.notes.pitch for part in before.parts]) + semitones
    assert (moved >= 0).all() == bool(((pitches >= 0) & (pitches < 128)).all())
    if (moved < 0).any():
        assert transposed(ids, semitones) is None
        return
    after = TOKENIZER.decode(Tokens(moved, TOKENIZER.vocabulary.hash))
    for old, new in zip(before.parts, after.parts, strict=True):
        assert np.array_equal(old.notes.pitch + semitones, new.notes.pitch)
        assert np.array_equal(old.notes.onset_ticks, new.notes.onset_ticks)
    assert [c.root for c in after.chords] == [
        None if c.root is None else (c.root + semitones) % 12 for c in before.chords
    ]
    for bar, mode in {(key.onset_ticks, key.mode) for key in before.keys}:
        old, new = (next(k.fifths for k in s.keys if (k.onset_ticks, k.mode) == (bar, mode)) for s in (before, after))
        assert (new - old - 7 * semitones) % 12 == 0
        assert semitones == 0 or abs(new) <= 6


def test_a_piece_for_the_piano_stays_on_it() -> None:
    ids = TOKENIZER.encode(_score((0, 24, 22, 90), (0, 24, 100, 90))).ids
    assert transposed(ids, -1) is not None
    assert transposed(ids, -2) is None


def test_a_cursor_can_go_two_ways() -> None:
    cursor = TOKENIZER.cursor()
    for token in _ids("BOS PROGRAM_0 BAR_4/4 POSITION_0 PART_0 PITCH_60 DURATION_24").ids:
        cursor.feed(token)
    other = cursor.copy()
    for token in _ids("PITCH_64 DURATION_24 POSITION_12").ids:
        other.feed(token)
    assert (cursor.position_steps, other.position_steps) == (0, 12)
    assert (cursor.num_notes, other.num_notes) == (1, 2)
    assert not other.mask()[PITCH:DURATION].any()
    other.feed(TOKENIZER.vocabulary.ids["PART_0"])
    silent = other.mask()[PITCH:DURATION]
    assert (silent[60], silent[61], silent[64]) == (False, True, False)  # 60 and 64 still sound
    assert other.mask()[VELOCITY:PITCH].sum() == 15
    assert not other.mask()[PART:VELOCITY].any()
