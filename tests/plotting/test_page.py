"""What all pictures keep to: the same bytes, whatever style is set, and none of matplotlib's global state."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.plotting.curves import LearningCurve, figure_of_learning
from ritornello.plotting.distributions import Panel, figure_of_distributions
from ritornello.plotting.hearing import figure_of_hearing
from ritornello.plotting.landmarks import CadenceMark
from ritornello.plotting.lanes import Span
from ritornello.plotting.page import empty_figure, png_bytes, write_at, write_png
from ritornello.plotting.performanceroll import figure_of_performance
from ritornello.plotting.pianoroll import figure_of
from ritornello.plotting.similarity import figure_of_similarity
from ritornello.plotting.tension import Curve, figure_of_tension
from ritornello.scores import Notes, Part, Score, Tempo

SECTIONS = (Span(0.0, 20.0, ("A  C major", "A"), "A"), Span(20.0, 64.0, ("B",), "B"))
MARKS = (CadenceMark(20.0, "HC"), CadenceMark(64.0, "PAC"))


def similarity() -> Any:
    matrix = np.cos(np.subtract.outer(np.arange(64), np.arange(64)) / 9) ** 2
    return figure_of_similarity(matrix, 1.0, "A piece", sections=SECTIONS)


def tension() -> Any:
    curves = [Curve(name, np.arange(64.0), np.sin(np.arange(64) / 9)) for name in ("strain", "diameter")]
    return figure_of_tension(curves, "A piece", sections=SECTIONS, cadences=MARKS)


def distributions() -> Any:
    places = np.linspace(-3, 3, 61)
    curves = {"one": (places, np.exp(-(places**2))), "other": (places, np.exp(-((places - 1) ** 2)))}
    return figure_of_distributions([Panel(f"feature {n}", "semitones", curves, "overlap 0.5") for n in range(13)])


def learning() -> Any:
    steps = np.arange(1.0, 101) * 10
    nats = 2 + np.exp(-steps / 100)
    return figure_of_learning([LearningCurve("run", steps - 5, nats + 0.1, steps, nats, np.full(100, 3e-4))])


def hearing() -> Any:
    return figure_of_hearing({"layer 1": np.tri(24, dtype=bool), "layer 2": np.eye(24, dtype=bool)}, "a model")


def performance() -> Any:
    notes = Notes.of([(480 * n, 240, 40 + n, 64) for n in range(30)])
    return figure_of_performance(Score(480, (Part("", notes),), tempos=(Tempo(0, 60.0),)))


PICTURES: tuple[Callable[[], Any], ...] = (similarity, tension, distributions, learning)


@pytest.mark.parametrize("picture", [*PICTURES, hearing, performance])
def test_the_same_bytes_twice_that_name_no_program(picture: Callable[[], Any]) -> None:
    before = dict(mpl.rcParams)
    content = png_bytes(picture())
    assert content == png_bytes(picture())
    assert content.startswith(b"\x89PNG")
    assert b"Software" not in content
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("style", [["dark_background", "fast"], ["ggplot", "seaborn-v0_8-darkgrid"]])
@pytest.mark.parametrize("picture", PICTURES)
def test_a_style_that_the_user_has_set_changes_nothing(picture: Callable[[], Any], style: list[str]) -> None:
    plain = png_bytes(picture())
    with matplotlib.style.context(style):
        assert png_bytes(picture()) == plain


def test_nothing_loads_pyplot() -> None:
    code = (
        "import sys\n"
        "from tests.plotting.test_page import PICTURES\n"
        "sys.modules.pop('matplotlib.pyplot', None)\n"
        "[picture() for picture in PICTURES]\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr


def test_a_text_stands_where_it_was_put() -> None:
    figure = empty_figure(4, 2)
    text = write_at(figure, 1, 0.5, "here")
    box = text.get_window_extent()
    assert figure.bbox.size.tolist() == [640, 320]
    assert box.x0 == pytest.approx(160, abs=3)
    assert (box.y0 + box.y1) / 2 == pytest.approx(80, abs=4)


def test_a_dollar_sign_begins_no_formula() -> None:
    name = r"$\frac{$"  # no formula: matplotlib would raise
    part = Part(name, Notes.of([(0, 480, 60, 64)]))
    span = Span(0.0, 9.0, (name,), "A")
    steps = np.arange(9.0)
    figures = [
        figure_of_performance(Score(480, (part,), title=name)),
        figure_of(Score(480, (part,), title=name), None),
        figure_of_similarity(np.eye(9), 1.0, name, sections=[span]),
        figure_of_tension([Curve(name, steps, steps)], name, sections=[span], cadences=[CadenceMark(3.0, name)]),
        figure_of_distributions([Panel(name, name, {name: (steps, steps)}, name)]),
        figure_of_learning([LearningCurve(name, steps, steps, steps, steps, steps, name)]),
    ]
    assert all(png_bytes(figure).startswith(b"\x89PNG") for figure in figures)


def test_a_picture_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_png(empty_figure(1, 1), tmp_path / "nowhere" / "picture.png")
    write_png(empty_figure(1, 1), tmp_path / "picture.png")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
