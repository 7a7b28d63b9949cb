"""Self-similarity: how alike any two moments of a piece are, as a square of shades.

Time runs to the right and downwards, both from the upper left corner: a passage that returns is a dark line beside the
diagonal, as far from it as the time between. A plan's sections stand as a lane above. A pixel is the mean of the frames
that it covers, so that no line of a long piece falls between two pixels. What has no similarity (nan) is grey.

Single frames are often alike by chance, passages are not. ``along_seconds`` takes the mean along the diagonals, which
leaves a passage that returns in the same tempo dark and evens out the rest.

**Source** of the mean along diagonals: M. Mueller, Fundamentals of Music Processing (2015), section 4.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette
from ritornello.plotting.lanepanel import draw_lane_at
from ritornello.plotting.lanes import Span
from ritornello.plotting.page import DOTS_PER_INCH, LINE, empty_figure, plain_axes, words, write_at, write_png
from ritornello.plotting.scales import time_ticks
from ritornello.plotting.shades import NUM_SHADES, even_shades

FloatArray = NDArray[np.floating[Any]]
WIDTH_INCHES = 5.2
LEFT_INCHES, RIGHT_INCHES, BOTTOM_INCHES, TOP_INCHES = 0.42, 0.4, 0.26, 0.1
TITLE_INCHES, LANE_INCHES = 0.24, 0.19
BAR_INCHES = (0.07, 0.9)
"""Width and height of the bar of shades."""
UNKNOWN, BORDER = "#E4E4E4", palette.VOICES[2]
INCHES_PER_TIME = 0.5


def draw_similarity(
    similarity_FF: FloatArray,
    frame_seconds: float,
    path: Path,
    title: str = "",
    *,
    sections: Sequence[Span] = (),
    along_seconds: float = 0.0,
    width_inches: float = WIDTH_INCHES,
) -> None:
    """Writes the picture as PNG; arguments as of ``figure_of_similarity``.

    Raises:
        UserError: the file cannot be written.
    """
    figure = figure_of_similarity(
        similarity_FF, frame_seconds, title, sections=sections, along_seconds=along_seconds, width_inches=width_inches
    )
    write_png(figure, path)


def figure_of_similarity(
    similarity_FF: FloatArray,
    frame_seconds: float,
    title: str = "",
    *,
    sections: Sequence[Span] = (),
    along_seconds: float = 0.0,
    width_inches: float = WIDTH_INCHES,
) -> Any:
    """The picture as a matplotlib figure with an Agg canvas.

    Args:
        similarity_FF: from 0 (nothing in common) to 1 (the same); nan where nothing can be said.
        frame_seconds: from the beginning of one frame to that of the next.
        title: what stands above.
        sections: in seconds (``landmarks.py``).
        along_seconds: length of the passages that are compared; 0 = as it stands in the matrix.
        width_inches: of the whole picture; 3.2 for several beside each other.
    """
    side = round((width_inches - LEFT_INCHES - RIGHT_INCHES) * DOTS_PER_INCH) / DOTS_PER_INCH
    lane, head = LANE_INCHES if sections else 0.0, TITLE_INCHES if title else 0.0
    bottom = BOTTOM_INCHES
    figure = empty_figure(width_inches, bottom + side + lane + max(head, TOP_INCHES))
    seconds = len(similarity_FF) * frame_seconds
    extent = (0.0, seconds or 1.0)
    if title:
        _write_title(figure, title, LEFT_INCHES, bottom + side + lane + head / 2)
    if sections:
        draw_lane_at(figure, (LEFT_INCHES, bottom + side, side, lane), sections, extent)
    axes = plain_axes(figure, (LEFT_INCHES, bottom, side, side), xlim=extent, ylim=extent[::-1])
    reach = round(along_seconds / frame_seconds / 2)
    passages = along_diagonals(np.asarray(similarity_FF, dtype=np.float64), reach)
    _draw_square(axes, passages, round(side * DOTS_PER_INCH), extent[1])
    for border in [span.start for span in sections if 0 < span.start < seconds]:
        axes.axvline(border, color=BORDER, linewidth=0.9, **LINE)
        axes.axhline(border, color=BORDER, linewidth=0.9, **LINE)
    _name_times(axes, seconds, side)
    _draw_bar(figure, LEFT_INCHES + side + 0.08, bottom)
    return figure


def along_diagonals(similarity_FF: FloatArray, reach: int) -> FloatArray:
    """Mean of each cell and ``reach`` cells on both sides along its diagonal, fewer at the ends; nan is left out."""
    count = len(similarity_FF)
    known = np.isfinite(similarity_FF)
    values = np.where(known, similarity_FF, 0.0)
    total, weight = values.copy(), known.astype(np.float64)
    for ahead in range(1, min(reach, count - 1) + 1):
        for to, of in ((slice(ahead, None), slice(None, -ahead)), (slice(None, -ahead), slice(ahead, None))):
            total[to, to] += values[of, of]
            weight[to, to] += known[of, of]
    return np.where(weight > 0, total / np.maximum(weight, 1.0), np.nan)


def resampled(similarity_FF: FloatArray, num_pixels: int) -> FloatArray:
    """The square in ``num_pixels`` by ``num_pixels``: each the mean of what it covers, nan where that is all nan."""
    known = np.isfinite(similarity_FF)
    total = _shared_out(_shared_out(np.where(known, similarity_FF, 0.0), num_pixels).T, num_pixels).T
    weight = _shared_out(_shared_out(known.astype(np.float64), num_pixels).T, num_pixels).T
    covered = weight > 1e-6
    return np.where(covered, total / np.where(covered, weight, 1.0), np.nan)


def _shared_out(rows: FloatArray, num_pixels: int) -> FloatArray:
    """Means (num_pixels, F) of the rows (F, F) that each pixel covers, a row at a border shared between two."""
    count = len(rows)
    borders = np.linspace(0, count, num_pixels + 1)
    whole = np.minimum(np.floor(borders).astype(np.int64), count - 1)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    until = sums[whole] + (borders - whole)[:, None] * rows[whole]
    return np.diff(until, axis=0) * num_pixels / count


def _draw_square(axes: Any, similarity_FF: FloatArray, num_pixels: int, seconds: float) -> None:
    axes.spines[:].set_visible(True)
    if not len(similarity_FF):
        axes.text(0.5, 0.5, "no music", transform=axes.transAxes, ha="center", **words(8, palette.GREY))
        return
    extent = (0, seconds, seconds, 0)
    pixels = _coloured(resampled(similarity_FF, num_pixels))
    axes.imshow(pixels, interpolation="nearest", aspect="auto", extent=extent, origin="upper")


def _coloured(similarity_PP: FloatArray) -> NDArray[np.uint8]:
    """Red, green and blue (P, P, 3), from 0 to 255."""
    from matplotlib.colors import to_rgb

    known = np.isfinite(similarity_PP)
    shade = np.clip(np.where(known, similarity_PP, 0.0) * NUM_SHADES, 0, NUM_SHADES - 1).astype(np.int64)
    colours = np.where(known[..., None], even_shades()[shade], to_rgb(UNKNOWN))
    return np.rint(255 * colours).astype(np.uint8)


def _name_times(axes: Any, seconds: float, side_inches: float) -> None:
    times, names = time_ticks(seconds, max(2, round(side_inches / INCHES_PER_TIME)))
    axes.set_xticks(times, names)
    axes.set_yticks(times, names)
    axes.tick_params(length=2.5)


def _write_title(figure: Any, title: str, left_inches: float, middle_inches: float) -> None:
    """The title, shortened to what the picture has room for."""
    room = figure.bbox.width - left_inches * DOTS_PER_INCH - 4
    text = write_at(figure, left_inches, middle_inches, title, **words(8))
    while text.get_window_extent().width > room and len(title) > 1:
        title = title[:-1]
        text.set_text(title.rstrip() + " …")


def _draw_bar(figure: Any, left_inches: float, bottom_inches: float) -> None:
    """The shades from 0 to 1, small and beside the square."""
    width, height = BAR_INCHES
    axes = plain_axes(figure, (left_inches, bottom_inches, width, height), xlim=(0, 1), ylim=(0, 1), xticks=())
    shades = _coloured(np.linspace(0, 1, NUM_SHADES)[:, None])
    axes.imshow(shades, aspect="auto", extent=(0, 1, 0, 1), origin="lower", interpolation="nearest")
    axes.spines[:].set_visible(True)
    axes.set_yticks([0, 1], ["0", "1"])
    axes.tick_params(labelleft=False, labelright=True, labelsize=6)
