"""A folder of made-up performances as MIDI files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ritornello.scores.midi import write_midi
from ritornello.scores.score import Notes, Part, Score


def _performance(seed: int, num_notes: int = 80) -> Score:
    """Random notes, about seven a second."""
    random = np.random.default_rng(seed)
    onsets = np.cumsum(random.integers(0, 240, num_notes))
    durations = random.integers(60, 900, num_notes)
    pitches, velocities = random.integers(40, 90, num_notes), random.integers(20, 110, num_notes)
    return Score(480, (Part("Piano", Notes.columns(onsets, durations, pitches, velocities)),))


@pytest.fixture(scope="session")
def performance() -> Callable[..., Score]:
    """Makes a performance from a seed."""
    return _performance


@pytest.fixture(scope="session")
def midi_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pieces in two folders, and three files that are no music."""
    folder = tmp_path_factory.mktemp("music") / "mine"
    for number in range(40):
        path = folder / ("late" if number % 3 else "early") / f"{number:02d}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_midi(_performance(number), path)
    (folder / "text.mid").write_bytes(b"I am no MIDI file")
    (folder / "empty.midi").write_bytes(b"")
    (folder / "nothing.mid").write_bytes(b"")
    (folder / "notes.txt").write_text("not music, not counted")
    return folder
