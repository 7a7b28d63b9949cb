"""What a note heard, on the piano roll, and the map of distances: what is drawn where, and the same bytes again."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from ritornello.errors import UserError
from ritornello.plotting.attention import (
    ASKING,
    DARKEST,
    HEARD,
    MOST_PANELS,
    UNHEARD,
    HeardNotes,
    Passage,
    RollNotes,
    draw_attention,
    draw_distances,
    figure_of_attention,
    figure_of_distances,
    mean_distance,
)

NUM_NOTES = 40
NOTES = RollNotes(np.arange(40) * 0.5, np.arange(40) * 0.5 + 0.4, 50 + np.arange(40) % 20)


def shares(**by_note: float) -> np.ndarray:
    share_N = np.zeros(NUM_NOTES)
    for name, share in by_note.items():
        share_N[int(name[1:])] = share
    return share_N


def notes_of(axes: object) -> list[tuple[float, tuple[float, ...]]]:
    """Left edge and colour of every note of a panel."""
    found = []
    for collection in axes.collections:  # type: ignore[attr-defined]
        edges = [path.vertices[:, 0].min() for path in collection.get_paths()]
        found += list(zip(edges, map(tuple, collection.get_facecolors()), strict=True))
    return found


def test_the_mean_distance_is_weighted_by_what_was_heard() -> None:
    # asks note 30, at 15 s; heard are note 28 (14 s, a quarter) and note 10 (5 s, half); the rest fell on no note
    seconds, count = mean_distance(NOTES, 30, shares(n28=0.25, n10=0.5))
    assert seconds == pytest.approx((1 * 0.25 + 10 * 0.5) / 0.75)
    assert count == pytest.approx((2 * 0.25 + 20 * 0.5) / 0.75)
    assert all(map(math.isnan, mean_distance(NOTES, 30, shares())))


def test_each_note_has_the_tint_of_its_share() -> None:
    panel = HeardNotes("layer 1, head 1", shares(n29=0.5, n20=0.5 * 0.35**2))
    (axes,) = figure_of_attention(NOTES, 30, [panel]).axes
    drawn = {round(2 * left): colour for left, colour in notes_of(axes)}
    assert drawn[30] == pytest.approx(to_rgba(ASKING))
    assert drawn[29] == pytest.approx(to_rgba(DARKEST))
    assert drawn[20] == pytest.approx(to_rgba(HEARD))  # a root of 0.35 of the strongest
    assert drawn[25] == pytest.approx(to_rgba(UNHEARD))
    assert {text.get_text() for text in axes.texts} == {"layer 1, head 1", "0.99 s, 2 notes back · 56% on notes"}


def test_a_stretch_holds_what_was_heard_and_the_passages() -> None:
    near = HeardNotes("near", shares(n29=1.0))
    (axes,) = figure_of_attention(NOTES, 30, [near]).axes
    assert axes.get_xlim()[0] == pytest.approx(15 - 4)
    far = HeardNotes("far", shares(n29=0.9, n4=0.1))
    (axes,) = figure_of_attention(NOTES, 30, [far]).axes
    assert axes.get_xlim()[0] == pytest.approx(2.0)
    (axes,) = figure_of_attention(NOTES, 30, [near], passages=[Passage(1.0, 3.0, "first heard")]).axes
    assert axes.get_xlim()[0] == pytest.approx(1.0)
    large, small = figure_of_attention(NOTES, 30, [near], large=far).axes
    assert large.get_xlim()[0] == pytest.approx(2.0)
    assert small.get_xlim()[0] == pytest.approx(2.0)  # a third of it is not much less


def test_of_many_heads_the_farthest_are_kept_in_their_order() -> None:
    panels = [HeardNotes(f"head {n}", shares(**{f"n{n % 30}": 1.0})) for n in range(MOST_PANELS + 8)]
    figure = figure_of_attention(NOTES, 30, panels, title="many")
    assert len(figure.axes) == MOST_PANELS
    assert "8 heads that hear less far are left out" in figure.texts[0].get_text()
    titles = [axes.texts[0].get_text() for axes in figure.axes]
    assert titles == sorted(titles, key=lambda title: int(title.split()[1]))
    assert "head 0" in titles
    assert "head 29" not in titles  # it hears the note just before


def test_the_map_says_every_distance() -> None:
    table = {"cross-attention": np.array([123.4]), "layer 1": np.array([0.5, 20.0]), "layer 2": np.array([3.0, np.nan])}
    seconds, notes = figure_of_distances({"seconds": table, "notes": table}).axes
    assert [text.get_text() for text in seconds.texts] == ["123", "0.50", "20.0", "3.00"]
    assert [label.get_text() for label in seconds.get_yticklabels()] == list(table)
    assert not any(label.get_text() for label in notes.get_yticklabels())
    assert (seconds.get_title(), notes.get_title()) == ("seconds", "notes")


def test_a_piece_of_one_note_and_nothing_heard() -> None:
    one = RollNotes(np.zeros(1), np.ones(1), np.array([60]))
    (axes,) = figure_of_attention(one, 0, [HeardNotes("layer 1, head 1", np.zeros(1))]).axes
    assert "no note heard" in {text.get_text() for text in axes.texts}
    assert not figure_of_attention(one, 0, []).axes
    figure_of_distances({})


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    panel = HeardNotes("layer 1, head 1", shares(n29=0.5, n3=0.2))
    for name in ("one", "two"):
        draw_attention(NOTES, 30, [panel] * 5, tmp_path / name, large=panel, passages=[Passage(1, 3, "first heard")])
        draw_distances({"seconds": {"layer 1": np.array([1.0, 2.0])}}, tmp_path / f"{name}-map")
    for name in ("", "-map"):
        assert (tmp_path / f"one{name}").read_bytes() == (tmp_path / f"two{name}").read_bytes()
    with pytest.raises(UserError):
        draw_attention(NOTES, 30, [panel], tmp_path / "nowhere" / "x.png")
