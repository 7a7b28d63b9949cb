"""A long piece at its levels: what each holds, moved to another key, and what is left of it without a plan."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.data.form_levels import NOTES, encode_form, form_facts
from ritornello.data.levels import Encoded
from ritornello.data.rows import NO_SOURCE, Row, collate, truncated
from ritornello.data.schemes import SCHEMES
from ritornello.data.transposition import BarsTransposer
from ritornello.errors import UserError
from ritornello.scores.score import KeySignature, Metre, Notes, Part, Score
from ritornello.tokenizers.bars import EvenBarsTokenizer
from ritornello.tokenizers.bars_conditions import CHANNELS, CONDITION_SIZES, PLACE_CHANNELS
from ritornello.tokenizers.bars_words import DURATION, PITCH
from ritornello.tokenizers.base import Tokens

BARS = 16
MELODY = (0, 2, 4, 5, 7, 5, 4, 2)


def song(lowest: int = 60) -> Score:
    """A tune over a bass in 4/4: eight bars, and the same eight bars again."""
    tune = [(2 * n, 2, lowest + MELODY[(n + n % 64 // 16) % 8], 80) for n in range(8 * BARS)]
    bass = [(16 * n, 16, lowest - 12 + (0, 5, 7, 0)[n % 4], 70) for n in range(BARS)]
    parts = (Part("melody", Notes.of(tune)), Part("bass", Notes.of(bass), 32))
    return Score(4, parts, (Metre(0, 4, 4),), (KeySignature(0, 0, "major"),), closing_ticks=16 * BARS)


def row_of(encoded: Encoded) -> Row:
    assert encoded.conditions is not None
    assert encoded.source is not None
    columns = (encoded.conditions.astype(np.int64), encoded.source.astype(np.int64))
    ids = encoded.ids.astype(np.int64)
    return Row(ids, np.ones(len(ids), dtype=bool), *columns, place_channels=len(PLACE_CHANNELS))


@pytest.mark.parametrize("with_phrases", [True, False])
def test_the_levels_are_those_of_the_facts_and_fit_them(with_phrases: bool) -> None:
    levels, facts = (call(with_phrases=with_phrases) for call in (lambda **k: encode_form(song(), **k), form_facts))
    assert list(levels) == list(facts) == (["structure", "phrases", NOTES] if with_phrases else [NOTES])
    for name, encoded in levels.items():
        assert int(encoded.ids.max()) < facts[name]["vocabulary_size"]
        assert encoded.conditions is not None
        assert encoded.conditions.shape == (len(encoded.ids), len(facts[name]["condition_sizes"]))
        assert (encoded.conditions >= 0).all()
        assert (encoded.conditions < np.array(facts[name]["condition_sizes"])).all()


def test_the_notes_are_the_piece_and_hear_its_return() -> None:
    score, tokenizer = song(), EvenBarsTokenizer()
    notes = encode_form(score, with_phrases=True)[NOTES]
    assert notes.ids.tolist() == tokenizer.encode(score).ids.tolist()
    decoded = tokenizer.decode(Tokens(notes.ids.astype(np.int64), tokenizer.vocabulary.hash))
    assert [len(part.notes) for part in decoded.parts] == [8 * BARS, BARS]
    assert notes.source is not None
    assert (notes.source < np.arange(1, len(notes.ids) + 1)).all()
    assert (notes.source != NO_SOURCE).any()


def test_without_phrases_only_the_structure_is_told() -> None:
    """No harmony; sections are numbered as before."""
    with_phrases, without = (encode_form(song(), with_phrases=w)[NOTES].conditions for w in (True, False))
    assert with_phrases is not None
    assert without is not None
    columns = list(CHANNELS)
    assert with_phrases[:, columns.index("root")].any()
    assert not without[:, columns.index("root")].any()
    for name in (*PLACE_CHANNELS, "section_number"):
        assert np.array_equal(with_phrases[:, columns.index(name)], without[:, columns.index(name)])


def test_schemes_know_both_forms() -> None:
    for scheme, with_phrases in (("form", True), ("form_structure", False)):
        assert SCHEMES[scheme].facts() == form_facts(with_phrases=with_phrases)
        assert list(SCHEMES[scheme].encode(song())) == list(SCHEMES[scheme].facts())


def test_a_piece_without_notes_is_refused() -> None:
    with pytest.raises(UserError, match="has no notes"):
        encode_form(Score(4, (Part("melody", Notes.of([])),), (Metre(0, 4, 4),)), with_phrases=True)


@pytest.mark.parametrize("semitones", [-5, 3, 6])
def test_a_moved_row_is_the_row_of_the_moved_piece_in_what_it_says_of_pitch(semitones: int) -> None:
    transposer = BarsTransposer(-5, 6)
    row, columns = row_of(encode_form(song(), with_phrases=True)[NOTES]), list(CHANNELS)
    moved = transposer.move(row, semitones)
    is_pitch = (row.ids >= PITCH) & (row.ids < DURATION)
    assert np.array_equal(moved.ids[is_pitch], row.ids[is_pitch] + semitones)
    assert moved.conditions is not None
    assert row.conditions is not None
    for name in ("root", "tonic", "bass"):
        before, after = (conditions[:, columns.index(name)] for conditions in (row.conditions, moved.conditions))
        assert np.array_equal(after > 0, before > 0)
        assert ((after - before)[before > 0] % 12 == semitones % 12).all()
    for name in (*PLACE_CHANNELS, "section_number", "shift", "quality"):
        assert np.array_equal(moved.conditions[:, columns.index(name)], row.conditions[:, columns.index(name)])
    assert moved.source is row.source
    assert moved.place_channels == row.place_channels
    back = BarsTransposer(-6, 6).move(moved, -semitones)
    assert np.array_equal(back.ids[is_pitch], row.ids[is_pitch])
    assert back.conditions is not None
    assert np.array_equal(back.conditions, row.conditions)


def test_no_move_is_the_row_itself() -> None:
    row = row_of(encode_form(song(), with_phrases=False)[NOTES])
    assert BarsTransposer(-2, 2).move(row, 0) is row


def test_choices_stay_on_the_piano() -> None:
    """The bass of the lower song, 48 - 25 = 23 and 12 semitones above it, may fall by two: the lowest key is 21."""
    ids = [EvenBarsTokenizer().encode(song(lowest)).ids for lowest in (60, 35)]
    free, low = BarsTransposer(-5, 6).choices(ids)
    assert free.tolist() == list(range(-5, 7))
    assert low.tolist() == list(range(-2, 7))
    far = BarsTransposer(60, 70).choices(ids[:1])
    assert far[0].tolist() == [0]  # where nothing fits the piece stays


def test_without_a_plan_the_place_is_still_known() -> None:
    row = row_of(encode_form(song(), with_phrases=True)[NOTES])
    alone, place = row.without_plan(), len(PLACE_CHANNELS)
    assert alone.conditions is not None
    assert row.conditions is not None
    assert alone.source is not None
    assert np.array_equal(alone.conditions[:, :place], row.conditions[:, :place])
    assert row.conditions[:, :place].any()
    assert not alone.conditions[:, place:].any()
    assert (alone.source == NO_SOURCE).all()
    assert np.array_equal(alone.ids, row.ids)
    assert alone.place_channels == place


def test_cutting_and_collating_keep_the_number_of_place_channels() -> None:
    row = row_of(encode_form(song(), with_phrases=False)[NOTES])
    short = truncated(row, 20)
    assert short.conditions is not None
    assert short.conditions.shape == (20, len(CONDITION_SIZES))
    assert short.place_channels == len(PLACE_CHANNELS)
    assert collate([row, short]).place_channels == len(PLACE_CHANNELS)
    plain = Row(row.ids, row.scored)
    assert plain.without_plan().conditions is None
    assert collate([plain]).place_channels == 0
