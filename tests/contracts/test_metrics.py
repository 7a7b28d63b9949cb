"""Every metric of every aspect: named as declared, sane on degenerate music, unchanged by what it declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora.archive import corpus_folder
from ritornello.evaluation.aspects import ASPECTS, all_metrics
from ritornello.evaluation.corruption import CORRUPTIONS
from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import Timeline
from ritornello.scores import read_score
from ritornello.scores.score import Score
from tests.contracts.music import CHANGES, DEGENERATE, random_performance, random_written

MUSIC = {
    "written": random_written(1),
    "written more": random_written(2),
    "performed": random_performance(3),
    "performed slowly": random_performance(4, beat_seconds=1.1),  # four minutes: long lags have values
}


def test_names_are_said_once() -> None:
    names = [metric.name for aspect in ASPECTS.values() for metric in aspect.metrics]
    assert len(names) == len(set(names)) == len(all_metrics())
    assert len(all_metrics("pitch", "rhythm")) == 13
    for metric in all_metrics().values():
        assert metric.says
        assert set(metric.keeps) <= set(CHANGES)
        assert set(metric.moves) <= set(CORRUPTIONS)


@pytest.mark.parametrize("music", [*DEGENERATE, *MUSIC])
@pytest.mark.parametrize("aspect", ASPECTS)
def test_values_are_as_declared(aspect: str, music: str) -> None:
    """The names, shapes and ranges; nan where nothing can be said, and nothing else that is not finite."""
    values = measured(aspect, {**DEGENERATE, **MUSIC}[music])
    for metric in ASPECTS[aspect].metrics if values else ():
        value = np.asarray(values[metric.name])
        assert value.shape == metric.shape, metric.name
        assert not np.isinf(value).any(), metric.name
        said = value[~np.isnan(value)]
        assert (said >= metric.low - 1e-9).all(), (metric.name, said)
        assert (said <= metric.high + 1e-9).all(), (metric.name, said)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_real_music_has_values(aspect: str) -> None:
    """Nothing is nan for good: some music gives each metric a value."""
    found = [measured(aspect, score) for score in MUSIC.values()]
    for metric in ASPECTS[aspect].metrics:
        assert any(values and np.isfinite(values[metric.name]).all() for values in found), metric.name


@pytest.mark.parametrize("music", [*MUSIC, "two notes", "one pitch", "one chord"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("aspect", ASPECTS)
def test_what_must_not_matter_does_not(aspect: str, change: str, music: str) -> None:
    score = {**DEGENERATE, **MUSIC}[music]
    before, after = measured(aspect, score), measured(aspect, CHANGES[change](score))
    for metric in ASPECTS[aspect].metrics if before else ():
        if change in metric.keeps:
            assert np.allclose(before[metric.name], after[metric.name], rtol=1e-9, atol=1e-9, equal_nan=True), (
                metric.name,
                before[metric.name],
                after[metric.name],
            )


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_piece_is_left_as_it_was(aspect: str) -> None:
    for score in MUSIC.values():
        notes, other = Timeline.of(score), Timeline.of(score)
        if not ASPECTS[aspect].needs_bars or notes.is_written:
            again = ASPECTS[aspect].evaluate(notes), ASPECTS[aspect].evaluate(notes)
            for name, value in again[0].items():
                assert np.array_equal(value, again[1][name], equal_nan=True), name
        assert np.array_equal(notes.onset_seconds, other.onset_seconds)
        assert np.array_equal(notes.pitch, other.pitch)


@pytest.mark.data
def test_real_music_moves_as_declared(performances: list[Score]) -> None:
    """The corruptions of real performances move every metric the way its definition says."""
    changes: dict[tuple[str, str], list[float]] = {}
    for score in performances:
        before = everything(score)
        for corruption, spoil in CORRUPTIONS.items():
            after = everything(spoil(score, np.random.default_rng(0)))
            for metric in all_metrics().values():
                if metric.name in before:
                    moved = distance(metric, before[metric.name], after[metric.name])
                    changes.setdefault((metric.name, corruption), []).append(moved)
    for (name, corruption), moved in changes.items():
        mean = float(np.nanmean(moved))
        said = all_metrics()[name].moves.get(corruption)
        if said == "same":
            assert np.nanmax(np.abs(moved)) < 1e-9, (name, corruption, moved)
        elif said is not None:
            assert mean < 0 if said == "down" else mean > 0, (name, corruption, said, mean)


def distance(metric: Metric, before: Value, after: Value) -> float:
    """By how much a single value rises; of an array, how far it goes."""
    if metric.shape:
        return float(np.linalg.norm(np.asarray(after) - np.asarray(before)))
    return float(after) - float(before)


def everything(score: Score) -> dict[str, Value]:
    notes = Timeline.of(score)
    return {
        name: value
        for aspect in ASPECTS.values()
        if not aspect.needs_bars or notes.is_written
        for name, value in aspect.evaluate(notes).items()
    }


def measured(aspect: str, score: Score) -> dict[str, Value]:
    """All values of an aspect; none where it needs bars and there are none."""
    notes = Timeline.of(score)
    if ASPECTS[aspect].needs_bars and not notes.is_written:
        return {}
    values = dict(ASPECTS[aspect].evaluate(notes))
    assert list(values) == [metric.name for metric in ASPECTS[aspect].metrics]
    return values


@pytest.fixture(scope="module")
def performances(data_folder: Path) -> list[Score]:
    """A dozen of MAESTRO's test performances."""
    files = sorted(corpus_folder(data_folder, "maestro-v3.0.0-test-midi").rglob("*.midi"))
    return [read_score(file) for file in files[::15]]
