"""What every token scheme promises, run over the whole table."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.scores.score import KeySignature, Metre, Notes, Part, Score
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.bars import quantize as bars_on_grid
from ritornello.tokenizers.bars import without_dynamics
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.chorale import quantize
from ritornello.tokenizers.metres import METRES
from ritornello.tokenizers.phrases import on_grid
from ritornello.tokenizers.structure import top_level
from tests.contracts.plans import complete_plans, structures
from tests.tokenizers.bars import scores_in_bars
from tests.tokenizers.performances import on_grid as performance_on_grid
from tests.tokenizers.performances import performances


@st.composite
def _voices(draw: st.DrawFn) -> Part:
    steps = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 200), st.integers(30, 90)), max_size=12))
    rows, now = [], 0
    for rest, duration, pitch in steps:
        rows.append((now + rest, duration, pitch, 64))
        now += rest + duration
    onsets = [row[0] for row in rows]
    fermatas = draw(st.lists(st.sampled_from(onsets), max_size=3, unique=True)) if onsets else []
    return Part("voice", Notes.of(rows), fermatas_ticks=tuple(sorted(fermatas)))


@st.composite
def _chorales(draw: st.DrawFn) -> Score:
    parts = tuple(draw(st.lists(_voices(), min_size=4, max_size=4).filter(lambda ps: any(len(p.notes) for p in ps))))
    places = sorted(draw(st.sets(st.integers(1, 3000), max_size=3)))
    metres = tuple(Metre(t, *map(int, draw(st.sampled_from(METRES)).split("/"))) for t in [0, *places])
    key = KeySignature(0, draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "minor", None])))
    pickup, closing = draw(st.integers(0, 200)), draw(st.integers(0, 5000))
    return Score(draw(st.sampled_from([4, 24, 96, 480, 10080])), parts, metres, (key,), (), (), pickup, "", closing)


MUSIC: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Any]]] = {
    "structure": (structures(max_bars=140), top_level),
    "phrases": (complete_plans(), on_grid),
    "chorale": (_chorales(), quantize),
    "bars": (scores_in_bars(), bars_on_grid),
    "bars_even": (scores_in_bars(), lambda score: bars_on_grid(without_dynamics(score))),
    "performance": (performances(), performance_on_grid),
    "note_duration": (performances(), performance_on_grid),
}
"""Scheme -> music for it, and the function that puts music on its grid."""


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_scheme_has_music_to_be_tested_with(name: str) -> None:
    assert name in MUSIC


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_decoding_gives_the_music_on_the_grid(name: str, data: st.DataObject) -> None:
    tokenizer, (music, grid) = TOKENIZERS[name](), MUSIC[name]
    piece = data.draw(music)
    decoded = tokenizer.decode(tokenizer.encode(piece))
    assert decoded == grid(piece)
    assert grid(decoded) == decoded


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_grammar_allows_what_is_encoded(name: str, data: st.DataObject) -> None:
    tokenizer = TOKENIZERS[name]()
    tokens = tokenizer.encode(data.draw(MUSIC[name][0]))
    for t, token in enumerate(tokens.ids[:600]):
        assert tokenizer.allowed(Tokens(tokens.ids[:t], tokens.vocabulary_hash))[token], (t, token)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("seed", range(8))
def test_decoding_never_fails_on_allowed_tokens(name: str, seed: int) -> None:
    tokenizer, random = TOKENIZERS[name](), np.random.default_rng(seed)
    ids = np.zeros(0, dtype=np.int64)
    for _ in range(400):
        tokens = Tokens(ids, tokenizer.vocabulary.hash)
        mask = tokenizer.allowed(tokens)
        if len(ids) and random.random() < 0.1:
            tokenizer.decode(tokens)  # an unfinished sequence is music too
        if not mask.any():
            break
        ids = np.append(ids, random.choice(np.flatnonzero(mask)))
    tokenizer.decode(Tokens(ids, tokenizer.vocabulary.hash))


@pytest.mark.parametrize("name", ["structure", "phrases"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_conditions_look_at_nothing_to_come(name: str, data: st.DataObject) -> None:
    tokenizer = TOKENIZERS[name]()
    ids = tokenizer.encode(data.draw(MUSIC[name][0])).ids
    rows = tokenizer.conditions(ids)
    assert (rows >= 0).all()
    assert (rows < np.array(tokenizer.condition_sizes)).all()
    cut = data.draw(st.integers(1, len(ids)))
    assert np.array_equal(tokenizer.conditions(ids[:cut]), rows[:cut])


@settings(max_examples=30, deadline=None)
@given(score=_chorales(), semitones=st.integers(-6, 6))
def test_transposing_tokens_is_transposing_notes(score: Score, semitones: int) -> None:
    tokenizer = TOKENIZERS["chorale"]()
    tokens = tokenizer.encode(score)
    moved = tokenizer.transposed(semitones)[tokens.ids]
    pitches = [part.notes.pitch + semitones for part in score.parts]
    assert (moved >= 0).all() == all(((p >= 30) & (p <= 90)).all() for p in _kept(pitches, score))
    if (moved >= 0).all():
        decoded, before = tokenizer.decode(Tokens(moved, tokens.vocabulary_hash)), tokenizer.decode(tokens)
        for part, old in zip(decoded.parts, before.parts, strict=True):
            assert np.array_equal(part.notes.pitch, old.notes.pitch + semitones)
            assert np.array_equal(part.notes.onset_ticks, old.notes.onset_ticks)


def _kept(pitches: list[np.ndarray], score: Score) -> list[np.ndarray]:
    """The pitches that quantizing keeps, moved as ``pitches`` are."""
    shift = next(int(p[0] - part.notes.pitch[0]) for p, part in zip(pitches, score.parts, strict=True) if len(p))
    return [part.notes.pitch + shift for part in quantize(score).parts]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_token_zero_is_padding_and_the_hash_is_of_the_names(name: str) -> None:
    vocabulary = TOKENIZERS[name].vocabulary
    assert vocabulary.names[0] == "PAD"
    assert len(vocabulary.hash) == 16
