"""Jobs whose processes die, one piece with all its aspects, and a plan that cannot be read."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from ritornello.evaluation.aspects import ASPECTS
from ritornello.evaluation.report.measuring import Order, measure, over_workers
from ritornello.evaluation.report.sets import Piece
from ritornello.scores import Metre, Notes, Part, Score, write_midi

DEADLY = """
import os

def double(number):
    if number == 3:
        os._exit(1)
    return 2 * number

def died(number):
    return -number
"""


def test_only_the_job_that_kills_its_process_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly_jobs_module.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)  # workers look there too
    jobs = importlib.import_module("deadly_jobs_module")
    told: list[tuple[int, int]] = []
    results = over_workers(jobs.double, [1, 2, 3, 4, 5], 2, jobs.died, lambda done, total: told.append((done, total)))
    assert sorted(results) == [-3, 2, 4, 8, 10]
    assert told == [(done, 5) for done in range(1, 6)]


def test_no_jobs_need_no_process() -> None:
    assert list(over_workers(abs, [], 2, abs, lambda _done, _total: None)) == []


def piece(path: Path, *, plan: str = "") -> Piece:
    rows = [(480 * n, 480, 60 + 7 * n % 12, 64) for n in range(24)]
    write_midi(Score(480, (Part("", Notes.of(rows)),), metres=(Metre(0, 3, 4),)), path)
    if plan:
        path.with_name("plan.yaml").write_text(plan)
    return Piece(path.name, path, path.with_name("plan.yaml") if plan else None)


def test_a_piece_has_every_metric_that_applies(tmp_path: Path) -> None:
    for written in (True, False):
        found = measure(Order(piece(tmp_path / "a.mid"), written))
        applying = [aspect for aspect in ASPECTS.values() if written or not aspect.needs_bars]
        assert set(found.values) == {metric.name for aspect in applying for metric in aspect.metrics}
        assert found.num_notes == 24
        assert found.seconds == 12.0
        assert found.faults == {}
        assert np.shape(found.values["pitch_class_histogram"]) == (12,)


def test_a_plan_that_cannot_be_read_costs_its_own_figures_only(tmp_path: Path) -> None:
    found = measure(Order(piece(tmp_path / "a.mid", plan="sectoins: []\n"), written=True))
    assert list(found.faults) == ["adherence"]
    assert "sectoins" in found.faults["adherence"]
    assert found.values
    assert found.adherence == {}


def test_a_file_that_has_gone_is_a_fault(tmp_path: Path) -> None:
    found = measure(Order(Piece("gone.mid", tmp_path / "gone.mid"), written=True))
    assert "gone.mid" in found.faults["notes"]
    assert np.isnan(found.num_notes)
