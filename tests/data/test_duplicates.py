"""Near-duplicates: known again in another key, at another tempo, a little edited; different pieces are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.data.corpora import CORPORA
from ritornello.data.duplicates import SIMILAR, fingerprint, near_duplicates, similarity
from ritornello.scores.score import Notes, Score, Tempo

Maker = Callable[..., Score]


def _changed(score: Score, change: Callable[[Notes], Notes]) -> Score:
    return replace(score, parts=tuple(replace(part, notes=change(part.notes)) for part in score.parts))


def transposed(notes: Notes) -> Notes:
    return Notes.columns(notes.onset_ticks, notes.duration_ticks, notes.pitch + 5, notes.velocity)


def stretched(notes: Notes) -> Notes:
    onsets = np.rint(notes.onset_ticks * 1.37).astype(int)
    return Notes.columns(onsets, notes.duration_ticks, notes.pitch, notes.velocity)


def edited(notes: Notes, share: float = 0.05) -> Notes:
    random = np.random.default_rng(1)
    wrong = random.random(len(notes)) < share
    pitch = np.where(wrong, random.integers(40, 90, len(notes)), notes.pitch)
    return Notes.columns(notes.onset_ticks, notes.duration_ticks, pitch, notes.velocity)


@pytest.mark.parametrize(
    "change",
    [transposed, stretched, edited, lambda notes: edited(stretched(transposed(notes)))],
    ids=["transposed", "stretched", "edited", "all three"],
)
def test_the_same_music_is_known_again(performance: Maker, change: Callable[[Notes], Notes]) -> None:
    score = performance(1, 1500)
    assert similarity(fingerprint(score), [fingerprint(_changed(score, change))])[0] >= SIMILAR


def test_transposition_and_tempo_change_nothing_at_all(performance: Maker) -> None:
    score = performance(2, 400)
    slower = replace(score, tempos=(Tempo(0, 60.0),))
    for other in (_changed(score, transposed), slower):
        assert similarity(fingerprint(score), [fingerprint(other)])[0] == 1


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_different_pieces_are_not_similar(performance: Maker, one: int, other: int) -> None:
    if one != other:
        two = [fingerprint(performance(seed, 300)) for seed in (one, other)]
        assert similarity(two[0], two[1:])[0] < SIMILAR / 2


def test_a_few_notes_have_no_fingerprint(performance: Maker) -> None:
    assert fingerprint(performance(1, 31)) == ""
    assert len(fingerprint(performance(1, 32))) == 4 * 2 * 128


def test_groups_join_the_similar_and_the_same_bytes(performance: Maker) -> None:
    score = performance(3, 1500)
    prints = {
        "c": fingerprint(score),
        "a": fingerprint(_changed(score, edited)),
        "b": fingerprint(performance(4, 1500)),
        "short": "",
        "same": "",
        "other": "",
    }
    hashes = {name: "x" if name in {"short", "same"} else name for name in prints}
    groups = near_duplicates(prints, hashes)
    assert groups == {"a": "a", "b": "b", "c": "a", "other": "other", "same": "same", "short": "same"}


@pytest.mark.data
def test_the_tokens_of_a_performance_are_known_as_its_midi(data_folder: Path) -> None:
    midi = list(CORPORA["maestro"].pieces(data_folder))[:3]
    tokens = {piece.id: piece for piece in CORPORA["maestro_tokens388"].pieces(data_folder)}
    prints = [[fingerprint(piece.load()) for piece in (one, tokens[one.id])] for one in midi]
    table = np.array([similarity(one[0], [other[1] for other in prints]) for one in prints])
    assert (np.diag(table) > 0.95).all()
    assert (table[~np.eye(3, dtype=bool)] < SIMILAR / 2).all()
