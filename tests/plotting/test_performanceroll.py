"""The picture of a performance: what is where, and the same bytes again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.plotting.performanceroll import draw_performance, figure_of_performance, systems_of
from ritornello.scores import Notes, Part, Score, Tempo
from ritornello.scores.score import Pedal


def score_of(seconds: float, velocity: int = 64, pedal: Pedal | None = None) -> Score:
    """A note of half a second in every second, at 60 beats a minute."""
    rows = [(480 * n, 240, 40 + n % 40, velocity) for n in range(int(seconds))]
    part = Part("", Notes.of(rows), pedal=pedal) if pedal else Part("", Notes.of(rows))
    return Score(480, (part,), tempos=(Tempo(0, 60.0),), title="A walk")


def boxes(score: Score, system: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(left, right) in seconds and the colours of the notes of a system, without what the pedal holds."""
    axes = [axes for axes in figure_of_performance(score).axes if axes.get_xticklabels()]
    notes = axes[system].collections[-1]
    corners = np.array([path.vertices[:4, 0] for path in notes.get_paths()])
    return np.stack([corners.min(axis=1), corners.max(axis=1)], axis=1), notes.get_facecolors()


def test_notes_stand_at_their_seconds() -> None:
    edges, _ = boxes(score_of(10))
    np.testing.assert_allclose(edges[:, 0], np.arange(10), atol=1e-9)
    np.testing.assert_allclose(edges[:, 1], np.arange(10) + 0.5, atol=0.02)


def test_louder_is_darker() -> None:
    darkness = [1 - boxes(score_of(3, velocity))[1][0, :3].mean() for velocity in (10, 40, 64, 90, 120)]
    assert darkness == sorted(darkness)
    assert darkness[0] < 0.35
    assert darkness[-1] > 0.7


def test_what_the_pedal_holds_is_faint() -> None:
    pedal = Pedal.columns(np.array([0, 1200]), np.array([127, 0]))  # up after 2.5 seconds
    axes = figure_of_performance(score_of(10, pedal=pedal)).axes[-1]
    faint, notes = axes.collections
    assert len(faint.get_paths()) == 2
    assert len(notes.get_paths()) == 10
    assert (faint.get_facecolors()[:, 3] < 0.3).all()
    assert faint.get_paths()[0].vertices[:4, 0].max() == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("seconds", "systems"),
    [(1, (1, 10)), (60, (6, 10)), (120, (12, 10)), (121, (8, 15.125)), (600, (10, 60)), (2640, (9, 300))],
)
def test_a_long_piece_has_longer_systems_not_more(seconds: float, systems: tuple[int, float]) -> None:
    assert systems_of(seconds) == systems


def test_systems_hold_the_whole_piece_and_none_is_nearly_empty() -> None:
    for seconds in np.geomspace(1, 4 * 3600, 200):
        count, each = systems_of(seconds)
        assert count * each >= seconds - 1e-6
        assert count == 1 or seconds > (count - 1 + 0.149) * each
        assert count <= 12


def test_a_piece_of_hours_stays_a_picture() -> None:
    figure = figure_of_performance(score_of(4 * 3600))
    assert figure.get_size_inches()[1] * figure.dpi < 5_000


def test_the_same_piece_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_performance(score_of(30), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_no_notes_and_no_folder(tmp_path: Path) -> None:
    draw_performance(Score(480, ()), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000
    with pytest.raises(UserError):
        draw_performance(score_of(3), tmp_path / "nowhere" / "roll.png")
