"""Learning curves: what is drawn, what is smoothed, what the scale leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ritornello.plotting.curves import LearningCurve, draw_learning, figure_of_learning


def run(count: int, name: str = "run", *, with_rate: bool = True) -> LearningCurve:
    """``count`` evaluations ten steps apart; validation is lowest at three quarters."""
    steps = 10.0 * np.arange(1, count + 1)
    nats = 2 + (steps / (10 * count) - 0.75) ** 2
    rate = np.linspace(1e-3, 1e-5, count) if with_rate else np.full(count, np.nan)
    return LearningCurve(name, steps - 4.5, nats - 0.1, steps, nats, rate)


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.texts]


def rings(figure: Any) -> list[tuple[float, float]]:
    """Where validation is marked as best."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in figure.axes[0].lines
        if line.get_marker() == "o" and line.get_linestyle() == "None"
    ]


def test_the_best_is_marked_and_named() -> None:
    figure = figure_of_learning([run(20)])
    assert rings(figure) == [(150.0, 2.0)]
    assert "run: best 2 at step 150" in texts(figure)
    assert {"validation", "training", "best", "nats per token", "learning rate"} <= set(texts(figure))


def test_runs_share_the_axes_each_in_its_colour() -> None:
    figure = figure_of_learning([run(20, "one"), run(40, "other", with_rate=False)])
    curves, rates = figure.axes
    assert curves.get_xlim() == rates.get_xlim() == pytest.approx((0, 404))
    assert len(rings(figure)) == 2
    long = [line for line in curves.lines if len(line.get_xdata()) in (20, 40)]
    assert len({line.get_color() for line in long}) == 2
    assert [name for name in texts(figure) if "best " in name] == [
        "one: best 2 at step 150",
        "other: best 2 at step 300",
    ]


def test_what_validation_counts_is_said() -> None:
    full = run(8)
    voices = LearningCurve(full.name, full.steps, full.train_nats, full.validation_steps, full.validation_nats,
                           full.learning_rate, "voices alone")  # fmt: skip
    assert "run: best 2 at step 60 (voices alone)" in texts(figure_of_learning([voices]))


def test_without_a_learning_rate_there_is_no_row_for_it() -> None:
    figure = figure_of_learning([run(20, with_rate=False)])
    assert len(figure.axes) == 1
    assert "learning rate" not in texts(figure)
    assert figure.axes[0].get_xlabel() == "step"


@pytest.mark.parametrize(("count", "lines"), [(39, 1), (40, 2)])
def test_dense_training_is_smoothed_over_its_faint_figures(count: int, lines: int) -> None:
    drawn = [line for line in figure_of_learning([run(count)]).axes[0].lines if len(line.get_xdata()) == count]
    training = [line for line in drawn if line.get_xdata()[0] == 5.5]
    assert len(training) == lines
    if lines == 2:
        assert training[0].get_alpha() < 0.3
        np.testing.assert_array_equal(training[0].get_ydata(), run(count).train_nats)


def test_the_fall_at_the_beginning_does_not_flatten_the_rest() -> None:
    steps = 10.0 * np.arange(1, 101)
    nats = np.where(steps <= 100, 9.0, 2 + steps / 10_000)
    curve = LearningCurve("run", steps, nats, steps, nats, np.full(100, np.nan))
    low, high = figure_of_learning([curve]).axes[0].get_ylim()
    assert 1.9 < low < 2.01
    assert 2.1 < high < 2.2


def empty(count: int) -> LearningCurve:
    unknown = np.full(count, np.nan)
    return LearningCurve("empty", np.arange(count) * 1.0, unknown, np.arange(count) * 1.0, unknown, unknown)


def level() -> LearningCurve:
    steps = np.arange(1.0, 9)
    return LearningCurve("level", steps, np.full(8, 2.0), steps, np.full(8, 2.0), np.zeros(8))


@pytest.mark.parametrize("runs", [[], [empty(0)], [empty(1)], [empty(5)], [run(1)], [run(2), empty(3)], [level()]])
def test_any_run_has_a_picture(runs: list[LearningCurve], tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_learning(runs, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_run_without_validation_has_no_best() -> None:
    assert empty(3).best is None
    assert rings(figure_of_learning([empty(3)])) == []
    assert level().best == 0
