"""Written music and recordings are told apart by where their onsets stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora.archive import corpus_folder
from ritornello.form.timing import is_performance
from ritornello.scores import Metre, Notes, Part, Score, Tempo, read_score


def score_of(onsets: np.ndarray) -> Score:
    whole = np.sort(onsets.astype(np.int64))
    notes = Notes.columns(whole, np.full(len(whole), 100), 40 + np.arange(len(whole)) % 40, np.full(len(whole), 64))
    return Score(480, (Part("", notes),), tempos=(Tempo(0, 120.0),))


def recorded(seed: int = 0) -> Score:
    return score_of(np.cumsum(np.random.default_rng(seed).integers(5, 300, 200)))


def test_scattered_onsets_are_a_recording() -> None:
    assert all(is_performance(recorded(seed)) for seed in range(20))


@pytest.mark.parametrize("step", [480, 240, 120, 160])
def test_onsets_on_the_grid_are_written_music(step: int) -> None:
    assert not is_performance(score_of(step * np.arange(200)))
    sloppy = step * np.arange(200) + np.random.default_rng(1).integers(0, 9, 200)  # a fiftieth of a beat is 9.6 ticks
    assert not is_performance(score_of(sloppy))


def test_a_score_that_states_its_bars_has_bars() -> None:
    played = recorded()
    assert not is_performance(replace(played, metres=(Metre(0, 3, 4),)))
    assert not is_performance(replace(played, pickup_ticks=240))
    assert not is_performance(replace(played, tempos=(Tempo(0, 120.0), Tempo(960, 110.0))))
    assert not is_performance(replace(played, parts=(replace(played.parts[0], fermatas_ticks=(0,)),)))


def test_common_time_said_twice_says_no_more() -> None:
    """One of MAESTRO's files states 4/4 at tick 0 and again at tick 2."""
    assert is_performance(replace(recorded(), metres=(Metre(0, 4, 4), Metre(2, 4, 4))))


def test_no_notes_are_no_performance() -> None:
    assert not is_performance(Score(480, ()))


@pytest.mark.data
def test_recordings_and_scores_of_the_corpora(data_folder: Path) -> None:
    for archive, played in (("maestro-v3.0.0-test-midi", True), ("bwv54", False)):
        folder = corpus_folder(data_folder, archive)
        files = sorted(path for path in folder.rglob("*") if path.suffix in {".mid", ".midi"})
        assert files
        for file in files:
            assert is_performance(read_score(file)) == played
