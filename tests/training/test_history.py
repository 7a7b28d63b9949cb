"""A run's log read back: what was written, and nothing else, whatever has happened to the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.training import history as history_module
from ritornello.training.history import read_history
from ritornello.training.log import LOG_NAME, RunLog

LINES = [
    '{"step": 50, "train": 3.5, "validation": 2.75, "NOTE_ON": 2.5, "learning_rate": 0.001, "seconds": 3.5}',
    '{"step": 100, "train": 2.5, "validation": 2.25, "NOTE_ON": 2.0, "learning_rate": 0.0005, "seconds": 7.5}',
    '{"step": 150, "train": 2.25, "validation": 2.125, "NOTE_ON": 1.5, "learning_rate": 0.0001, "seconds": 11.5}',
]


def written(folder: Path, *lines: str | bytes) -> Path:
    content = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    (folder / LOG_NAME).write_bytes(content)
    return folder


def test_a_log_reads_back_as_it_was_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path / LOG_NAME, 0)
    for step in (5, 10, 20):
        log.write(step=step, train=1 / step, validation=2 / step, learning_rate=3e-5 / step, seconds=1.0)
    found = read_history(tmp_path)
    assert found.steps.tolist() == [5, 10, 20]
    np.testing.assert_allclose(found.train_nats, [0.2, 0.1, 0.05], rtol=1e-6)
    np.testing.assert_allclose(found.validation_nats, [0.4, 0.2, 0.1], rtol=1e-6)
    np.testing.assert_allclose(found.learning_rate, [6e-6, 3e-6, 1.5e-6], rtol=1e-6)
    assert not found.is_of_voices


def test_training_is_the_mean_of_the_steps_since_the_line_before(tmp_path: Path) -> None:
    """Steps 1 to 50: 25.5 in the middle; 51 to 100: 75.5; 101 to 150: 125.5."""
    assert read_history(written(tmp_path, *LINES)).train_steps.tolist() == [25.5, 75.5, 125.5]
    assert read_history(written(tmp_path, *LINES[::2])).train_steps.tolist() == [25.5, 100.5]
    assert read_history(written(tmp_path)).train_steps.tolist() == []


def test_chorales_are_validated_by_their_voices(tmp_path: Path) -> None:
    line = {"step": 100, "train": 0.3, "validation": 0.4, "voices": 0.4, "marks": 0.01, "soprano": 0.5}
    assert read_history(written(tmp_path, json.dumps(line))).is_of_voices


@pytest.mark.parametrize("from_end", range(1, len(LINES[2]) + 2))
def test_a_last_line_cut_anywhere_is_left_out(from_end: int, tmp_path: Path) -> None:
    run = written(tmp_path, *LINES)
    content = (run / LOG_NAME).read_bytes()
    (run / LOG_NAME).write_bytes(content[:-from_end])
    whole = from_end == 1  # only the end of the line is missing
    assert read_history(run).steps.tolist() == ([50, 100, 150] if whole else [50, 100])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no json",
        "[" * 100_000,
        '{"step": ' + "9" * 5000 + "}",
        "[1, 2]",
        "17",
        '{"train": 1.0}',
        '{"step": "60"}',
        '{"step": 60.5}',
        '{"step": true}',
        '{"step": -1}',
        '{"step": 99999999999}',
        b"\xff\xfe\x00",
        b'{"step": 60, "train": "\xff"}',
    ],
)
def test_a_line_that_is_none_of_a_log_is_left_out(line: str | bytes, tmp_path: Path) -> None:
    found = read_history(written(tmp_path, LINES[0], line, LINES[1]))
    assert found.steps.tolist() == [50, 100]
    assert found.validation_nats.tolist() == [2.75, 2.25]


def test_what_a_line_does_not_say_is_unknown(tmp_path: Path) -> None:
    odd = '{"step": 60, "train": "much", "validation": NaN, "learning_rate": null}'
    found = read_history(written(tmp_path, LINES[0], odd))
    assert found.steps.tolist() == [50, 60]
    assert np.isnan([found.train_nats[1], found.validation_nats[1], found.learning_rate[1]]).all()


def test_steps_rise_and_the_later_line_of_a_step_counts(tmp_path: Path) -> None:
    again = '{"step": 100, "train": 2.0, "validation": 2.0}'
    found = read_history(written(tmp_path, LINES[2], LINES[1], LINES[0], again))
    assert found.steps.tolist() == [50, 100, 150]
    assert found.train_nats.tolist() == [3.5, 2.0, 2.25]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_in_the_file_are_read_or_left_out(tmp_path: Path, noise: bytes, place: int) -> None:
    run = written(tmp_path, *LINES)
    content = (run / LOG_NAME).read_bytes()
    (run / LOG_NAME).write_bytes(content[:place] + noise + content[place:])
    steps = read_history(run).steps
    assert (np.diff(steps) > 0).all()


def test_a_folder_without_a_log_and_a_log_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_history(tmp_path)
    (tmp_path / LOG_NAME).mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        read_history(tmp_path)
    (tmp_path / LOG_NAME).rmdir()
    written(tmp_path, *LINES)
    monkeypatch.setattr(history_module, "MAX_LOG_BYTES", 100)
    with pytest.raises(UserError, match="100 bytes"):
        read_history(tmp_path)
