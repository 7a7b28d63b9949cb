"""Changes on tokens are changes of the notes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.scores import Score
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.tokenizers.performance_changes import stretched, transposed, with_velocity
from ritornello.tokenizers.performance_events import VELOCITY, Passage, write_events
from ritornello.tokenizers.performance_grid import GridNotes, grid_notes, settled
from tests.tokenizers.performances import performances

T = PerformanceTokenizer()


def names(text: str) -> np.ndarray:
    return T.vocabulary.tokens(text.split()).ids


def encoded(onset_steps: np.ndarray, end_steps: np.ndarray, pitch: np.ndarray, velocity_bin: np.ndarray) -> list[int]:
    return write_events(Passage.whole(settled(onset_steps, end_steps, pitch, velocity_bin))).tolist()


def columns(score: Score) -> tuple[GridNotes, list[int]]:
    return grid_notes(score), T.encode(score).ids.tolist()


@settings(deadline=None)
@given(performances(), st.integers(-12, 12))
def test_transposing_tokens_is_transposing_notes(score: Score, semitones: int) -> None:
    notes, ids = columns(score)
    moved = notes.pitch + semitones
    keys = (21, 108) if len(moved) and notes.pitch.min() >= 21 and notes.pitch.max() <= 108 else (0, 127)
    result = transposed(np.array(ids), semitones)
    if len(moved) and (moved.min() < keys[0] or moved.max() > keys[1]):
        assert result is None
    else:
        assert result is not None
        assert result.tolist() == encoded(notes.onset_steps, notes.end_steps, moved, notes.velocity_bin)


@settings(deadline=None)
@given(performances(), st.sampled_from([0.01, 0.5, 0.95, 0.975, 1.0, 1.025, 1.05, 1.5]))
def test_stretching_tokens_is_stretching_notes(score: Score, factor: float) -> None:
    notes, ids = columns(score)
    onsets, ends = (np.floor(steps * factor + 0.5).astype(np.int64) for steps in (notes.onset_steps, notes.end_steps))
    result = stretched(np.array(ids), factor)
    assert result.tolist() == encoded(onsets, ends, notes.pitch, notes.velocity_bin)
    assert np.array_equal(T.encode(T.decode(Tokens(result, T.vocabulary.hash))).ids, result)


@settings(deadline=None)
@given(performances(), st.integers(-40, 40))
def test_louder_tokens_are_louder_notes(score: Score, bins: int) -> None:
    notes, ids = columns(score)
    louder = np.clip(notes.velocity_bin + bins, 0, 31)
    assert with_velocity(np.array(ids), bins).tolist() == encoded(
        notes.onset_steps, notes.end_steps, notes.pitch, louder
    )


@settings(deadline=None)
@given(performances(), st.data())
def test_a_window_keeps_what_reaches_over_its_borders(score: Score, data: st.DataObject) -> None:
    ids = T.encode(score).ids
    start = data.draw(st.integers(0, len(ids)))
    stop = data.draw(st.integers(start, len(ids)))
    window = ids[start:stop]
    while len(window) and window[-1] >= VELOCITY:
        window = window[:-1]
    assert np.array_equal(stretched(window, 1.0), window)
    assert np.array_equal(with_velocity(window, 0), window)


def test_a_window_by_hand() -> None:
    window = names("NOTE_OFF_50 NOTE_ON_60 TIME_SHIFT_10 NOTE_OFF_60 VELOCITY_30 NOTE_ON_62 TIME_SHIFT_5")
    half = "NOTE_OFF_50 NOTE_ON_60 TIME_SHIFT_5 NOTE_OFF_60 VELOCITY_30 NOTE_ON_62 TIME_SHIFT_3"
    assert np.array_equal(stretched(window, 0.5), names(half))
    louder = "NOTE_OFF_50 NOTE_ON_60 TIME_SHIFT_10 NOTE_OFF_60 VELOCITY_31 NOTE_ON_62 TIME_SHIFT_5"
    assert np.array_equal(with_velocity(window, 5), names(louder))


def test_velocities_that_become_one_are_told_once() -> None:
    ids = names("BOS VELOCITY_29 NOTE_ON_60 VELOCITY_31 NOTE_ON_62 TIME_SHIFT_1 NOTE_OFF_60 NOTE_OFF_62 END")
    louder = names("BOS VELOCITY_31 NOTE_ON_60 NOTE_ON_62 TIME_SHIFT_1 NOTE_OFF_60 NOTE_OFF_62 END")
    assert np.array_equal(with_velocity(ids, 3), louder)


def test_a_piece_cannot_be_stretched_beyond_the_hours() -> None:
    ids = names("BOS VELOCITY_9 NOTE_ON_60 TIME_SHIFT_100 NOTE_OFF_60 END")
    with pytest.raises(UserError, match="hours"):
        stretched(ids, 20_000.0)
