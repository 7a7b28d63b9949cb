"""What one note heard, seen on the piano roll; and how far each layer and head hears, as a map.

One note asks. Every note is tinted by its share of what was heard: grey for nothing, the darker the more, the strongest
of a panel darkest. A large panel may stand above all others (what the prediction depends on through all layers); below,
one small panel for each layer and head, layers downwards. Passages, such as the first statement of what returns here,
have a ground of their own in all panels. The large panel shows the stretch that holds the passages and nearly all that
was heard, small ones the same, or, if their heads hear much less far, what holds nearly all that these hear. The same
arrays give the same bytes.

Shapes: N notes, L layers, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.page import axes_at, empty_figure, write_png

FloatArray: TypeAlias = NDArray[np.float64]

DOTS_PER_INCH = 130
WIDTH_INCHES, MARGIN_INCHES, GAP_INCHES = 11.0, 0.42, 0.12
HEAD_INCHES, LARGE_INCHES, SMALL_INCHES, TITLE_INCHES, AXIS_INCHES = 0.62, 1.9, 0.9, 0.2, 0.22
MOST_PANELS = 32
"""Small ones; of more, those that hear farthest are shown."""
MOST_ACROSS = 4
LEFT_OUT = 0.004
"""Share of what a panel hears that may lie before the stretch shown."""
AFTER_SHARE = 0.03
"""Of the stretch, how much is shown behind the asking note."""
LEAST_SECONDS = 4.0
NEAR_SHARE = 0.25
"""Small panels show what their heads hear alone, if that is less than such a part of what the large one shows."""
BRIEFLY_PIXELS = 500
"""Of a panel: narrower ones say less."""
EDGE = 0.06
"""Share of a panel at its right end in which no time is named: the next panel names its own first."""
NOTE_HEIGHT, LEAST_PIXELS = 0.92, 2.5
UNHEARD, HEARD, DARKEST, ASKING = "#D4D4D4", "#8FBCDD", "#08306B", palette.VOICES[0]
PASSAGES = (palette.LETTERS[1], palette.LETTERS[5], palette.LETTERS[2])
"""Grounds of the passages, by the order in which they are named."""
CELL_INCHES = (0.62, 0.34)


class RollNotes(NamedTuple):
    """The notes of a piece (N,), in the order in which they begin."""

    start_seconds: FloatArray
    end_seconds: FloatArray
    pitch: NDArray[np.int64]


class HeardNotes(NamedTuple):
    """One panel."""

    title: str
    share_N: FloatArray
    """Of what was heard, what fell on each note: at least 0, in all at most 1; the rest fell on no note."""


class Passage(NamedTuple):
    """A stretch of seconds with a name."""

    start_seconds: float
    end_seconds: float
    name: str


def draw_attention(
    notes: RollNotes,
    asking: int,
    panels: Sequence[HeardNotes],
    path: Path,
    *,
    large: HeardNotes | None = None,
    passages: Sequence[Passage] = (),
    title: str = "",
) -> None:
    """Writes ``figure_of_attention`` as PNG; raises UserError when the file cannot be written."""
    write_png(figure_of_attention(notes, asking, panels, large=large, passages=passages, title=title), path)


def draw_distances(distances: Mapping[str, Mapping[str, FloatArray]], path: Path, title: str = "") -> None:
    """Writes ``figure_of_distances`` as PNG; raises UserError when the file cannot be written."""
    write_png(figure_of_distances(distances, title), path)


def figure_of_attention(
    notes: RollNotes,
    asking: int,
    panels: Sequence[HeardNotes],
    *,
    large: HeardNotes | None = None,
    passages: Sequence[Passage] = (),
    title: str = "",
) -> Any:
    """The picture as a matplotlib figure with an Agg canvas.

    Args:
        notes: all notes of the piece, at least one.
        asking: which of them asks; what was heard lies before it.
        panels: one for each layer and head, in reading order.
        large: drawn large above them.
        passages: stretches that are marked.
        title: what stands above all.
    """
    shown, left_out = _farthest_first_kept(notes, asking, panels)
    across = max(1, min(MOST_ACROSS, len(shown)))
    rows = math.ceil(len(shown) / across)
    large_inches = LARGE_INCHES + TITLE_INCHES + AXIS_INCHES if large is not None else 0.0
    row_inches = SMALL_INCHES + TITLE_INCHES + GAP_INCHES
    height = HEAD_INCHES + large_inches + rows * row_inches + AXIS_INCHES
    figure = empty_figure(WIDTH_INCHES, height, DOTS_PER_INCH)
    near = _stretch(notes, asking, shown, ())
    stretch = _stretch(notes, asking, [*shown, *([large] if large is not None else [])], passages)
    if large is None or near[1] - near[0] > NEAR_SHARE * (stretch[1] - stretch[0]):
        near = stretch
    words = f"{title} · {left_out} heads that hear less far are left out" if left_out else title
    _head(figure, words, passages)
    whole = WIDTH_INCHES - 2 * MARGIN_INCHES
    top = HEAD_INCHES + TITLE_INCHES
    if large is not None:
        axes = _axes(figure, MARGIN_INCHES, top, whole, LARGE_INCHES)
        _panel(axes, notes, asking, large, passages, stretch, with_axis=True)
        top += large_inches
    each = (whole - (across - 1) * GAP_INCHES) / across
    for number, panel in enumerate(shown):
        row, column = divmod(number, across)
        left = MARGIN_INCHES + column * (each + GAP_INCHES)
        axes = _axes(figure, left, top + row * row_inches, each, SMALL_INCHES)
        is_lowest = number + across >= len(shown)
        _panel(axes, notes, asking, panel, passages, near, with_axis=is_lowest, with_names=column == 0)
    return figure


def mean_distance(notes: RollNotes, asking: int, share_N: FloatArray) -> tuple[float, float]:
    """Seconds and notes from the asking note back to what it heard, in the mean; nan where no note was heard."""
    total = share_N.sum()
    if not total > 0:
        return math.nan, math.nan
    seconds = share_N @ (notes.start_seconds[asking] - notes.start_seconds) / total
    return float(seconds), float(share_N @ (asking - np.arange(len(share_N))) / total)


def figure_of_distances(distances: Mapping[str, Mapping[str, FloatArray]], title: str = "") -> Any:
    """One map for each unit: layers downwards, heads to the right, the mean distance heard in each cell.

    Args:
        distances: by unit (``seconds``, ``notes`` ...), by layer, one number for each head (H,).
        title: what stands above.
    """
    layers = [layer for table in list(distances.values())[:1] for layer in table]
    heads = max((len(row) for table in distances.values() for row in table.values()), default=1)
    name_inches = 0.2 + 0.075 * max((len(layer) for layer in layers), default=0)
    wide, high = heads * CELL_INCHES[0], max(1, len(layers)) * CELL_INCHES[1]
    width = max(4.5, name_inches + len(distances) * (wide + 0.35) + 0.1)
    figure = empty_figure(width, 0.95 + high + 0.15, DOTS_PER_INCH)
    figure.text(0.15 / width, 1 - 0.25 / (1.1 + high), title, size=9, weight="bold", va="center", **_words())
    for number, (unit, table) in enumerate(distances.items()):
        axes = _axes(figure, name_inches + number * (wide + 0.35), 0.9, wide, high)
        _map(axes, unit, table, heads, with_names=number == 0)
    return figure


def _farthest_first_kept(notes: RollNotes, asking: int, panels: Sequence[HeardNotes]) -> tuple[list[HeardNotes], int]:
    """At most MOST_PANELS, in their order, and how many were left out."""
    if len(panels) <= MOST_PANELS:
        return list(panels), 0
    seconds = np.nan_to_num([mean_distance(notes, asking, panel.share_N)[0] for panel in panels], nan=-1.0)
    kept = np.sort(np.argsort(-seconds, kind="stable")[:MOST_PANELS])
    return [panels[number] for number in kept], len(panels) - MOST_PANELS


def _stretch(
    notes: RollNotes, asking: int, panels: Sequence[HeardNotes], passages: Sequence[Passage]
) -> tuple[float, float]:
    """First and last second shown."""
    end = float(notes.start_seconds[asking])
    starts = [end - LEAST_SECONDS, *(passage.start_seconds for passage in passages)]
    for panel in panels:
        if panel.share_N.sum() > 0:
            heard = np.cumsum(panel.share_N) / panel.share_N.sum()
            starts.append(float(notes.start_seconds[np.searchsorted(heard, LEFT_OUT, side="right")]))
    start = max(min(starts), float(notes.start_seconds[0]))
    ends = [end, *(passage.end_seconds for passage in passages)]
    return start, max(*ends, end + max(0.5, AFTER_SHARE * (end - start)))


def _panel(
    axes: Any,
    notes: RollNotes,
    asking: int,
    panel: HeardNotes,
    passages: Sequence[Passage],
    stretch: tuple[float, float],
    *,
    with_axis: bool,
    with_names: bool = True,
) -> None:
    start, end = stretch
    here = (notes.start_seconds < end) & (notes.end_seconds > start)
    here[asking] = False
    low, high = int(notes.pitch[here].min(initial=notes.pitch[asking])), int(
        notes.pitch[here].max(initial=notes.pitch[asking]))  # fmt: skip
    axes.set(xlim=stretch, ylim=(low - 2, high + 2))
    for passage in passages:
        ground = _grounds(passages)[passage.name]
        axes.axvspan(passage.start_seconds, passage.end_seconds, color=ground, linewidth=0, zorder=0)
    pixels = axes.get_window_extent()
    least = (
        LEAST_PIXELS * (end - start) / pixels.width,
        max(NOTE_HEIGHT, LEAST_PIXELS * (high - low + 4) / pixels.height),
    )
    order = np.flatnonzero(here)[np.argsort(panel.share_N[here], kind="stable")]  # the strongest on top
    _rectangles(axes, notes, order, _tints(panel.share_N)[order], least)
    asked = np.array([asking])
    _rectangles(axes, notes, asked, np.array([_rgba(ASKING)]), (2 * least[0], 1.5 * least[1]))
    axes.axvline(notes.start_seconds[asking], color=ASKING, linewidth=0.7, zorder=4)
    _decorate(axes, low, high, stretch, with_axis=with_axis, with_names=with_names)
    axes.text(0, 1.03, panel.title, transform=axes.transAxes, size=7.5, va="bottom", **_words())
    said = _said(notes, asking, panel.share_N, briefly=pixels.width < BRIEFLY_PIXELS)
    axes.text(1, 1.03, said, transform=axes.transAxes, size=6.5, va="bottom", ha="right", **_words(palette.GREY))


def _grounds(passages: Sequence[Passage]) -> dict[str, str]:
    names = dict.fromkeys(passage.name for passage in passages)
    return {name: PASSAGES[number % len(PASSAGES)] for number, name in enumerate(names)}


def _said(notes: RollNotes, asking: int, share_N: FloatArray, *, briefly: bool) -> str:
    seconds, count = mean_distance(notes, asking, share_N)
    if math.isnan(seconds):
        return "no note heard"
    if briefly:
        return f"{_number(seconds)} s back"
    return f"{_number(seconds)} s, {count:.0f} notes back · {share_N.sum():.0%} on notes"


def _tints(share_N: FloatArray) -> FloatArray:
    """Grey for nothing, then from light to dark by the root of the share of the strongest (N, 4)."""
    strongest = share_N.max(initial=0.0)
    strength = np.sqrt(share_N / strongest) if strongest > 0 else np.zeros_like(share_N)
    stops = np.array([_rgba(colour) for colour in (UNHEARD, HEARD, DARKEST)])
    places = np.array([0.0, 0.35, 1.0])
    return np.stack([np.interp(strength, places, stops[:, channel]) for channel in range(4)], axis=1)


def _rectangles(
    axes: Any, notes: RollNotes, chosen: NDArray[np.int64], colours: FloatArray, least: tuple[float, float]
) -> None:
    """Notes at least so many seconds long, and so many semitones high."""
    from matplotlib.collections import PolyCollection

    start, pitch = notes.start_seconds[chosen], notes.pitch[chosen]
    end = np.maximum(notes.end_seconds[chosen], start + least[0])
    low, high = pitch - least[1] / 2, pitch + least[1] / 2
    corners = [(start, low), (start, high), (end, high), (end, low)]
    vertices: Any = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
    axes.add_collection(PolyCollection(vertices, facecolors=colours, linewidths=0, zorder=3), autolim=False)


def _decorate(
    axes: Any, low: int, high: int, stretch: tuple[float, float], *, with_axis: bool, with_names: bool
) -> None:
    """Octaves and seconds."""
    octaves = list(range(-(-low // 12) * 12, high + 1, 12))
    for pitch in octaves:
        axes.axhline(pitch - 0.5, color=palette.FAINT, linewidth=0.5, zorder=1)
    axes.set_yticks(octaves if with_names else [], [f"C{p // 12 - 1}" for p in octaves] if with_names else [])
    length = stretch[1] - stretch[0]
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if length / s <= 7), 1200)
    times = list(range(math.ceil(stretch[0] / step) * step, math.floor(stretch[1]) + 1, step))
    last_named = stretch[1] - EDGE * length if with_axis else -1.0
    axes.set_xticks(times, [f"{t // 60}:{t % 60:02d}" if t <= last_named else "" for t in times])
    axes.tick_params(length=1.5, pad=1.5, width=0.5, color=palette.FAINT, labelsize=6, labelcolor=palette.GREY,
                     labelfontfamily=palette.FONT)  # fmt: skip
    for spine in axes.spines.values():
        spine.set(color=palette.FAINT, linewidth=0.6)


def _map(axes: Any, unit: str, table: Mapping[str, FloatArray], heads: int, *, with_names: bool) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    cells = np.full((len(table), heads), np.nan)
    for row, values in zip(cells, table.values(), strict=True):
        row[: len(values)] = values
    depths = np.log1p(np.maximum(cells, 0))
    deepest = max(float(np.nanmax(depths, initial=0.0)), 1e-9)
    colours = LinearSegmentedColormap.from_list("heard", ["#F4F8FB", HEARD, DARKEST])
    axes.imshow(np.ma.masked_invalid(depths / deepest), cmap=colours, vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(cells):
        if not math.isnan(value):
            colour = "#FFFFFF" if depths[row, column] > 0.6 * deepest else palette.INK
            axes.text(column, row, _number(value), size=7, ha="center", va="center", **_words(colour))
    axes.set_xticks(range(heads), [f"head {1 + head}" for head in range(heads)])
    axes.set_yticks(range(len(table)), list(table) if with_names else [""] * len(table))
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=7, labelcolor=palette.GREY, labelfontfamily=palette.FONT)
    axes.spines[:].set_visible(False)
    axes.set_title(unit, size=8, pad=8, **_words())


def _number(value: float) -> str:
    """Three digits, or as many as stand before the point."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def _head(figure: Any, title: str, passages: Sequence[Passage]) -> None:
    """What is drawn, and what the colours mean."""
    height = figure.get_size_inches()[1]
    x, y = MARGIN_INCHES / WIDTH_INCHES, 1 - 0.2 / height
    figure.text(x, y, title, size=9, weight="bold", va="center", **_words())
    legend = [("asks", ASKING), ("not heard", UNHEARD), ("heard", HEARD), ("heard most", DARKEST)]
    legend += list(_grounds(passages).items())
    y = 1 - 0.45 / height
    for text, colour in legend:
        figure.text(x, y, "■", size=9, va="center", **_words(colour))
        said = figure.text(x + 0.014, y, text, size=7, va="center", **_words(palette.GREY))
        x = said.get_window_extent().x1 / figure.bbox.width + 0.014


def _axes(figure: Any, left: float, top: float, width: float, height: float) -> Any:
    """Axes at so many inches from the left and the top."""
    return axes_at(figure, (left, figure.get_size_inches()[1] - top - height, width, height))


def _rgba(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgba

    return to_rgba(colour)


def _words(colour: str = palette.INK) -> dict[str, Any]:
    return {"color": colour, "family": palette.FONT, "parse_math": False}
