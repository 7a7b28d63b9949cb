"""Draws the plan lanes: boxes in time, each with the longest of its texts that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ritornello.plotting import palette
from ritornello.plotting.lanes import Lanes, Span
from ritornello.plotting.page import Box, axes_at, words

TEXT_POINTS = 7.0
NUMERAL_POINTS = (7.5, 7.0, 6.5, 6.0, 5.5, 5.0)
PADDING_PIXELS = 6.0
Extent = tuple[float, float]
"""Where the time axis begins and ends, in its own unit: frames, or seconds."""


class Ruler:
    """Widths of texts in frames (or seconds) of the time axis, from the fonts themselves."""

    def __init__(self, renderer: Any, pixels_per_frame: float) -> None:
        self._renderer = renderer
        self._pixels_per_frame = pixels_per_frame

    def frames(self, text: str, points: float, weight: str = "normal") -> float:
        """Width of a text, its padding included; text in dollar signs is mathtext."""
        from matplotlib.font_manager import FontProperties

        font = FontProperties(family=palette.FONT, size=points, weight=weight, math_fontfamily=palette.NUMERALS)
        width, _, _ = self._renderer.get_text_width_height_descent(text, font, text.startswith("$"))
        return (width + PADDING_PIXELS) / self._pixels_per_frame


def numeral_points(lanes: Lanes, ruler: Ruler) -> float:
    """The largest size at which no Roman numeral touches the next; the smallest if none is small enough."""
    for points in NUMERAL_POINTS:
        if all(ruler.frames(span.texts[0], points) <= span.end - span.start for span in lanes.harmony):
            return points
    return NUMERAL_POINTS[-1]


def draw_lanes(axes: Any, lanes: Lanes, system: Extent, ruler: Ruler) -> None:
    """Sections, phrases and harmony of one system, from top to bottom."""
    axes.set(ylim=(0, 3), yticks=(2.5, 1.5, 0.5), yticklabels=("sections", "phrases", "harmony"), xticks=())
    axes.spines[:].set_visible(False)
    draw_lane(axes, lanes.sections, system, 2, ruler, "bold")
    draw_lane(axes, lanes.phrases, system, 1, ruler)
    points = numeral_points(lanes, ruler)
    for span in _visible(lanes.harmony, system):
        axes.text(span.start, 0.36, span.texts[0], size=points, color=palette.INK, va="baseline",
                  math_fontfamily=palette.NUMERALS, family=palette.FONT)  # fmt: skip


def draw_lane_at(figure: Any, box: Box, spans: Sequence[Span], extent: Extent) -> None:
    """One lane in axes of its own."""
    axes = axes_at(figure, box, xlim=extent, ylim=(0, 1))
    axes.set_axis_off()
    ruler = Ruler(figure.canvas.get_renderer(), box[2] * figure.dpi / (extent[1] - extent[0]))
    draw_lane(axes, spans, extent, 0, ruler, "bold")


def draw_lane(
    axes: Any, spans: Sequence[Span], system: Extent, bottom: float, ruler: Ruler, weight: str = "normal"
) -> None:
    """One lane of boxes, from ``bottom`` to one above it."""
    for span in _visible(spans, system):
        _box(axes, span, bottom)
        _text(axes, span, bottom + 0.5, ruler, weight)


def _visible(spans: Sequence[Span], system: Extent) -> list[Span]:
    """The parts of the spans that lie in the system."""
    return [
        Span(max(span.start, system[0]), min(span.end, system[1]), span.texts, span.letter)
        for span in spans
        if span.start < system[1] and span.end > system[0]
    ]


def _box(axes: Any, span: Span, bottom: float) -> None:
    tint = palette.letter_tint(span.letter)
    width = span.end - span.start
    axes.bar(span.start, 0.9, width, bottom + 0.05, align="edge", color=tint, edgecolor="white", linewidth=1.2)


def _text(axes: Any, span: Span, y: float, ruler: Ruler, weight: str) -> None:
    """The longest text that fits, or nothing."""
    width = span.end - span.start
    fitting = (text for text in span.texts if ruler.frames(f"  {text}  ", TEXT_POINTS, weight) <= width)
    axes.text(span.start, y, "  " + next(fitting, ""), va="center", **words(TEXT_POINTS, weight=weight))
